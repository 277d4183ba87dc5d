"""Run the workflow where nobody has to stay: Snakemake itself becomes a small SLURM job that follows itself.

scripts/detach.py [--local] [words of snakemake]      scripts/detach.py --stop

Without words it makes `all`. The job submits others, from a compute node: where a site forbids that, or where its nodes
have no network while data are fetched, --local runs it on this host instead, in a session that outlives the connection.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from deepcoder.cluster.detach import Detached, detach, run_part, stop, submit
from deepcoder.config import compose_config, parse_overrides
from deepcoder.config.load import merge, nest
from deepcoder.config.machine import Site
from deepcoder.config.schema import Config
from deepcoder.errors import UserError
from deepcoder.provenance.freeze import freeze, git_state


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/detach.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profile", default="slurm", help='of snakemake; "" for none, with --local')
    parser.add_argument("--local", action="store_true", help="as a process of this host instead of a job")
    parser.add_argument("--stop", action="store_true", help="end the run, and the jobs that it has submitted")
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)
    args, words = parser.parse_known_args()
    run = Detached(Path.cwd())
    try:
        if args.stop:
            stop(run, say)
        elif args.part:
            sys.exit(part(run))
        else:
            start(run, args.profile, args.local, words)
    except UserError as error:
        sys.exit(f"error: {error}")


def start(run: Detached, profile: str, local: bool, words: list[str]) -> None:
    """Start a run of the checkout's code as it is now; every part of it runs that code."""
    config = config_of(profile, words)
    site = site_of(config)
    if site is None and not local:
        raise UserError("no site in the configuration; run with --profile slurm, or --local")
    snakemake = [*(["--profile", profile] if profile else []), *(words or ["all"])]
    code = freeze(run.checkout, run.checkout / "results/code")
    variables = {"DEEPCODER_CODE": str(code), "DEEPCODER_GIT": json.dumps(git_state(run.checkout))}
    command = [sys.executable, str(code / "scripts/detach.py"), "--part"]
    where = detach(run, snakemake, config.scale, variables, site, command, local)
    say(f"{where} runs snakemake {' '.join(snakemake)}")
    say(f"look with scripts/status.py results/{config.scale}, or {run.log}; end it with scripts/detach.py --stop")


def part(run: Detached) -> int:
    """One part of a run, as the job or the process that `start` made."""
    words = run.declared["words"]
    if run.declared["local"]:
        return run_part(run, None, say)
    site = site_of(config_of(words[1], words))
    assert site is not None, "start has seen to it"
    return run_part(run, lambda: submit(run, site, [sys.executable, str(Path(__file__).resolve()), "--part"]), say)


def config_of(profile: str, words: list[str]) -> Config:
    """The configuration that Snakemake will compose from its profile and words."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", default=[])
    parser.add_argument("--config", "-C", nargs="*", default=[])
    given, _ = parser.parse_known_args(words)
    files = given.configfile
    if profile:
        path = Path(profile, "config.yaml")
        if not path.exists():
            raise UserError(f"{path}: no such file; run from the repository's root")
        files = files or yaml.safe_load(path.read_text(encoding="utf-8")).get("configfile", [])
    settings: dict[str, Any] = {}
    for name in files:
        merge(settings, nest(yaml.safe_load(Path(name).read_text(encoding="utf-8")) or {}))
    merge(settings, parse_overrides(word for word in given.config if "=" in word))
    return compose_config(settings)


def site_of(config: Config) -> Site | None:
    return OmegaConf.to_object(config.site) if config.site is not None else None  # type: ignore[arg-type, return-value]


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
