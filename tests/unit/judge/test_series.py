"""Tests that share a process get the verdicts that they would get alone, and no help from one another."""

import ast
import sys

import pytest
from tests.unit.judge.test_programs import SUM_OF_NUMBERS

from deepcoder.judge import JudgePool, Submission
from deepcoder.judge.inside import zygote  # noqa: F401  makes the modules of the sandbox importable

may_share, plainly_harmless = sys.modules["screen"].may_share, sys.modules["screen"].plainly_harmless

SHARING = {
    "light": "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "classes": "class A:\n    __slots__ = ('x',)\n    def __init__(self): self.x = 1\nprint(A().x)",
    "library": "from collections import Counter, deque\nimport heapq as h, math\nh.heapify([1])\nprint(math.gcd(4, 6))",
    "numpy": "import numpy as np\nprint(np.arange(3).sum())",
    "guard": "def main():\n    print(input())\nif __name__ == '__main__':\n    main()",
    "recursion": "import sys\nsys.setrecursionlimit(10**6)\ninput = sys.stdin.readline\nprint(input())",
    "super": "class B(list):\n    def __init__(self): super().__init__()\nprint(B())",
    "open standard input": "print(sum(map(int, open(0))))",
    "match": "match [1, 2]:\n    case [a, b]: print(a)",
}
ALONE = {
    "os": "import os",
    "threads": "import threading",
    "from os": "from os import path",
    "a file": "open('/tmp/x', 'w')",
    "a file by another name": "f = open\nf('/tmp/x')",
    "reflection": "print(().__class__)",
    "frames": "import sys\nsys._getframe()",
    "frames of a generator": "g = (x for x in ())\ng.gi_frame",
    "a module's module": "import random\nrandom._os.fork()",
    "a module's module by another name": "import random\nr = random\nr._os",
    "sys by another name": "import sys as s\ns.modules",
    "a patched library": "import math\nmath.floor = int",
    "a patched class": "from collections import Counter\nCounter.x = 1",
    "a patched builtin": "import builtins\nbuiltins.x = 1",
    "getattr": "getattr(1, 'real')",
    "exec": "exec('1')",
    "a finaliser": "class A:\n    def __del__(self): print(1)",
    "a finaliser by assignment": "class A:\n    __del__ = print",
    "a pattern": "match 1:\n    case int(__class__=c): pass",
    "code in an annotation": "import typing\ndef f(x: '1'): pass\ntyping.get_type_hints(f)",
    "attributes by name": "import string\nstring.Formatter().get_field('0.real', (1,), {})",
    "star of sys": "from sys import *",
    "raw memory": "import numpy as np\nnp.lib.stride_tricks.as_strided(np.zeros(1))",
}


# What only the syntax tree finds by reading: a word alone does not tell. The trace is found when the test has run.
SEEN_BY_THEIR_TRACES = ("a patched library", "a patched class", "star of sys")


@pytest.mark.parametrize("name", SHARING)
def test_programs_that_leave_no_trace_may_share(name):
    assert may_share(ast.parse(SHARING[name]))


@pytest.mark.parametrize("name", ALONE)
def test_programs_that_could_leave_a_trace_run_alone(name):
    assert not may_share(ast.parse(ALONE[name]))
    assert not plainly_harmless(ALONE[name]) or name in SEEN_BY_THEIR_TRACES


def test_the_first_look_takes_most_programs_and_no_disguise():
    assert sum(map(plainly_harmless, SHARING.values())) >= 6
    for disguised in ("\uff45val('1')", "import \\\nos", "import random\nrandom._os", "x = '__class__'"):
        assert not plainly_harmless(disguised)


def test_most_honest_programs_may_share():
    shared = [name for name, program in SUM_OF_NUMBERS.items() if may_share(ast.parse(program))]
    assert len(shared) >= 28


@pytest.mark.parametrize("patch", ["import math\nmath.x = 1", "from collections import Counter\nCounter.x = 1"])
def test_a_patch_that_no_word_tells_of_does_not_reach_the_next_test(patch, pool):
    name = "math.x" if "math" in patch else "Counter.x"
    program = patch.split("\n")[0] + f"\ntry: print({name})\nexcept AttributeError: print(0)\n" + patch
    assert pool.judge(counting(program)).verdict == "AC"


def counting(program: str, tests: int = 4, **options: object) -> Submission:
    """A program that prints how often something happened before; right is always 0."""
    return Submission("s", "stdin", program, [{"input": str(n), "output": "0"} for n in range(tests)], **options)


LEAKS = {
    "module of its own": "try: x += 1\nexcept NameError: x = 0\nprint(x)",
    "random numbers": "import random\nprint(int(random.random() == 0.8444218515250481))\nrandom.seed(0)",
    "recursion limit": "import sys\nprint(int(sys.getrecursionlimit() > 2000))\nsys.setrecursionlimit(5000)",
    "decimal context": "from decimal import getcontext as g\nprint(int(g().prec != 28))\ng().prec = 5",
    "arguments": "import sys\nprint(len(sys.argv) - 1)\nsys.argv.append('x')",
}


