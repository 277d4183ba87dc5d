"""How long `snakemake all` takes to find that nothing is to be done, as the paper's run grows.

Artifacts are small files with true records: of the rules, inputs, identities and hashes that the workflow itself names.
A run grows by models that are only evaluated. Last line: {"artifacts": [...], "seconds": [...], "ms_per_artifact": x}.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT)]

from tests.checkout import copy_checkout  # noqa: E402

from deepcoder.files import sha256_json, write_text  # noqa: E402
from deepcoder.manifest import write_manifest  # noqa: E402
from deepcoder.provenance.identity import Identity  # noqa: E402
from deepcoder.provenance.lockfile import collect  # noqa: E402
from deepcoder.provenance.record import GIT_VARIABLE, Recorder  # noqa: E402

OUT = Path("results/paper")
TEMPLATE = "deepcoder-14b"
ARTIFACTS_PER_MODEL = 29  # a model, and for each of 4 benchmarks its samples, with verdicts and scores at 3 contexts


def snakemake(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Plan or run the paper's workflow in the working folder, without a cluster."""
    command = [sys.executable, "-m", "snakemake", *words, "--profile", "slurm", "--executor", "local", "all"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEEPCODER_")}
    done = subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done


def add_models(number: int) -> None:
    """Let the tables show so many more models."""
    model = yaml.safe_load(Path("config/model", f"{TEMPLATE}.yaml").read_text(encoding="utf-8"))
    names = [f"more-{index}" for index in range(number)]
    path = Path("config/scale/paper.yaml")
    scale = path.read_text(encoding="utf-8").replace(f"[{TEMPLATE}]", f"[{', '.join([TEMPLATE, *names])}]", 1)
    path.write_text(f"{scale}\n{yaml.safe_dump({'models': dict.fromkeys(names, model)})}", encoding="utf-8")


def fake_results() -> None:
    """Make every artifact that the workflow names, in an order in which its inputs are there, and the lock of them."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "why.jsonl")
        snakemake("-n", "--quiet", "all", DEEPCODER_WHY=str(told))
        jobs = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    waiting = {job["outputs"][0]: job for job in jobs}
    while waiting:
        ready = [job for job in waiting.values() if all(Path(path).exists() for path in job["inputs"])]
        if not ready:
            sys.exit(f"nothing can be made: {next(iter(waiting))} waits for an input that no rule makes")
        for job in ready:
            fake_job(job)
            del waiting[job["outputs"][0]]
    subprocess.run([sys.executable, "scripts/lock.py", str(OUT), str(OUT / "provenance.lock")], check=True)


def fake_job(job: dict[str, Any]) -> None:
    """The outputs of a job with their record."""
    outputs, inputs = [Path(path) for path in job["outputs"]], [Path(path) for path in job["inputs"]]
    script = Path("scripts", f"{job['rule']}.py")
    recorder = Recorder(script, args={}, inputs=inputs, outputs=outputs)
    recorder.start(job["identity"]["config"], Identity(**job["identity"]))
    for output in outputs:
        if output.suffix == ".json":
            payload = output.with_name(f"{output.stem}.payload")
            write_text(payload, sha256_json(str(output)))
            write_manifest(output, "stand-in", [payload])
        else:
            write_text(output, str(output))
    recorder.finish()


def measure(artifacts: int) -> tuple[int, float, float]:
    """Artifacts there are, and seconds and CPU seconds of a run that finds nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        copy_checkout(Path(folder))
        os.chdir(folder)
        add_models(max(0, (artifacts - 130) // ARTIFACTS_PER_MODEL))
        fake_results()
        snakemake()  # Snakemake takes down what it finds of files that it has not made
        used, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = snakemake()
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if "Nothing to be done" not in done.stdout + done.stderr:
            sys.exit(f"something was to be done:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        found = len(collect(OUT))
        os.chdir(ROOT)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return found, seconds, cpu


def main(sizes: Sequence[int]) -> None:
    os.environ[GIT_VARIABLE] = json.dumps({"commit": None, "dirty": None})
    rows = [measure(size) for size in sizes]
    for found, seconds, cpu in rows:
        print(f"{found:6} artifacts: {seconds:6.2f} s, {cpu:6.2f} s of CPU")
    (small, first, _), (large, last, _) = rows[0], rows[-1]
    slope = (last - first) / max(1, large - small) * 1000
    figures = {"artifacts": [row[0] for row in rows], "seconds": [round(row[1], 2) for row in rows]}
    print(json.dumps({**figures, "ms_per_artifact": round(slope, 2)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifacts", type=int, nargs="+", default=[0, 1000, 3000, 10000])
    main(parser.parse_args().artifacts)
