"""Weights & Biases sees each step of a stage once, and whatever befalls it there the training stays as it is."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.rl.stage_process import run_stage
from tests.unit.rl.test_resume import assert_same

from deepcoder.config.machine import Wandb
from deepcoder.errors import UserError
from deepcoder.rl.boards import FOLLOWER, Curves, check_wandb, wandb_beside
from deepcoder.rl.progress_log import ProgressLog

ASKED = Wandb(project="deepcoder")
BLOCK, HEADER = 32768, 7  # of the file format, that of LevelDB's logs: a file header, then blocks of records


def steps_in(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The id of the run in a .wandb file, and the figures of each step, as its own protocol reads them."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts, name = file.read_bytes(), HEADER, b"", ""
    while place + HEADER <= len(data):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
            continue
        size, kind = int.from_bytes(data[place + 4 : place + 6], "little"), data[place + 6]
        parts += data[place + HEADER : place + HEADER + size]
        place += HEADER + size
        if kind in (1, 4):  # whole, or the last part
            record, parts = Record.FromString(parts), b""
            name = record.run.run_id or name
            if record.WhichOneof("record_type") == "history":
                yield name, {".".join(item.nested_key) or item.key: item.value_json for item in record.history.item}


def seen(work: Path) -> list[tuple[str, int, float]]:
    """Id, step and reward of all that was logged, oldest first."""
    files = sorted(work.glob("wandb/offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime_ns)
    return [(name, int(told["_step"]), float(told["reward_mean"])) for file in files for name, told in steps_in(file)]


def write_steps(work: Path, done: int, until: int) -> None:
    log = ProgressLog(work)
    log.started(done)
    for step in range(done + 1, until + 1):
        log.finished({"step": step, "reward_mean": step / 8}, {"step": step, "step_s": 1.0})


STAGE = """
import os, sys
from pathlib import Path
from tests.unit.rl.test_wandb import ASKED, Curves, wandb_beside, write_steps
work = Path(sys.argv[1])
with wandb_beside(Curves(ASKED, "strict/tiny/16k"), work, {"seed": 0}):
    write_steps(work, 0, 4)
    os.kill(os.getpid(), 9)
"""


def test_a_stage_that_was_killed_goes_on_in_the_same_run_and_no_step_is_seen_twice(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", STAGE, tmp_path], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while len(seen(tmp_path)) < 4 and time.monotonic() < deadline:
        time.sleep(0.2)
    with wandb_beside(Curves(ASKED, "strict/tiny/16k"), tmp_path, {"seed": 0}):
        write_steps(tmp_path, 2, 6)
    names, steps, rewards = zip(*seen(tmp_path), strict=True)
    assert len(set(names)) == 1
    assert steps == (1, 2, 3, 4, 5, 6)
    assert rewards == tuple(step / 8 for step in steps)


def test_online_without_a_way_there_the_curves_are_kept_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))  # where a key would be
    with wandb_beside(Curves(Wandb(project="deepcoder", mode="online"), "strict/tiny/16k"), tmp_path, {}):
        write_steps(tmp_path, 0, 2)
    assert [step for _, step, _ in seen(tmp_path)] == [1, 2]
    [told] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert "kept offline: wandb sync" in told


@pytest.mark.parametrize("lines", ["raise SystemExit(3)", "import sys; sys.stdin.readline(); raise OSError('no net')"])
def test_a_broken_logger_is_one_warning_and_the_stage_has_the_same_bytes(
    tiny_model: Path,
    tmp_path: Path,
    whole_run: Callable[[str], Path],
    capfd: pytest.CaptureFixture[str],
    lines: str,
) -> None:
    whole, broken = whole_run("sync"), tmp_path / "broken.py"
    broken.write_text(lines)
    capfd.readouterr()
    run_stage(tiny_model, tmp_path, curves=Curves(ASKED, "strict/tiny/16k", broken))
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(told) == 1
    assert "Weights & Biases" in told[0]
    assert_same(whole, tmp_path)


def test_asked_for_and_not_installed_it_is_one_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    monkeypatch.setattr(sys, "path", [str(FOLLOWER.parent)])
    check_wandb(Wandb())
    with pytest.raises(UserError, match=r"make \.venv/wandb\.stamp"):
        check_wandb(ASKED)
