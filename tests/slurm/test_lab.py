"""The lab is a true cluster: what the other tests of this folder take for granted of SLURM."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm import keeper
from tests.slurm.lab import Lab, LabError

ROOT = Path(__file__).resolve().parents[2]
# Leaves its session, its parent and its environment: only the node it runs on still tells whose process it is.
RUNAWAY = "setsid env -i sleep 987 </dev/null >/dev/null 2>&1 & "


@pytest.fixture(autouse=True)
def _as_found(lab: Lab) -> Iterator[None]:
    yield
    lab.reset()


def runs(lab: Lab, job: int) -> bool:
    return lab.job(job)["job_state"] == "RUNNING"


def wait_for_state(lab: Lab, job: int, state: str, seconds: float = 20) -> None:
    lab.wait_for(lambda: lab.job(job)["job_state"] == state, seconds)


def test_a_step_runs_on_every_node_and_sees_its_gpus(lab: Lab) -> None:
    print(f"four nodes started in {lab.seconds_to_start:.1f} s")
    done = lab.run("srun", "--nodes=4", "--gres=gpu:8", "sh", "-c", "echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES")
    assert sorted(done.stdout.split("\n")[:-1]) == [f"n{number} 0,1,2,3,4,5,6,7" for number in range(1, 5)]


def test_a_job_waits_while_all_gpus_are_taken(lab: Lab) -> None:
    first = lab.submit("sleep 600", "--nodes=4", "--gres=gpu:h100:8")
    wait_for_state(lab, first, "RUNNING")
    second = lab.submit("echo $CUDA_VISIBLE_DEVICES", "--gres=gpu:3")
    lab.wait_for(lambda: lab.job(second)["state_reason"] == "Resources", 10)
    lab.run("scancel", str(first))
    wait_for_state(lab, second, "COMPLETED")
    assert lab.job(first)["job_state"] == "CANCELLED"
    assert lab.output(second) == "0,1,2\n"


def test_a_killed_node_is_found_down_and_its_job_starts_again(lab: Lab) -> None:
    job = lab.submit(RUNAWAY + "srun sleep 600", "--nodelist=n2", "--gres=gpu:8", "--requeue")
    lab.wait_for(lambda: runs(lab, job) and len(lab.processes("n2")) >= 6, 20)
    before = lab.processes("n2")
    lab.kill_node("n2")
    assert [pid for pid in before if keeper.started_at(pid)] == []
    lab.wait_for(lambda: lab.nodes()["n2"] == "down*", 60)
    lab.wait_for(lambda: lab.job(job)["restart_cnt"] == 1, 20)
    lab.restart_node("n2")
    begin = time.monotonic()
    wait_for_state(lab, job, "RUNNING")
    print(f"ran again {time.monotonic() - begin:.1f} s after its node was back")


def test_an_urgent_job_preempts_one_that_comes_back_later(lab: Lab) -> None:
    low = lab.submit("sleep 600", "--nodes=4", "--gres=gpu:8")
    wait_for_state(lab, low, "RUNNING")
    high = lab.submit("sleep 1", "--nodes=1", "--gres=gpu:8", "--partition=urgent")
    begin = time.monotonic()
    wait_for_state(lab, high, "COMPLETED")
    lab.wait_for(lambda: runs(lab, low), 30)
    print(f"ran again {time.monotonic() - begin:.1f} s after it was preempted")
    assert lab.job(low)["restart_cnt"] == 1


def test_a_node_taken_down_runs_nothing_until_it_is_resumed(lab: Lab) -> None:
    lab.down("n4")
    job = lab.submit("true", "--nodelist=n4")
    lab.wait_for(lambda: "Down" in lab.job(job)["state_reason"] or "NotAvail" in lab.job(job)["state_reason"], 10)
    lab.resume("n4")
    wait_for_state(lab, job, "COMPLETED")


def test_accounting_tells_how_a_job_ended(accounting_lab: Lab) -> None:
    print(f"two nodes with accounting started in {accounting_lab.seconds_to_start:.1f} s")
    good = accounting_lab.submit("exit 0", "--nodes=2", "--gres=gpu:8")
    bad = accounting_lab.submit("exit 3", "--gres=gpu:1")

    def told() -> dict[str, list[str]]:
        sacct = ["sacct", "--allocations", "--noheader", "--parsable2", "--format=jobid,state,exitcode,alloctres"]
        return {line.split("|")[0]: line.split("|")[1:] for line in accounting_lab.run(*sacct).stdout.splitlines()}

    accounting_lab.wait_for(lambda: "RUNNING" not in str(told()) and len(told()) == 2, 20)
    accounts = told()
    assert accounts[str(good)][:2] == ["COMPLETED", "0:0"]
    assert "gres/gpu=16" in accounts[str(good)][2]
    assert accounts[str(bad)][:2] == ["FAILED", "3:0"]


def test_nothing_lives_on_after_the_stop(tmp_path: Path) -> None:
    with Lab(tmp_path / "lab", nodes=2) as small:
        print(f"two nodes started in {small.seconds_to_start:.1f} s")
        job = small.submit(RUNAWAY + "sleep 600", "--nodes=2")
        client = subprocess.Popen(["srun", "-N2", "--exclusive", "true"], env=os.environ | small.environment())
        small.wait_for(lambda: runs(small, job) and small.job(job + 1), 20)
        inside = small.processes("n1") + small.processes("n2")
        assert any(Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x00987\x00" for pid in inside)
    client.wait(10)
    assert [pid for pid in inside if keeper.started_at(pid)] == []
    assert living_in(small.folder) == []


@pytest.mark.parametrize("detached", [False, True], ids=["held by its process", "left to itself"])
def test_a_killed_process_leaves_no_lab_that_the_next_start_does_not_end(tmp_path: Path, detached: bool) -> None:
    folder = tmp_path / "lab"
    code = "import sys; from tests.slurm.lab import Lab; Lab(sys.argv[1], nodes=1).start({}); print(1, flush=True)"
    words = [sys.executable, "-c", code.format(detached) + "; sys.stdin.read()", str(folder)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"1\n"
        before = living_in(folder)
        assert before
        os.kill(holder.pid, signal.SIGKILL)
    if detached:
        os.kill(int((folder / "run/slurmctld.keeper").read_text().split()[0]), signal.SIGKILL)
        with Lab(folder, nodes=1) as second:
            assert second.run("srun", "hostname").stdout
            assert [pid for pid in before if keeper.started_at(pid)] == []
    else:
        end = time.monotonic() + 10
        while living_in(folder) and time.monotonic() < end:
            time.sleep(0.05)
    assert living_in(folder) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    with pytest.raises(LabError, match="neither empty nor a lab's"):
        Lab(tmp_path).start()
    assert (tmp_path / "bin").is_dir()


def test_a_daemon_that_does_not_come_up_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"(?s)(slurmctld|n1) ended.*MinJobAge"):
        Lab(tmp_path / "lab", nodes=1, min_job_age=-1).start()


def living_in(folder: Path) -> list[int]:
    """Processes that have the folder in their command line or environment."""
    found = []
    for pid in keeper.processes():
        try:
            told = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and pid != os.getpid() and keeper.started_at(pid):
            found.append(pid)
    return found
