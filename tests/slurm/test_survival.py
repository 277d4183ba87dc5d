"""A stage that a cluster interrupts in every way it knows ends in the bytes of one that nobody disturbed."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.slurm.lab import Lab
from tests.slurm.paper import Paper

Start = Callable[[], Paper]


@pytest.fixture
def paper(prepared: Path, lab: Lab, tmp_path: Path) -> Iterator[Paper]:
    found = Paper(prepared, tmp_path / "checkout", lab)
    yield found
    print(f" {found.steps_done_twice()} steps done twice, {found.seconds:.0f} s to the end, {len(found.jobs)} jobs")
    lab.reset()


def test_a_time_limit_reached_twice_is_a_chain_of_jobs(paper: Paper, undisturbed: bytes) -> None:
    run = paper.start()
    for step in (4, 12):
        paper.reach(step)
        job = paper.running
        door = paper.door(job)
        # SLURM looks at limits every 30 seconds, in which a stage as small as this one would be through.
        os.kill(door, signal.SIGSTOP)
        minutes = paper.lab.job(job)["time_limit"] - paper.minutes_left(job)
        paper.lab.run("scontrol", "update", f"jobid={job}", f"timelimit={minutes + 1}")
        paper.lab.wait_for(lambda door=door: is_warned(door), 90)
        os.kill(door, signal.SIGCONT)
        paper.lab.wait_for(lambda job=job: paper.lab.job(job)["job_state"] != "RUNNING", 60)
    assert paper.finish(run) == undisturbed
    assert len(paper.jobs) == 3
    assert paper.steps_done_twice() == 0, "a warned stage saves what it has"


def is_warned(pid: int) -> bool:
    """Whether a process that stands still has SIGUSR1 to answer."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("ShdPnd"))
    return bool(int(line.split()[1], 16) >> (signal.SIGUSR1 - 1) & 1)


def test_a_preempted_stage_goes_on_under_its_own_number(paper: Paper, undisturbed: bytes) -> None:
    run = paper.start()
    paper.reach(6)
    paper.lab.submit("sleep 3", "--partition=urgent", "--nodes=4", "--exclusive", "--chdir=/")
    assert paper.finish(run) == undisturbed
    assert len(paper.jobs) == 1


def test_nodes_that_are_set_down_and_die_cost_a_few_steps(paper: Paper, undisturbed: bytes) -> None:
    run = paper.start()
    paper.reach(6)
    paper.lab.down(paper.lab.job(paper.running)["batch_host"])
    paper.lab.wait_for(lambda: paper.lab.job(paper.jobs[0])["restart_cnt"] == 1, 30)
    paper.reach(14)
    paper.lab.kill_node(paper.lab.job(paper.running)["batch_host"])
    assert paper.finish(run) == undisturbed
    assert len(paper.jobs) == 1
    assert paper.steps_done_twice() <= 8, "no more than since the last checkpoint, twice"


def test_a_killed_rank_and_a_killed_ray_head_are_noticed_and_the_stage_goes_on(
    paper: Paper, undisturbed: bytes
) -> None:
    run = paper.start()
    for step, name in ((6, "ray::TrainerActo"), (14, "raylet")):
        paper.reach(step)
        job = paper.running
        assert kill_in_job(paper.lab, job, name)
        paper.lab.wait_for(lambda job=job: paper.lab.job(job)["job_state"] != "RUNNING", 90)
    assert paper.finish(run) == undisturbed
    assert len(paper.jobs) == 3


def kill_in_job(lab: Lab, job: int, name: str) -> int:
    """SIGKILL for the processes of that name in a job; how many there were."""
    found = 0
    for pid in lab.processes(lab.job(job)["batch_host"]):
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip().startswith(name[:15]):
                os.kill(pid, signal.SIGKILL)
                found += 1
    return found


def test_a_killed_snakemake_adopts_its_job_and_ctrl_c_keeps_the_checkpoints(paper: Paper, undisturbed: bytes) -> None:
    first = paper.start()
    paper.reach(5)
    os.kill(first.pid, signal.SIGKILL)
    second = paper.start()
    paper.lab.wait_for(lambda: "is making results" in launched(paper), 60)
    paper.reach(10)
    assert len(paper.jobs) == 1, "no second job"
    assert paper.interrupt(second) != 0
    (job,) = paper.jobs
    paper.lab.wait_for(lambda: paper.lab.job(job)["job_state"] == "CANCELLED", 60)
    step = paper.step
    assert paper.finish(paper.start()) == undisturbed
    assert len(paper.jobs) == 2
    assert paper.steps_done_twice() <= 4, f"went on from the last checkpoint before step {step}"


def launched(paper: Paper) -> str:
    return "".join(log.read_text() for log in (paper.folder / "results/smoke/logs/train_stage").glob("*.log"))


def test_a_stage_that_cannot_run_is_one_error_with_its_job_its_log_and_how_to_go_on(paper: Paper) -> None:
    shutil.rmtree(paper.folder / "results/smoke/data/tests")
    run = paper.start()
    assert run.wait(120) != 0
    (job,) = paper.jobs
    assert f"error: job {job} (train_stage) ended with status 1" in paper.told
    assert "go on with: snakemake --profile slurm results/smoke/strict/tiny/16k/manifest.json" in paper.told
    assert not list((paper.folder / "results/smoke/strict").rglob("manifest.json"))


def test_a_stage_that_the_kernel_kills_for_memory_says_so(paper: Paper) -> None:
    run = paper.start()
    paper.reach(1)
    os.kill(paper.door(paper.running), signal.SIGKILL)
    assert run.wait(120) != 0
    assert "most likely for its memory" in paper.told
