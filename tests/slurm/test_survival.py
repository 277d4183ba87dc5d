"""A stage that a cluster interrupts in every way it knows ends in the bytes of one that nobody disturbed."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.slurm.lab import Lab
from tests.slurm.paper import Paper, prepare

Start = Callable[[], Paper]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


@pytest.fixture(scope="session")
def undisturbed(prepared: Path, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The manifest of a stage that ran through."""
    paper = Paper(prepared, tmp_path_factory.mktemp("undisturbed") / "checkout", lab)
    manifest = paper.finish(paper.start())
    assert len(paper.jobs) == 1
    lab.reset()
    return manifest


@pytest.fixture
def paper(prepared: Path, lab: Lab, tmp_path: Path) -> Iterator[Paper]:
    yield Paper(prepared, tmp_path / "checkout", lab)
    lab.reset()


def test_a_time_limit_reached_twice_is_a_chain_of_jobs(paper: Paper, undisturbed: bytes) -> None:
    run = paper.start()
    for _ in range(2):
        paper.reach(paper.step + 1)
        job = paper.running
        minutes = paper.lab.job(job)["time_limit"] - paper.minutes_left(job)
        # SLURM looks at limits every 30 seconds.
        paper.lab.run("scontrol", "update", f"jobid={job}", f"timelimit={minutes + 1}")
        paper.lab.wait_for(lambda job=job: paper.lab.job(job)["job_state"] != "RUNNING", 120)
        assert paper.lab.job(job)["job_state"] != "COMPLETED", "the stage was through before the limit"
    assert paper.finish(run) == undisturbed
    assert len(paper.jobs) == 3
    assert paper.steps_done_twice() == 0, "a warned stage saves what it has"


def test_a_preempted_stage_goes_on_under_its_own_number(paper: Paper, undisturbed: bytes) -> None:
    run = paper.start()
    paper.reach(6)
    paper.lab.submit("sleep 3", "--partition=urgent", "--nodes=4", "--exclusive", "--chdir=/")
    assert paper.finish(run) == undisturbed
    assert len(paper.jobs) == 1


def test_nodes_that_are_set_down_and_die_cost_a_few_steps(paper: Paper, undisturbed: bytes) -> None:
    run = paper.start()
    paper.reach(6)
    first = paper.lab.job(paper.running)["batch_host"]
    paper.lab.down(first)
    paper.lab.wait_for(lambda: paper.lab.job(paper.jobs[0])["restart_cnt"] == 1, 30)
    paper.reach(14)
    second = paper.lab.job(paper.running)["batch_host"]
    assert second != first
    paper.lab.kill_node(second)
    assert paper.finish(run) == undisturbed
    assert len(paper.jobs) == 1
    assert paper.steps_done_twice() <= 8, "no more than since the last checkpoint, twice"


def test_a_killed_rank_and_a_killed_ray_head_are_noticed_and_the_stage_goes_on(
    paper: Paper, undisturbed: bytes
) -> None:
    run = paper.start()
    for step, name in ((6, "ray::TrainerActo"), (14, "gcs_server")):
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
    assert paper.steps_done_twice() <= 1, f"went on from step {step}"


def launched(paper: Paper) -> str:
    return "".join(log.read_text() for log in (paper.folder / "results/smoke/logs/train_stage").glob("*.log"))


def test_a_stage_that_cannot_run_is_one_error_with_its_job_its_log_and_how_to_go_on(paper: Paper) -> None:
    shards = paper.folder / "results/smoke/models/base/tiny/hf/config.json"
    shards.write_text("{")
    run = paper.start()
    assert run.wait(120) != 0
    (job,) = paper.jobs
    assert f"error: job {job} (train_stage) ended with status 1" in paper.told
    assert "go on with: snakemake --profile slurm results/smoke/strict/tiny/16k/manifest.json" in paper.told
    assert not list((paper.folder / "results/smoke/strict").rglob("manifest.json"))


def test_a_stage_that_the_kernel_kills_for_memory_says_so(paper: Paper) -> None:
    run = paper.start()
    paper.reach(1)
    assert kill_in_job(paper.lab, paper.running, "python")
    assert run.wait(120) != 0
    assert "most likely for its memory" in paper.told