@pytest.mark.parametrize("name", LEAKS)
def test_every_test_starts_from_the_same_state(name, pool):
    assert pool.judge(counting(LEAKS[name])).verdict == "AC"


@pytest.mark.parametrize("library", ["random", "numpy.random"])
def test_random_numbers_differ_from_run_to_run_as_in_new_interpreters(library, pool):
    drawn = pool.run(f"import {library.split('.')[0]}\nprint({library}.random())", "stdin", [""] * 3)
    assert len({out.stdout for out in drawn}) == 3
    again = f"import {library.split('.')[0]}\nprint(int({library}.random() == {{}}))"
    assert pool.judge(counting(again.format(float(drawn[0].stdout)))).verdict == "AC"


def test_a_loaded_module_left_behind_ends_the_sharing_not_the_program(pool):
    program = "import json, calendar\nprint(0)"
    assert not may_share(ast.parse(program))
    assert pool.judge(counting(program)).verdict == "AC"


def test_later_failure_gives_the_verdict_of_its_own_run(pool):
    program = "n = int(input())\nif n == 2: raise ValueError('two')\nprint(0)"
    verdict = pool.judge(counting(program))
    assert (verdict.verdict, verdict.passed, verdict.failed_test) == ("RE", 2, 2)
    assert verdict.detail == "ValueError: two"


def test_memory_of_any_test_in_a_series_counts_for_that_test(pool):
    program = "n = int(input())\nx = b'x' * (400 << 20) if n == 1 else 0\nprint(0)"
    verdict = pool.judge(counting(program, memory_limit_mb=256))
    assert (verdict.verdict, verdict.passed, verdict.failed_test) == ("MLE", 1, 1)


def test_time_counts_for_each_test_of_a_series(pool):
    program = "n = int(input())\nfor _ in range(3 * 10**6): pass\nprint(0)\nwhile n == 5: pass"
    verdict = pool.judge(counting(program, tests=8, time_limit_s=1.0))
    assert (verdict.verdict, verdict.passed, verdict.failed_test) == ("TLE", 5, 5)


def test_a_slow_program_is_stopped_at_its_first_wrong_answer(pool):
    program = "n = int(input())\nprint(0 if n < 1 else n)\nfor _ in range(4 * 10**6): pass"
    tests = [{"input": str(n), "output": "0"} for n in range(90)]
    verdict = pool.judge(Submission("s", "stdin", program, tests, time_limit_s=30))
    assert (verdict.verdict, verdict.failed_test) == ("WA", 1)
    assert pool.judge(counting("print(0)")).verdict == "AC"


def test_more_tests_than_one_message_holds(pool):
    tests = [{"input": str(n), "output": str(n)} for n in range(350)]
    verdict = pool.judge(Submission("s", "stdin", "print(input())", tests))
    assert (verdict.verdict, verdict.passed) == ("AC", 350)
    large = [{"input": "x" * (5 << 20), "output": str(5 << 20)} for _ in range(5)]
    assert pool.judge(Submission("s", "stdin", "print(len(input()))", large)).passed == 5


def test_all_tests_go_on_after_a_failure_in_a_series():
    tests = [{"input": str(n), "output": str(n % 3)} for n in range(9)]
    with JudgePool(1, all_tests=True) as thorough:
        verdict = thorough.judge(Submission("s", "stdin", "print(min(int(input()), 2))", tests))
    assert (verdict.verdict, verdict.passed, verdict.failed_test) == ("WA", 5, 3)


def test_functions_share_a_process_too(pool):
    program = "seen = []\ndef f(x):\n    seen.append(x)\n    return seen"
    tests = [{"args": [n], "expected": [n]} for n in range(5)]
    assert pool.judge(Submission("s", "call", program, tests, fn_name="f")).verdict == "AC"
    method = "class Solution:\n    n = 0\n    def f(self, x):\n        Solution.n += 1\n        return Solution.n"
    tests = [{"args": [n], "expected": 1} for n in range(5)]
    assert pool.judge(Submission("s", "call", method, tests, fn_name="f")).verdict == "AC"


def test_what_an_earlier_test_printed_can_be_neither_read_nor_changed(pool):
    program = "import sys\nn = int(input())\nsys.stdout.seek(0)\nprint(0 if n < 2 else 1)"
    verdict = pool.judge(counting(program))
    assert (verdict.verdict, verdict.passed) == ("WA", 2)
    assert pool.judge(counting("try: print(open(1, closefd=False).read())\nexcept OSError: print(0)")).verdict == "AC"


def test_an_open_standard_input_that_outlives_its_test_harms_no_other(pool):
    program = (
        "class Node: pass\na = Node()\na.me, a.file = a, open(0)\nprint(0 * len(a.file.read()))\n"
        "b = [[] for _ in range(3000)]"
    )
    assert pool.judge(counting(program, tests=30)).verdict == "AC"
