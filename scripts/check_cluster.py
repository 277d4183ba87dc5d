"""Try out what profiles/slurm/site.yaml says of a cluster: ask SLURM, then run a one-minute job of each kind of rule.

scripts/check_cluster.py [key=value ...]      (make check-cluster; ends with 1 where something that the run needs fails)
"""

import argparse
import json
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deepcoder.cluster.check import Trial, kinds_of, try_out
from deepcoder.cluster.findings import Finding, Wanted, findings_of
from deepcoder.cluster.login import login_findings
from deepcoder.config import compose_config, parse_overrides
from deepcoder.config.load import SITE_FILE, merge
from deepcoder.config.machine import Resources, Site
from deepcoder.errors import UserError
from deepcoder.files import remove, write_text
from deepcoder.plan.estimate import estimate

CODE = Path(__file__).resolve().parents[1]
STYLES = {"ok": "green", "warning": "yellow", "FAIL": "bold red"}
LOCKED = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/check_cluster.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="as on snakemake --config")
    parser.add_argument("--site", type=Path, default=Path(SITE_FILE), help="another site's file, to try it")
    parser.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="that a job may pend (600)")
    parser.add_argument("--no-jobs", action="store_true", help="only what can be asked of SLURM without a job")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write lines and reports of the nodes there; - prints them instead"
    )
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        config = config_of(args.site, args.overrides)
        found, trials = check(config, args.wait, args.no_jobs)
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    if args.json:
        told = {"findings": [asdict(line) for line in found], "reports": {t.kind.name: t.reports for t in trials}}
        text = json.dumps(told, indent=2) + "\n"
        sys.stdout.write(text) if str(args.json) == "-" else write_text(args.json, text)
    if str(args.json) != "-":
        show(found)
    sys.exit(any(line.result == "FAIL" for line in found))


def config_of(site_file: Path, words: Sequence[str]) -> Any:
    """The configuration of the paper's scale, or of the one that is asked for, on a site.

    Raises:
        UserError: the site's file is missing or wrong; it names the key.
    """
    try:
        said = yaml.safe_load(site_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{site_file}: {' '.join(str(error).split())}; start from {SITE_FILE} of git") from error
    if not isinstance(said, dict) or not isinstance(said.get("site"), dict):
        raise UserError(f"{site_file}: no block 'site:' with keys below it; start from {SITE_FILE} of git")
    overrides: dict[str, Any] = {"scale": "paper"}
    merge(overrides, said)
    merge(overrides, parse_overrides(words))
    return compose_config(overrides)


def check(config: Any, wait: float, no_jobs: bool) -> tuple[list[Finding], list[Trial]]:
    """All lines of the table, and what became of the jobs."""
    site: Site = OmegaConf.to_object(config.site)  # type: ignore[assignment]
    resources: dict[str, Resources] = OmegaConf.to_object(config.resources)  # type: ignore[assignment]
    kinds = kinds_of(resources, site.on_login)
    found = list(login_findings(site, resources, kinds))
    if no_jobs or any(line.result == "FAIL" for line in found):
        return found, []
    results = Path("results", config.scale).absolute()
    folder = results / "work/check" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    question = {
        "results": str(results),
        "scratch": site.scratch,
        "isolation": config.judge.isolation,
        "packages": locked(config.environment),
    }
    command = [site.python or sys.executable, str(CODE / "scripts/probe.py")]
    try:
        trials = try_out(kinds, site, folder, question, command, wait, tell)
    finally:
        remove(folder)
        with suppress(OSError):  # the first that is not empty
            for parent in folder.parents[:4]:
                parent.rmdir()
    wanted = Wanted(config.environment == "cuda", disk_gb(config))
    return found + [line for trial in trials for line in findings_of(trial, site, wanted)], trials


def locked(environment: str) -> dict[str, str]:
    """Version of every package in the locks of an environment."""
    texts = [path.read_text(encoding="utf-8") for path in (CODE / "envs").glob(f"*{environment}.lock")]
    return {name: version for text in texts for name, version in LOCKED.findall(text)}


def disk_gb(config: Any) -> float:
    """What a run's checkpoints and models take at least, as make plan estimates it."""
    return sum(stage.disk_bytes for stage in estimate(config).stages) / 1e9


def show(found: Sequence[Finding]) -> None:
    """Print the table, and how it ends."""
    console = Console(stderr=False, width=None if sys.stdout.isatty() else 140, highlight=False)
    table = Table(show_lines=False)
    for name in ("where", "check", "result", "seen and what to do"):
        table.add_column(name, overflow="fold")
    before = ""
    for line in found:
        seen = f"{line.seen}\n-> {line.remedy}" if line.remedy else line.seen
        if before not in ("", line.where):
            table.add_section()
        style = STYLES[line.result]
        table.add_row(
            "" if line.where == before else line.where, line.check, f"[{style}]{line.result}[/]", escape(seen)
        )
        before = line.where
    console.print(table)
    counts = {result: sum(line.result == result for line in found) for result in STYLES}
    console.print(", ".join(f"{count} {result}" for result, count in counts.items()))
    if any(line.result == "FAIL" and line.where == found[0].where for line in found):
        console.print("no job was submitted: mend the lines of the login node first")


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
