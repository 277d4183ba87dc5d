"""The judge lasts: nothing leaks over many submissions, and a busy machine fails no honest program."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.benchmarks.corpus import LIGHT_PROBLEMS
from tests.benchmarks.harness.endurance import endure, growth, holdings, settled

from deepcoder.judge import JudgePool, Submission

MANY = 400  # tests/benchmarks/judge_endurance.py does 10,000
BURNING = "import time\nwhile time.process_time() < 0.4: pass\nprint(1)"


@pytest.fixture
def own_folder(tmp_path, monkeypatch) -> Path:
    """For temporary files, so that those of other judges on this machine are not taken for ours."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_many_mixed_submissions_leave_nothing_behind(own_folder):
    nothing = holdings()
    with JudgePool(workers=2, isolation="bwrap") as pool:
        assert endure(pool, 100) == []
        settled(pool)
        warm = holdings()
        assert endure(pool, MANY) == []
        grown = growth(warm, pool)
    assert (max(grown.processes, 0), max(grown.descriptors, 0), max(grown.files, 0)) == (0, 0, 0), grown
    assert grown.judge_mb < 8, grown
    assert grown.sandboxes_mb < 24, grown
    left = growth(nothing)
    assert (left.processes, left.descriptors, left.files) == (0, 0, 0), left


def test_a_leaked_process_descriptor_or_file_would_be_seen(own_folder):
    nothing = holdings()
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE) as process:
        (own_folder / "judge-left").touch()
        now = holdings()
        process.kill()
    assert now.processes - nothing.processes == 1
    assert now.descriptors > nothing.descriptors
    assert now.files - nothing.files == 1


@pytest.fixture
def two_busy_cores() -> Iterator[None]:
    """What this thread starts shares two cores with busy loops, which end by themselves should we not end them.

    Each is a session, because cores are shared out among sessions first.
    """
    ours = os.sched_getaffinity(0)
    busy = "import time\nend = time.monotonic() + 120\nwhile time.monotonic() < end: pass"
    with contextlib.ExitStack() as stack:
        os.sched_setaffinity(0, set(sorted(ours)[:2]))
        stack.callback(os.sched_setaffinity, 0, ours)
        for _ in range(8):
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", busy], start_new_session=True))
            stack.callback(process.kill)
        yield


def test_a_machine_with_four_times_too_much_work_fails_no_honest_program(two_busy_cores):
    honest = [
        Submission(p.name, p.kind, p.program, p.tests(2), fn_name=p.fn_name, time_limit_s=1.0) for p in LIGHT_PROBLEMS
    ]
    burning = [
        Submission(f"burn {number}", "stdin", BURNING, [{"input": "", "output": "1"}], time_limit_s=0.5)
        for number in range(8)
    ]
    with JudgePool(workers=8, isolation="bwrap") as crowded:
        verdicts = crowded.map(burning + honest)
    assert [verdict for verdict in verdicts if verdict.verdict != "AC"] == []
    assert max(verdict.wall_s for verdict in verdicts) > 1.0, "the machine was not busy enough to tell"


def test_a_sleeper_is_cut_at_the_wall_cap_on_a_busy_machine_too(two_busy_cores, stdin):
    verdict = stdin("import time\ntime.sleep(60)", time_limit_s=0.2)
    assert verdict.verdict == "TLE"
    assert verdict.wall_s < 10
