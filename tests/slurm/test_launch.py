"""A launcher submits a command once, adopts it, goes on where SLURM ended it, and says why it failed for good."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deepcoder.cluster.batch import options_of
from deepcoder.cluster.launch import Task, launch
from deepcoder.cluster.lease import Desk
from deepcoder.config.machine import Resources, Site
from deepcoder.errors import UserError
from tests.slurm.lab import Lab
from tests.slurm.site import SITE

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
# Counts its starts, tells of a warning, and ends well once it has been warned as often as its file says.
PATIENT = """
import pathlib, signal, sys, time
out, wanted = pathlib.Path(sys.argv[1]), int(sys.argv[2])
starts = out.with_suffix(".starts")
starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
def warned(*_):
    print("warned", flush=True)
    sys.exit(75)
signal.signal(signal.SIGUSR1, warned)
print("start", len(starts.read_text()), flush=True)
while len(starts.read_text()) <= wanted:
    time.sleep(0.1)
out.write_text("done")
"""


def task(*command: str, identity: str = "one", **needs: int) -> Task:
    asked = Resources(memory_mb=100, runtime_min=5, **needs)
    return Task("train_stage", Path("results/out.json"), command, identity, asked, {"TMPDIR": "/tmp"})


def desk(a_task: Task) -> Desk:
    return Desk(Path("results/work/jobs"), a_task.rule, a_task.output)


def patient(warnings: int, identity: str = "one") -> Task:
    Path("results").mkdir(exist_ok=True)
    return task(sys.executable, "-c", PATIENT, "results/out.json", str(warnings), identity=identity)


def run(a_task: Task, site: Site = SITE) -> list[str]:
    """What a launcher tells until it returns."""
    told: list[str] = []
    launch(a_task, site, desk(a_task), [sys.executable, str(SCRIPTS / "segment.py")], told.append)
    return told


class Launcher:
    """A launcher in a thread; `join` raises what it raised."""

    def __init__(self, a_task: Task) -> None:
        self.error: BaseException | None = None
        self.told: list[str] = []
        self.thread = threading.Thread(target=self._run, args=(a_task,), daemon=True)
        self.thread.start()

    def _run(self, a_task: Task) -> None:
        try:
            self.told = run(a_task)
        except BaseException as error:
            self.error = error

    def join(self, seconds: float = 90) -> list[str]:
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "the launcher still waits"
        if self.error:
            raise self.error
        return self.told


def running(lab: Lab) -> list[int]:
    return [job["job_id"] for job in lab.queue() if job["job_state"] == "RUNNING"]


def submitted(lab: Lab) -> int:
    """How many jobs the cluster has had from this working folder."""
    return sum(job["current_working_directory"] == os.getcwd() for job in lab.queue())


def started(times: int) -> Callable[[], bool]:
    starts = Path("results/out.starts")
    return lambda: starts.exists() and len(starts.read_text()) >= times


def test_a_command_runs_as_a_job_with_what_its_rule_asks_for(lab: Lab, here: Path) -> None:
    shown = "echo $SLURM_JOB_NUM_NODES $SLURM_CPUS_PER_TASK $CUDA_VISIBLE_DEVICES $TMPDIR > results/out.json"
    Path("results").mkdir()
    told = run(task("sh", "-c", shown, nodes=2, gpus_per_node=3, cpus=2))
    assert Path("results/out.json").read_text().split() == ["2", "2", "0,1,2", "/tmp"]
    assert told[0].startswith("job ")


def test_a_second_launcher_adopts_the_job_of_one_that_died_and_none_is_submitted_twice(lab: Lab, here: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", DYING, str(SCRIPTS)], env=os.environ | {"PATIENT": PATIENT})
    lab.wait_for(started(1), 20)
    first.kill()
    first.wait()
    second = Launcher(patient(0 + 1))
    time.sleep(2)
    Path("results/out.starts").write_text("xx")
    assert "is making" in second.join()[0]
    assert Path("results/out.json").read_text() == "done"
    assert submitted(lab) == 1


DYING = """
import os, sys
sys.path.insert(0, sys.argv[1]); sys.path.insert(0, os.path.dirname(sys.argv[1]))
from tests.slurm.test_launch import patient, run
run(patient(1))
"""


def test_a_job_that_makes_it_from_something_else_is_an_error_that_names_it(lab: Lab, here: Path) -> None:
    first = Launcher(patient(1))
    (job,) = lab.wait_for(lambda: running(lab), 20)
    lab.wait_for(started(1), 20)
    other = Desk(Path("results/work/jobs"), "train_stage", Path("results/out.json"))
    with pytest.raises(UserError, match="is waiting for it already"):
        run(patient(1, identity="two"))
    # Without the first launcher it is the job itself that is named.
    lease = other.lease
    assert lease is not None
    assert lease.job == str(job)
    from deepcoder.cluster.launch import adopted

    with pytest.raises(UserError, match=rf"job {job} is making it from another configuration, code or inputs"):
        adopted(patient(1, identity="two"), other, print)
    Path("results/out.starts").write_text("xx")
    first.join()


def test_a_warning_before_the_time_limit_ends_a_job_and_the_next_goes_on(lab: Lab, here: Path) -> None:
    launcher = Launcher(patient(2))
    for times in (1, 2):
        lab.wait_for(started(times), 30)
        (job,) = lab.wait_for(lambda: running(lab), 20)
        time.sleep(0.5)
        lab.run("scancel", "--batch", "--signal=USR1", str(job))
    launcher.join()
    assert Path("results/out.starts").read_text() == "xxx"
    assert submitted(lab) == 3


def test_a_preempted_job_is_waited_for_and_ends_under_the_same_number(lab: Lab, here: Path) -> None:
    launcher = Launcher(patient(1))
    lab.wait_for(started(1), 20)
    lab.submit("sleep 1", "--partition=urgent", "--nodes=4", "--exclusive", "--chdir=/")
    launcher.join()
    assert Path("results/out.json").read_text() == "done"
    assert submitted(lab) == 1


def test_a_job_whose_node_dies_goes_on_on_another(lab: Lab, here: Path) -> None:
    launcher = Launcher(patient(1))
    lab.wait_for(started(1), 20)
    (job,) = running(lab)
    node = lab.job(job)["batch_host"]
    lab.kill_node(node)
    launcher.join()
    assert Path("results/out.json").read_text() == "done"
    assert submitted(lab) == 1
    lab.wait_for(lambda: "*" in lab.nodes()[node], 40)


def test_a_command_that_fails_is_one_error_with_its_log_its_job_and_how_to_go_on(lab: Lab, here: Path) -> None:
    with pytest.raises(UserError) as caught:
        run(task("sh", "-c", "echo error: no such file >&2; exit 3"))
    told = str(caught.value)
    job = next(job["job_id"] for job in lab.queue() if job["current_working_directory"] == os.getcwd())
    assert told.startswith(f"job {job} (train_stage) ended with status 3 on ")
    assert "    error: no such file\n" in told
    assert told.endswith("go on with: snakemake --profile slurm results/out.json")
    assert submitted(lab) == 1


def test_a_command_that_the_kernel_kills_is_said_to_lack_memory(lab: Lab, here: Path) -> None:
    with pytest.raises(UserError, match="most likely for its memory; give its rule more in resources"):
        run(task("sh", "-c", "kill -9 $$"))


def test_a_job_that_a_user_cancels_is_not_started_again(lab: Lab, here: Path) -> None:
    launcher = Launcher(patient(1))
    lab.wait_for(started(1), 20)
    lab.run("scancel", str(running(lab)[0]))
    with pytest.raises(UserError, match="was cancelled"):
        launcher.join()
    assert submitted(lab) == 1


def test_a_command_that_asks_to_be_run_again_is_until_it_was_too_often(lab: Lab, here: Path) -> None:
    with pytest.raises(UserError, match="was lost like 2 before it"):
        run(task("sh", "-c", "exit 75"))
    assert submitted(lab) == 3


def test_more_than_a_node_has_is_an_error_that_names_the_keys() -> None:
    with pytest.raises(UserError, match=r"gpus_per_node=9 a node.*has 8 \(profiles/slurm/site.yaml\)"):
        options_of(SITE, Resources(memory_mb=1, runtime_min=1, gpus_per_node=9), "train_stage", Path("log"), "")


@pytest.mark.parametrize(("minutes", "warned"), [(1, 15), (2, 30), (60, 30)])
def test_a_warning_leaves_a_short_job_most_of_its_time(minutes: int, warned: int) -> None:
    options = options_of(SITE, Resources(memory_mb=1, runtime_min=minutes), "score", Path("log"), "")
    assert f"--signal=B:USR1@{warned}" in options


def test_what_slurm_refuses_is_told_in_its_words(lab: Lab, here: Path) -> None:
    with pytest.raises(UserError, match=r"(?i)invalid partition"):
        run(task("true"), Site(**{**vars(SITE), "partition": "nowhere"}))


def test_ctrl_c_cancels_the_job_and_the_next_launcher_goes_on(lab: Lab, here: Path) -> None:
    command = [sys.executable, str(SCRIPTS / "launch.py"), "train_stage", "results/out.json", "--block", "default"]
    command += ["--identity", "one", "--jobs", "results/work/jobs", "--", *patient(1).command]
    site = {f"site__{name}": value for name, value in vars(SITE).items() if value is not None}
    overrides = {"DEEPCODER_OVERRIDES": json.dumps(site)}
    launcher = subprocess.Popen(command, env=os.environ | overrides, stdout=subprocess.PIPE, text=True)
    lab.wait_for(started(1), 30)
    launcher.send_signal(signal.SIGINT)
    out, _ = launcher.communicate(timeout=30)
    assert launcher.returncode == 130
    assert "cancelling job" in out
    lab.wait_for(lambda: not running(lab), 20)
    assert subprocess.run(command, env=os.environ | overrides, check=False).returncode == 0
    assert Path("results/out.json").read_text() == "done"
    assert submitted(lab) == 2
