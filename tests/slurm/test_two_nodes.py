"""Two nodes do what one does, in training and in judging, and tell of what they lose."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from deepcoder.schemas.metrics import METRICS
from deepcoder.schemas.table import read_table
from tests.slurm.lab import Lab
from tests.slurm.small_stage import SCRIPTS, make_inputs, training, verification
from tests.unit.rl.conftest import config, easy_rows, tiny_model  # noqa: F401

ON_NODES = Path(__file__).parent / "on_nodes.py"
DETECTED_SECONDS = 30


def submit(lab: Lab, folder: Path, command: list[str]) -> str:
    """Run a command with Ray on two nodes as a batch job; returns the job's number. Its output goes to folder/out."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "job.sh"
    words = shlex.join([sys.executable, str(ON_NODES), str(folder / "ray"), *command])
    script.write_text(f"#!/bin/bash\nexport PYTHONPATH={SCRIPTS}\n{words}\necho ended with $?\n")
    options = ["--parsable", "--nodes=2", "--cpus-per-task=3", f"--output={folder / 'out'}"]
    return lab.run("sbatch", *options, str(script)).stdout.strip()


def wait_for(found: Callable[[], Any], seconds: float, told: Path) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, output(told)
        time.sleep(0.1)
    return value


def output(folder: Path) -> str:
    path = folder / "out"
    return path.read_text() if path.exists() else ""


def processes(lab: Lab, job: str) -> list[psutil.Process]:
    """What a job has started and has not ended."""
    conf, found = lab.environment()["SLURM_CONF"], []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except psutil.Error:
            continue
        if environment.get("SLURM_JOB_ID") == job and environment.get("SLURM_CONF") == conf:
            found.append(process)
    return found


@pytest.fixture(scope="module")
def root(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    folder = tmp_path_factory.mktemp("stage")
    make_inputs(tiny_model, folder)
    return folder


def test_two_nodes_do_what_one_does(lab: Lab, root: Path) -> None:
    both = [shlex.join(words) for words in (training(root, "two"), verification(root, "two"))]
    submit(lab, root / "two-job", ["bash", "-c", " && ".join(both)])
    for words in (training(root, "one"), verification(root, "one")):
        subprocess.run(words, check=True, capture_output=True)
    ended = wait_for(lambda: re.search(r"ended with (\d+)", output(root / "two-job")), 240, root / "two-job")
    told = output(root / "two-job")
    assert ended[1] == "0", told
    assert len(set(re.findall(r"TrainerActor pid=\d+(, ip=[\d.]+)?\)", told))) == 2, "a rank on each node"
    by_node = re.findall(r"verdicts by node: (\d+), (\d+)", told)
    assert len(by_node) == 2
    assert all(int(count) for pair in by_node for count in pair), by_node
    compare(root)


def compare(root: Path) -> None:
    one, two = (read_table(root / run / "metrics.parquet", METRICS) for run in ("one", "two"))
    gaps = [abs(a["loss"] - b["loss"]) for a, b in zip(one, two, strict=True)]
    print(f"largest difference of a loss: {max(gaps):.1e}")
    assert max(gaps) <= 1e-5
    assert len({row["loss"] for row in one}) == 3
    for path in sorted((root / "one").rglob("*model_states.pt")):
        other = root / "two" / path.relative_to(root / "one")
        ours, theirs = (torch.load(found, weights_only=False)["module"] for found in (path, other))
        assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)
    verdicts = [(root / f"{run}-verified" / "verdicts.parquet").read_bytes() for run in ("one", "two")]
    assert verdicts[0] == verdicts[1]


def rank(process: psutil.Process) -> bool:
    return process.cmdline()[0].startswith("ray::TrainerActor")


def head(process: psutil.Process) -> bool:
    return process.name() == "gcs_server"


@pytest.mark.parametrize("victim", [rank, head], ids=["a rank of the trainer", "the head of Ray"])
def test_a_loss_is_told_of_in_bounded_time_and_nothing_is_left(
    lab: Lab, root: Path, victim: Callable[[psutil.Process], bool]
) -> None:
    folder = root / f"{victim.__name__}-job"
    job = submit(lab, folder, training(root, victim.__name__, steps=500))
    wait_for(lambda: "step 1/" in output(folder), 180, folder)
    killed = next(process for process in processes(lab, job) if process.cmdline() and victim(process))
    os.kill(killed.pid, signal.SIGKILL)
    began = time.monotonic()
    ended = wait_for(lambda: re.search(r"ended with (\d+)", output(folder)), 2 * DETECTED_SECONDS, folder)
    print(f"{victim.__name__}: {time.monotonic() - began:.1f} s until the job ended")
    assert ended[1] == "75"
    assert "run again to resume" in output(folder)
    wait_for(lambda: not processes(lab, job), 10, folder)
    assert {path.suffix for path in (folder / "ray/nodes").iterdir()} == {".log"}
