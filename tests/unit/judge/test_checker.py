"""A checker decides on outputs that differ from the answer; its failure is never the program's."""

# Programs under test read best on one line.
# ruff: noqa: E501

from dataclasses import replace

import pytest
from test_hostile import STEALING

from deepcoder.errors import UserError
from deepcoder.judge import JudgePool, Submission

SUM = """
import sys
given, output, answer = (open(name).read() for name in sys.argv[1:])
try:
    left, right = map(int, output.split())
except ValueError:
    print("two numbers are needed", file=sys.stderr)
    sys.exit(2)
if left + right != int(given):
    print("the sum is", left + right)
    print("second line")
    sys.exit(1)
assert answer == "1 6"
"""


def submission(program: str, checker: str | None = SUM, comparator: str | None = "checker") -> Submission:
    return Submission("s", "stdin", program, [{"input": "7", "output": "1 6"}], comparator=comparator, checker=checker)


@pytest.mark.parametrize(
    ("program", "verdict", "detail"),
    [
        ("print(3, 4)", "AC", ""),
        ("print(1, 6)", "AC", ""),
        ("print(3, 5)", "WA", "the sum is 8"),
        ("print(3)", "WA", "two numbers are needed"),
        ("print(3, 4)\nraise ValueError", "RE", "ValueError"),
        ("import os\nos.write(1, bytes(range(256)))", "IE", "UnicodeDecodeError"),
    ],
)
def test_the_checker_decides(program, verdict, detail, pool):
    found = pool.judge(submission(program))
    assert found.verdict == verdict
    assert detail in found.detail


@pytest.mark.parametrize(
    ("checker", "verdict", "detail"),
    [
        ("import sys\nsys.exit(0)", "AC", ""),
        ("import sys\nsys.exit()", "AC", ""),
        ("import sys\nsys.exit('not so')", "WA", "not so"),
        ("import sys\nsys.exit(3)", "IE", "exit status 3"),
        ("import os\nos._exit(7)", "IE", "exit status 7"),
        ("1 / 0", "IE", "ZeroDivisionError"),
        ("def", "IE", "SyntaxError"),
        ("import os\nos.kill(os.getpid(), 9)", "IE", "wait status 9"),
        ("x = [0] * 10**9", "IE", "checker failed"),
        ("import sys\nprint(open(sys.argv[2], 'rb').read() == bytes(range(256)) * 9)\nsys.exit(1)", "WA", "True"),
    ],
)
def test_a_failing_checker_is_our_fault(checker, verdict, detail, pool):
    found = pool.judge(submission("import os\nos.write(1, bytes(range(256)) * 9)", checker))
    assert found.verdict == verdict
    assert detail in found.detail


def test_a_checker_that_does_not_end_is_our_fault(pool, monkeypatch):
    from deepcoder.judge import checking
    from deepcoder.judge.model import Limits

    monkeypatch.setattr(checking, "_LIMITS", Limits(0.3))
    assert pool.judge(submission("print(1)", "while True: pass")).verdict == "IE"


def test_an_output_of_the_largest_size_reaches_the_checker(pool):
    checker = "import os, sys\nprint(*map(os.path.getsize, sys.argv[1:]))\nsys.exit(1)"
    found = pool.judge(submission("import os\nfor _ in range(64): os.write(1, b'x' * (1 << 20))", checker))
    assert (found.verdict, found.detail) == ("WA", f"1 {64 << 20} 3")


@pytest.mark.parametrize("way", STEALING)
def test_the_answer_is_nowhere_to_be_found_though_the_checker_has_it(way):
    tests = [{"input": "x", "output": "secret-4217"}] * 3
    checker = "import sys\nsys.exit('secret-4217' in open(sys.argv[2], errors='replace').read())"
    thief = Submission("thief", "stdin", STEALING[way], tests, comparator="checker", checker=checker, time_limit_s=8.0)
    with JudgePool(1, all_tests=True) as single:
        found = single.judge(thief)
    assert found.verdict in ("AC", "RE")
    assert found.total == 3


def test_files_of_a_checker_are_gone_before_the_next_run():
    program = "import os\nprint(os.listdir('/tmp'), os.listdir('/dev/shm'))"
    checker = "import sys\nopen('left', 'w').write('x')\nsys.exit('left' in open(sys.argv[2]).read() or 'answer' in open(sys.argv[2]).read())"
    with JudgePool(1) as single:
        tests = [{"input": "", "output": "a"}] * 3
        assert single.judge(replace(submission(program, checker), tests=tests)).verdict == "AC"


def test_a_checker_and_its_comparator_go_together(pool):
    for checker, comparator in ((None, "checker"), (SUM, "tokens"), (SUM, None)):
        with pytest.raises(UserError, match="go together"):
            pool.judge(submission("print(1)", checker, comparator))
    with pytest.raises(UserError, match="no form for kind call"):
        call = [{"args": [], "expected": 1}]
        pool.judge(replace(submission("f = int"), kind="call", fn_name="f", tests=call))
    with JudgePool(1, comparator="checker") as checking:
        assert checking.judge(submission("print(3, 4)", comparator=None)).verdict == "AC"
