"""Snakemake runs as a job that follows itself to the end of the run, alone, and files tell how far it is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepcoder.cluster.detach import Detached
from tests.checkout import ROOT, copy_checkout
from tests.slurm.lab import Lab

STAND_IN = ROOT / "tests/workflow/stand_in.py"
SITE = """
site: {partition: gpu, account: null, qos: null, gpu_type: h100, gpus_per_node: 8, cpus_per_node: 8,
  memory_mb_per_node: 100000, max_minutes: 60, warning_seconds: 60, poll_seconds: 1, lag_seconds: 3}
"""
# One rule waits for a file, so that a test may look at a run in the middle.
GATE = """
import os, sys, time
while not os.path.exists("go") and sys.argv[1].endswith("/normalise.py"):
    time.sleep(0.2)
os.execv(sys.executable, [sys.executable, os.environ["STAND_IN"], *sys.argv[1:]])
"""
OUTPUT = "results/smoke/data/problems/easy/manifest.json"
WORDS = (OUTPUT, "--config", "train_sources=[easy]", "report_benchmarks=[easy]")


@pytest.fixture
def checkout(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with quick doors, from which the cluster is reached as from inside another job."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    copy_checkout(folder)
    (folder / "profiles/slurm/site.yaml").write_text(SITE)
    (folder / "profiles/slurm/paper.yaml").write_text("scale: smoke\n")
    (folder / "gate.py").write_text(GATE)
    common = folder / "rules/common.smk"
    text = common.read_text().replace("PYTHON = sys.executable", f'PYTHON = f"{{sys.executable}} {folder}/gate.py"')
    # The launchers are real.
    text = text.replace("{told} {PYTHON} {CODE}/scripts/launch.py", "{told} {sys.executable} {CODE}/scripts/launch.py")
    common.write_text(text)
    monkeypatch.chdir(folder)
    for name, value in lab.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STAND_IN", str(STAND_IN))
    for name, value in {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "3", "SBATCH_TIMELIMIT": "1"}.items():
        monkeypatch.setenv(name, value)
    yield folder
    lab.reset()


def call(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"scripts/{script}.py", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def without_slurm() -> str:
    """What status.py prints where no SLURM answers."""
    variables = {name: value for name, value in os.environ.items() if name != "SLURM_CONF"} | {"PATH": "/nowhere"}
    command = [sys.executable, "scripts/status.py", "results/smoke"]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=variables).stdout


def log() -> str:
    path = Path("results/detached/run.log")
    return path.read_text() if path.exists() else ""


def jobs(lab: Lab) -> list[dict[str, object]]:
    """All jobs that came from this checkout, the rules' ones by their names."""
    return [job for job in lab.queue() if job["current_working_directory"] == os.getcwd()]


def of_rule(lab: Lab, state: str) -> list[int]:
    named = [job for job in jobs(lab) if str(job["name"]).startswith("deepcoder-normalise")]
    return [int(str(job["job_id"])) for job in named if job["job_state"] == state]


def begin(lab: Lab, *options: str) -> int:
    """A detached run whose only job of a rule is running; its own job's number, or its process's."""
    done = call("detach", *options, *WORDS)
    assert done.returncode == 0, done.stderr
    try:
        lab.wait_for(lambda: of_rule(lab, "RUNNING"), 40)
    except Exception as error:
        raise AssertionError(log()) from error
    return int(done.stdout.split()[1])


def test_a_run_goes_on_in_a_job_of_its_own_over_a_time_limit_to_its_end(lab: Lab, checkout: Path) -> None:
    first = begin(lab)
    (made_by,) = of_rule(lab, "RUNNING")

    second = call("detach")
    assert second.returncode == 1
    assert f"error: job {first} (RUNNING) is at it already" in second.stderr

    told = without_slurm()
    assert "detached run: at work on " in told
    assert "1 at work, 0 failed" in told
    assert "normalise: results/smoke/data/problems/easy/manifest.json" in told
    assert f"job {made_by}, by its lease; SLURM does not answer" in told

    lab.run("scancel", "--batch", "--signal=USR1", str(first))
    run = Detached(checkout)
    lab.wait_for(lambda: sum(event["event"] == "started" for event in run.events) == 2, 40)
    assert of_rule(lab, "RUNNING") == [made_by], "the job of the rule is left alone"
    lab.wait_for(lambda: "is making" in launcher_log(), 40)
    Path("go").touch()
    lab.wait_for(lambda: run.events[-1]["event"] == "ended", 40)
    assert run.events[-1]["status"] == 0, log()
    assert [event["event"] for event in run.events if event["event"] != "submitted"] == [
        "started", "left", "started", "ended",
    ]  # fmt: skip
    assert len([job for job in jobs(lab) if str(job["name"]).startswith("deepcoder-normalise")]) == 1
    assert "detached run: ended well" in without_slurm()
    assert "2 parts so far" in without_slurm()


def launcher_log() -> str:
    path = Path("results/smoke/logs/normalise/easy.log")
    return path.read_text() if path.exists() else ""


def test_scancel_leaves_the_jobs_of_a_run_alone_and_stop_ends_them_too(lab: Lab, checkout: Path) -> None:
    first = begin(lab)
    (made_by,) = of_rule(lab, "RUNNING")
    lab.run("scancel", str(first))
    lab.wait_for(lambda: lab.job(first)["job_state"] not in ("RUNNING", "COMPLETING"), 20)
    assert of_rule(lab, "RUNNING") == [made_by]
    assert "is gone; start it again to go on" in without_slurm(), "no failure was made of it"
    done = call("detach", *WORDS)
    assert done.returncode == 0, done.stderr
    lab.wait_for(lambda: "is making" in launcher_log(), 40)
    stopped = call("detach", "--stop")
    assert stopped.returncode == 0, stopped.stderr
    assert f"cancelling job {made_by}" in stopped.stdout
    lab.wait_for(lambda: of_rule(lab, "RUNNING") == [], 20)
    assert "detached run: was stopped" in without_slurm()


def test_without_a_job_it_runs_in_a_session_of_its_own_and_can_be_stopped(lab: Lab, checkout: Path) -> None:
    process = begin(lab, "--local")
    assert os.getsid(process) == process, "a lost connection ends the sessions of its terminal"
    second = call("detach", "--local", *WORDS)
    assert second.returncode == 1
    assert f"error: process {process} on " in second.stderr
    stopped = call("detach", "--stop")
    assert stopped.returncode == 0, stopped.stderr
    lab.wait_for(lambda: of_rule(lab, "RUNNING") == [], 20)
    assert Detached(checkout).events[-1]["event"] == "stopped"
    assert call("detach", "--stop").stdout.startswith("it has ended already")
