"""A stage that was asked to end, or killed, and run again ends with the same bytes as an uninterrupted one."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.judge.test_hostile import descendants

from deepcoder.errors import UserError
from deepcoder.manifest import read_manifest
from deepcoder.rl.checkpoints import Checkpoints
from deepcoder.rl.export import export_model

HELPER = Path(__file__).with_name("stage_process.py")
EXACT = ("sync", "one_off")
SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def start(model: Path, root: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, str(HELPER), str(model), str(root), *words]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    )


def finish(process: subprocess.Popen[str], status: int = 0) -> list[str]:
    assert process.stdout is not None
    text = process.stdout.read()
    assert process.wait(timeout=300) == status
    return [line for line in text.splitlines() if line.startswith("step ")]


def wait_for_step(process: subprocess.Popen[str], step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"step {step}/"):
            return


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process with all it has started, of whatever session."""
    known = descendants(process.pid)
    for pid in [process.pid, *known]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def exported_weights(root: Path) -> bytes:
    manifests = (read_manifest(root / folder / "manifest.json") for folder in ("out", "start"))
    model = export_model(*manifests, root / "model" / "manifest.json")
    return model.file("hf/model.safetensors").read_bytes()


def assert_same(whole: Path, again: Path) -> None:
    names = ["manifest.json", *read_manifest(whole / "out/manifest.json").files]
    assert "metrics.parquet" in names
    assert any(name.startswith("state/") for name in names)
    for name in names:
        assert (whole / "out" / name).read_bytes() == (again / "out" / name).read_bytes(), name
    weights = [exported_weights(root) for root in (whole, again)]
    assert weights[0] == weights[1]
    assert not list((again / "work").glob(".*.tmp")), "nothing half-written is left after the end"


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_asked_to_end_it_saves_exits_with_75_and_goes_on_to_the_same_bytes(
    tiny_model: Path, tmp_path: Path, whole_run: Callable[[str], Path], number: int
) -> None:
    process = start(tiny_model, tmp_path, "sync")
    wait_for_step(process, 1)
    process.send_signal(number)
    finish(process, status=75)
    assert list((tmp_path / "work").glob("step-*"))
    assert not (tmp_path / "out/manifest.json").exists()
    assert 1 <= len(finish(start(tiny_model, tmp_path, "sync"))) <= 2, "the steps before the signal are not repeated"
    assert_same(whole_run("sync"), tmp_path)


def test_with_vllm_two_ranks_and_ray_it_resumes_to_the_same_bytes(tiny_model: Path, tmp_path: Path) -> None:
    words = ("one_off", "vllm", "2")
    whole = start(tiny_model, tmp_path / "whole", *words)
    assert len(finish(whole)) == 3
    process = start(tiny_model, tmp_path / "killed", *words)
    wait_for_step(process, 1)
    time.sleep(random.Random("vllm").uniform(0.0, 0.5))
    kill(process)
    finish(start(tiny_model, tmp_path / "killed", *words))
    assert_same(tmp_path / "whole", tmp_path / "killed")


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


def test_checkpoints_of_a_longer_run_do_not_push_out_those_of_a_shorter_one(
    opened: Callable[[str], Checkpoints],
) -> None:
    kept = opened("one")
    for step in (8, 9, 1, 2, 3):
        kept.save(step, fill, {"step": step}, also=())
    assert kept.newest(3) == 3
    assert kept.steps() == [2, 3, 8, 9]


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
