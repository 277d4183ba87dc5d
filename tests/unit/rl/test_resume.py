"""A stage killed at any point and run again ends with the same bytes as an uninterrupted one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deepcoder.errors import UserError
from deepcoder.rl.checkpoints import Checkpoints

HELPER = Path(__file__).with_name("stage_process.py")
SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def start(model: Path, root: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(HELPER), str(model), str(root)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    )


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    text = process.stdout.read()
    assert process.wait(timeout=300) == 0
    return [line for line in text.splitlines() if line.startswith("step ")]


@pytest.mark.parametrize("delay_s", [0.05])
def test_killed_in_the_middle_of_a_step_and_resumed_it_ends_with_the_same_bytes(
    tiny_model: Path, tmp_path: Path, delay_s: float
) -> None:
    assert len(lines_of(start(tiny_model, tmp_path / "whole"))) == 3
    process = start(tiny_model, tmp_path / "killed")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step 1/"):
            break
    while not (tmp_path / "killed/work/step-000001").exists():
        time.sleep(0.01)
    time.sleep(delay_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed/out/manifest.json").exists()
    resumed = lines_of(start(tiny_model, tmp_path / "killed"))
    assert 1 <= len(resumed) <= 2, "the steps before the checkpoint are not repeated"
    for name in ("manifest.json", "metrics.parquet", "hf/model.safetensors"):
        whole, again = ((tmp_path / run / "out" / name).read_bytes() for run in ("whole", "killed"))
        assert whole == again, name
    assert not list((tmp_path / "killed/work").glob(".*.tmp")), "nothing half-written is left after the end"


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], Checkpoints]]:
    """Opens the work folder for a run, and closes what was open before."""
    last: list[Checkpoints] = []

    def opening(identity: str) -> Checkpoints:
        for other in last:
            other.close()
        last.append(Checkpoints(tmp_path / "work", identity, keep=2))
        return last[-1]

    yield opening
    for other in last:
        other.close()


def fill(folder: Path) -> None:
    (folder / "weights").write_text(folder.name)


def test_the_state_of_another_run_is_not_resumed(opened: Callable[[str], Checkpoints]) -> None:
    opened("one").save(1, fill, {"metrics": []}, also=())
    assert opened("one").steps() == [1]
    assert opened("two").steps() == []


def test_two_processes_cannot_train_in_one_folder(opened: Callable[[str], Checkpoints]) -> None:
    first = opened("one")
    with pytest.raises(UserError, match="another process trains here"):
        Checkpoints(first.root, "one", keep=2, wait_s=0.0)


def test_the_newest_checkpoints_and_the_best_are_kept(opened: Callable[[str], Checkpoints]) -> None:
    kept = opened("one")
    for step in range(1, 6):
        kept.save(step, fill, {"step": step}, also={2})
    assert kept.steps() == [2, 4, 5]
    assert kept.state(4) == {"step": 4}


@pytest.mark.parametrize("damage", ["flip", "cut", "delete", "add", "no table"])
def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(
    opened: Callable[[str], Checkpoints], damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = opened("one")
    for step in (1, 2):
        kept.save(step, fill, {"step": step}, also=())
    weights = kept.folder(2) / "weights"
    if damage == "flip":
        data = bytearray(weights.read_bytes())
        data[0] ^= 1
        weights.write_bytes(data)
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-1])
    elif damage == "delete":
        weights.unlink()
    elif damage == "add":
        (kept.folder(2) / "other").touch()
    else:
        (kept.folder(2) / "hashes.json").unlink()
    assert kept.newest(9) == 1
    assert "step-000002 is damaged" in capsys.readouterr().err
    assert kept.steps() == [1]


def test_a_checkpoint_that_fails_half_way_leaves_nothing(opened: Callable[[str], Checkpoints]) -> None:
    kept = opened("one")

    def fail(folder: Path) -> None:
        (folder / "weights").write_text("half")
        raise RuntimeError("the trainer died")

    with pytest.raises(RuntimeError):
        kept.save(1, fail, {}, also=())
    assert kept.steps() == []
