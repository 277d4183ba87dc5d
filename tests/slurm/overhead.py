"""What a job costs beside its work: a launcher against SLURM's own `sbatch --wait` and Snakemake's SLURM executor.

python -m tests.slurm.overhead      starts a cluster of its own. Seconds from asking for a job that does nothing to
seeing its end; last line: {"slurm": ..., "launcher": ..., "executor": ..., "launcher_over_slurm": ...}.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))

from deepcoder.cluster.launch import Task, launch  # noqa: E402
from deepcoder.cluster.lease import Desk  # noqa: E402
from deepcoder.config.machine import Resources  # noqa: E402
from tests.slurm.lab import Lab  # noqa: E402
from tests.slurm.site import SITE  # noqa: E402

SNAKEFILE = 'rule all:\n    output: "out-{number}.txt"\n    shell: "touch {{output}}"\n'


def by_slurm(number: int) -> None:
    subprocess.run(["sbatch", "--wait", "--output=/dev/null", "--mem=100M", "--wrap=true"], check=True)


def by_launcher(number: int) -> None:
    task = Task("train_stage", Path(f"out-{number}"), ["true"], "one", Resources(memory_mb=100, runtime_min=5), {})
    launch(task, SITE, Desk(Path("jobs"), task.rule, task.output), [sys.executable, f"{SCRIPTS}/segment.py"], str)


def by_executor(number: int) -> None:
    Path("Snakefile").write_text(SNAKEFILE.format(number=number), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--executor", "slurm", "--jobs", "1", "--quiet", "all"]
    command += ["--default-resources", "slurm_partition=gpu", "mem_mb=100", "runtime=5"]
    # Its shortest wait: by default it looks 40 s after the submission for the first time.
    command += ["--slurm-init-seconds-before-status-checks", "1", "--slurm-status-command", "squeue"]
    subprocess.run(command, check=True, capture_output=True)


def seconds(act: Callable[[int], None], times: int) -> float:
    """Median time of an act."""
    found = []
    for number in range(times):
        start = time.perf_counter()
        act(number)
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def main(times: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder, "lab"), nodes=2) as lab:
        os.environ.update(lab.environment())
        os.chdir(folder)
        slurm, launcher = seconds(by_slurm, times), seconds(by_launcher, times)
        executor = seconds(by_executor, max(1, times // 5))
        os.chdir("/")
    found = {"slurm": slurm, "launcher": launcher, "executor": executor, "launcher_over_slurm": launcher / slurm}
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    main(parser.parse_args().times)
