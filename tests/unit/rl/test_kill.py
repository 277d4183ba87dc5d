"""Killed with -9 wherever it stands, again and again, a stage ends with the bytes of an uninterrupted run."""

import contextlib
import os
import random
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from tests.unit.judge.test_hostile import descendants
from tests.unit.rl.forked_stage import PHASES, SERVER, run_forked
from tests.unit.rl.test_resume import EXACT, assert_same

SIGNS_S = 60.0


@pytest.fixture(autouse=True)
def _server_finds_its_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def start(model: Path, root: Path, schedule: str, ranks: int) -> tuple[BaseProcess, Iterator[str]]:
    """A stage and what it tells."""
    ours, theirs = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=run_forked, args=(model, root, schedule, ranks, theirs))
    process.start()
    theirs.close()

    def signs() -> Iterator[str]:
        with contextlib.suppress(EOFError):
            while ours.poll(SIGNS_S):
                yield ours.recv()

    return process, signs()


def kill(process: BaseProcess) -> None:
    """Kill a stage with all it has started."""
    assert process.pid is not None
    for pid in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.join()


def durations(signs: Iterator[str]) -> dict[str, float]:
    """Longest time that each phase took, in seconds."""
    began: dict[str, float] = {}
    found: dict[str, float] = defaultdict(float)
    for sign in signs:
        name, _, ends = sign.partition(" ")
        if ends:
            found[name] = max(found[name], time.monotonic() - began[name])
        else:
            began[name] = time.monotonic()
    return found


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("schedule", EXACT)
def test_killed_in_every_phase_of_a_step_it_ends_with_the_same_bytes(
    tiny_model: Path, tmp_path: Path, schedule: str, ranks: int
) -> None:
    process, signs = start(tiny_model, tmp_path / "whole", schedule, ranks)
    seconds = durations(signs)
    process.join()
    assert process.exitcode == 0
    assert set(seconds) == set(PHASES)
    rng = random.Random(f"{schedule} {ranks}")
    names = [*rng.sample(sorted(PHASES), len(PHASES)), *rng.choices(sorted(PHASES), k=2)]
    kills = 0
    for number, phase in enumerate(names):
        process, signs = start(tiny_model, tmp_path / "killed", schedule, ranks)
        wanted = 1 if number < len(PHASES) or phase == "resume" else 2  # the last ones a step later
        for sign in signs:
            wanted -= sign == phase
            if not wanted:
                time.sleep(rng.uniform(0.0, seconds[phase]))
                kills += process.is_alive()
                break
        kill(process)
    assert kills >= len(PHASES)
    process, signs = start(tiny_model, tmp_path / "killed", schedule, ranks)
    durations(signs)
    process.join()
    assert process.exitcode == 0
    assert_same(tmp_path / "whole", tmp_path / "killed")
