"""Where a control group can be made, the kernel itself holds memory and processes; where not, the judge says so."""

import os
import subprocess
import sys
from pathlib import Path

from deepcoder.judge import JudgePool, Submission, isolation_level
from deepcoder.judge.cgroup import PREFIX, SLACK_BYTES, Cgroup, cgroup_failure, parents

HOG = "import sys\nsys.stdin.read(1)\nx = bytearray(b'x' * (600 << 20))\nprint(len(x))"


def groups() -> list[Path]:
    return [left for parent in parents() for left in parent.glob(f"{PREFIX}{os.getpid()}-*")]


def test_the_kernel_kills_what_goes_beyond_the_groups_memory_or_the_judge_says_it_cannot():
    if reason := cgroup_failure():
        assert any(reason in gap for gap in isolation_level("bwrap").not_enforced)
        return
    assert SLACK_BYTES < 500 << 20
    group = Cgroup()
    try:
        group.limit_memory(64)
        hog = subprocess.Popen([sys.executable, "-c", HOG], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        group.add(hog.pid)
        assert group.memory_kills() == 0
        hog.communicate(b"x")
        assert hog.returncode == -9
        assert group.memory_kills() == 1
    finally:
        group.close()
    assert group._memory not in groups()


def test_a_closed_pool_leaves_no_group():
    if cgroup_failure():
        return
    before = groups()
    with JudgePool(1) as single:
        assert single.judge(Submission("s", "stdin", "print(1)", [{"input": "", "output": "1"}])).verdict == "AC"
        assert len(groups()) > len(before)
    assert groups() == before
