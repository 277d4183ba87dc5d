"""Honest programs pass in whatever way they read, write and end; failing ones fail for the right reason."""

# Programs under test read best on one line.
# ruff: noqa: E501

import pytest

SUM_OF_NUMBERS = {
    "input": "print(sum(int(input()) for _ in range(2)))",
    "read": "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "readline": "import sys\nr = sys.stdin.readline\nprint(int(r()) + int(r()))",
    "readlines": "import sys\nprint(sum(map(int, sys.stdin.readlines())))",
    "iterate": "import sys\nprint(sum(int(line) for line in sys.stdin))",
    "iterate twice": "import sys\nfor a in sys.stdin:\n    break\nfor b in sys.stdin:\n    print(int(a) + int(b))",
    "until end of file": "t = 0\nwhile True:\n    try:\n        t += int(input())\n    except EOFError:\n        break\nprint(t)",
    "buffer read": "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))",
    "buffer readline": "import sys\nr = sys.stdin.buffer.readline\nprint(int(r()) + int(r()))",
    "buffer iterate": "import sys\nprint(sum(int(line) for line in sys.stdin.buffer))",
    "open 0": "print(sum(map(int, open(0))))",
    "open 0 bytes": "print(sum(map(int, open(0, 'rb').read().split())))",
    "open dev stdin": "print(sum(map(int, open('/dev/stdin'))))",
    "os read": "import os\nprint(sum(map(int, os.read(0, 1 << 16).split())))",
    "partial os reads": "import os\ns = b''\nwhile c := os.read(0, 3):\n    s += c\nprint(sum(map(int, s.split())))",
    "fstat": "import os\nprint(sum(map(int, os.read(0, os.fstat(0).st_size).split())))",
    "mmap": "import mmap\nprint(sum(map(int, mmap.mmap(0, 0, access=mmap.ACCESS_READ).read().split())))",
    "fileinput": "import fileinput\nprint(sum(map(int, fileinput.input())))",
    "iter sentinel": "print(sum(map(int, iter(lambda: __import__('sys').stdin.readline(), ''))))",
    "BytesIO": "import io, os\nprint(sum(map(int, io.BytesIO(os.read(0, 99)).readlines())))",
    "replaced stdin": "import io, sys\nsys.stdin = io.StringIO(sys.stdin.read())\nprint(int(input()) + int(input()))",
    "seek back": "import sys\nsys.stdin.read()\nsys.stdin.seek(0)\nprint(int(input()) + int(input()))",
    "stdout write": "import sys\nsys.stdout.write(str(int(input()) + int(input())))",
    "stdout writelines": "import sys\nsys.stdout.writelines([str(int(input()) + int(input())), '\\n'])",
    "stdout buffer": "import sys\nsys.stdout.buffer.write(b'%d' % (int(input()) + int(input())))",
    "os write": "import os\nos.write(1, b'%d' % (int(input()) + int(input())))",
    "open 1": "out = open(1, 'w')\nout.write(str(int(input()) + int(input())))",
    "open 1 in a function": "def f():\n    open(1, 'w').write(str(int(input()) + int(input())))\nf()",
    "open dev stdout": "open('/dev/stdout', 'w').write(str(int(input()) + int(input())))",
    "StringIO at exit": (
        "import atexit, io, sys\no = sys.stdout\nsys.stdout = io.StringIO()\n"
        "atexit.register(lambda: o.write(sys.stdout.getvalue()))\nprint(int(input()) + int(input()))"
    ),
    "buffered class": (
        "import os, sys\nfrom io import BytesIO, IOBase\nclass Fast(IOBase):\n    newlines = 0\n"
        "    def __init__(self, f):\n        self.fd = f.fileno()\n        self.buffer = BytesIO()\n"
        "        self.writable = 'x' in f.mode or 'r' not in f.mode\n"
        "        self.write = self.buffer.write if self.writable else None\n"
        "    def readline(self):\n        while self.newlines == 0:\n"
        "            b = os.read(self.fd, max(os.fstat(self.fd).st_size, 8192))\n"
        "            self.newlines = b.count(b'\\n') + (not b)\n            ptr = self.buffer.tell()\n"
        "            self.buffer.seek(0, 2), self.buffer.write(b), self.buffer.seek(ptr)\n"
        "        self.newlines -= 1\n        return self.buffer.readline()\n"
        "    def flush(self):\n        if self.writable:\n            os.write(self.fd, self.buffer.getvalue())\n"
        "            self.buffer.truncate(0), self.buffer.seek(0)\n"
        "class Wrapper(IOBase):\n    def __init__(self, f):\n        self.buffer = Fast(f)\n"
        "        self.flush = self.buffer.flush\n        self.writable = self.buffer.writable\n"
        "        self.write = lambda s: self.buffer.write(s.encode('ascii'))\n"
        "        self.readline = lambda: self.buffer.readline().decode('ascii')\n"
        "sys.stdin, sys.stdout = Wrapper(sys.stdin), Wrapper(sys.stdout)\n"
        "input = lambda: sys.stdin.readline().rstrip()\nprint(int(input()) + int(input()))"
    ),
    "exit": "print(int(input()) + int(input()))\nexit()",
    "quit": "print(int(input()) + int(input()))\nquit()",
    "sys exit": "import sys\nprint(int(input()) + int(input()))\nsys.exit(0)",
    "exit inside try": "try:\n    print(int(input()) + int(input()))\n    exit()\nexcept ValueError:\n    pass",
    "os _exit after flush": "import os\nprint(int(input()) + int(input()), flush=True)\nos._exit(0)",
    "main guard": "def main():\n    print(int(input()) + int(input()))\nif __name__ == '__main__':\n    main()",
    "guard then more": 'if __name__ == "__main__":\n    a = int(input())\nprint(a + int(input()))',
    "global": "t = 0\ndef add():\n    global t\n    t += int(input())\nadd()\nadd()\nprint(t)",
    "star import": "try:\n    from math import *\nexcept ImportError:\n    pass\nprint(floor(int(input()) + int(input())))",
    "future import": "from __future__ import annotations\ndef f(x: Undefined): return x\nprint(f(int(input()) + int(input())))",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nprint(P(int(input())).x + int(input()))",
    "named like ours": "class Solution:\n    def f(self): return int(input()) + int(input())\nprint(Solution().f())",
    "class scope": "class A:\n    x = int(input())\n    def g(self): return A.x\nprint(A().g() + int(input()))",
    "exec": "exec('x = int(input())')\nprint(eval('x + int(input())'))",
    "thread": "import threading\ndef f(): print(int(input()) + int(input()))\nthreading.Thread(target=f).start()",
    "daemon thread": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "print(int(input()) + int(input()))"
    ),
    "noise on stderr": "import sys\nprint('noise', file=sys.stderr)\nprint(int(input()) + int(input()))",
    "alarm of its own": "import signal\nsignal.signal(signal.SIGALRM, lambda *_: 0)\nsignal.alarm(5)\nprint(int(input()) + int(input()))",
    "multiprocessing": (
        "import multiprocessing as m\nif __name__ == '__main__':\n    m.set_start_method('fork')\n"
        "    with m.Pool(2) as p:\n        print(sum(p.map(int, [input(), input()])))"
    ),
    "temporary file": (
        "import tempfile\nwith tempfile.TemporaryFile('w+') as f:\n    f.write(input())\n    f.seek(0)\n"
        "    print(int(f.read()) + int(input()))"
    ),
    "numpy": "import sys\nimport numpy as np\nprint(np.array(sys.stdin.read().split(), dtype=int).sum())",
}


# What Landlock cannot offer: the way, and what Isolation.not_enforced says of it.
NOT_OFFERED_BY_LANDLOCK = {"multiprocessing": "/dev/shm and with it multiprocessing.Pool"}


@pytest.mark.parametrize("way", SUM_OF_NUMBERS)
def test_every_way_of_reading_writing_and_ending_passes(way, stdin, pool):
    verdict = stdin(SUM_OF_NUMBERS[way], "5\n6\n", "11\n")
    if pool.isolation.level == "landlock" and way in NOT_OFFERED_BY_LANDLOCK:
        assert verdict.verdict == "RE"
        assert any(NOT_OFFERED_BY_LANDLOCK[way] in gap for gap in pool.isolation.not_enforced)
        return
    assert (verdict.verdict, verdict.detail) == ("AC", "")


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return n and 1 + f(n - 1)\nprint(f(50000))", "50000"),
        (
            "import sys, threading\nsys.setrecursionlimit(10**7)\nthreading.stack_size(256 << 20)\n"
            "def f(n): return n and 1 + f(n - 1)\nt = threading.Thread(target=lambda: print(f(100000)))\nt.start()\nt.join()",
            "100000",
        ),
        ("def f(n): return n and 1 + f(n - 1)\nprint(f(990))", "990"),
        ("print(len(str(10**10000)))", "10001"),
        ("print('é')", "é"),
        (
            "import time, locale, os\nprint(time.tzname[0], locale.getpreferredencoding(), os.environ['LANG'])",
            "UTC utf-8 C.UTF-8",
        ),
        ("import sys\nprint(repr(sys.stdin.read()))", "''"),
        ("import sys\nprint(__name__, sys.argv, __file__)", "__main__ ['main.py'] main.py"),
    ],
)
def test_interpreter_behaves_like_a_plain_one(program, expected, stdin):
    assert stdin(program, "", expected).verdict == "AC"


def test_hash_seed_is_fixed(pool):
    first, second = pool.run("print(hash('a'), {*'abcdef'})", "stdin", ["", ""])
    assert first.stdout == second.stdout != b""


def test_input_reaches_the_program_byte_for_byte(pool):
    text = "a\r\nü \udcff\x00\n\n"
    (out,) = pool.run("import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())", "stdin", [text])
    assert out.stdout == text.encode("utf-8", "surrogateescape")


def test_ten_megabytes_of_input_are_read(stdin):
    verdict = stdin("import sys\nprint(sum(map(int, sys.stdin)))", "1\n" * 5_000_000, "5000000", time_limit_s=20)
    assert verdict.verdict == "AC"


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("print(8)\nimport sys\nsys.exit(1)", "RE"),
        ("print(8)\nexit('message')", "RE"),
        *[(f"print(8)\nimport os, sys\nsys.stdout.flush()\nos._exit({n})", "RE") for n in (1, 2, 97, 120, 255)],
        ("print(8)\nraise ValueError", "RE"),
        ("print(8)\n1 / 0", "RE"),
        ("import os\nprint(8, flush=True)\nos._exit(3)", "RE"),
        ("import os, signal\nprint(8, flush=True)\nos.kill(os.getpid(), signal.SIGSEGV)", "RE"),
        ("import os\nprint(8, flush=True)\nos.abort()", "RE"),
        ("def f(n): return n and 1 + f(n - 1)\nprint(8, f(5000))", "RE"),
        ("import threading\ndef f(): 1 / 0\nt = threading.Thread(target=f)\nt.start()\nt.join()\nprint(8)", "AC"),
        ("print(", "CE"),
        ("x = 1\n  y = 2", "CE"),
        ("print(8)\nreturn", "CE"),
        ("a\x00b", "CE"),
        ("print(9)", "WA"),
        ("pass", "WA"),
        ("print(8)\nprint(8)", "WA"),
        ("while True: pass", "TLE"),
        ("x = [0] * 10**9\nprint(8)", "MLE"),
        ("x = []\nwhile True: x.append(bytearray(1 << 20))", "MLE"),
        ("raise MemoryError", "MLE"),
        ("try:\n    x = [0] * 10**9\nexcept MemoryError:\n    print(8)", "AC"),
        ("import sys\nwhile True: sys.stdout.write('x' * 65536)", "OLE"),
        (
            "import sys\ntry:\n    while True: sys.stdout.write('x' * 65536)\nexcept OSError:\n    sys.stdout = None",
            "OLE",
        ),
        ("import socket\nprint(8)\nsocket.socket()", "RE"),
        ("import pandas\nprint(8)", "RE"),
    ],
)
def test_a_failing_program_fails_for_its_reason(program, verdict, stdin):
    assert stdin(program, "\n", "8\n").verdict == verdict


def test_c_stack_overflow_is_a_runtime_error(stdin):
    program = (
        "import sys, functools\nsys.setrecursionlimit(10**9)\n"
        "@functools.lru_cache(None)\ndef f(n): return f(n + 1)\nprint(8)\nf(0)"
    )
    assert stdin(program, "", "8", memory_limit_mb=1024).verdict == "RE"


def test_sleeping_is_cut_by_the_wall_cap_and_costs_no_cpu(stdin):
    program = "import time\nwhile True:\n    try:\n        time.sleep(100)\n    except BaseException:\n        pass"
    verdict = stdin(program, time_limit_s=0.2)
    assert verdict.verdict == "TLE"
    assert verdict.cpu_s < 0.2
    assert 2.6 <= verdict.wall_s < 4


def test_cpu_time_is_the_limit_not_wall_time(stdin):
    verdict = stdin("import time\ntime.sleep(1.2)\nprint(8)", "", "8", time_limit_s=0.5)
    assert verdict.verdict == "AC"
    assert verdict.wall_s > 1.1


def test_cpu_time_of_children_and_threads_counts(stdin):
    program = "import os\nfor _ in range(3):\n    if os.fork() == 0:\n        while True: pass\nos.wait()"
    verdict = stdin(program, time_limit_s=0.5)
    assert verdict.verdict == "TLE"
    assert verdict.cpu_s < 1.5


def test_memory_of_children_counts(stdin):
    program = (
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n"
        "        x = bytearray(b'x' * (100 << 20))\n        time.sleep(9)\nos.wait()"
    )
    assert stdin(program, time_limit_s=5).verdict == "MLE"


def test_memory_of_the_judge_itself_hides_no_memory_of_programs(level):
    from deepcoder.judge import JudgePool

    ballast = bytearray(b"x") * (300 << 20)
    with JudgePool(1, isolation=level) as fresh:
        program = "import os, time\nos.fork()\nx = bytearray(b'x') * (90 << 20)\ntime.sleep(0.5)"
        (out,) = fresh.run(program, "stdin", [""], memory_limit_mb=150)
    assert len(ballast) == 300 << 20
    assert out.status == "MLE"


def test_an_unused_reservation_is_no_memory(stdin):
    assert stdin("import mmap\nm = mmap.mmap(-1, 900 << 20)\nprint(8)", "", "8").verdict == "AC"


def test_verdict_counts_stop_at_the_first_failure_or_go_on(pool):
    from deepcoder.judge import JudgePool, Submission

    tests = [{"input": str(n), "output": str(n)} for n in range(5)]
    submission = Submission("s", "stdin", "n = int(input())\nprint(n if n != 2 else 0)", tests)
    verdict = pool.judge(submission)
    assert (verdict.verdict, verdict.passed, verdict.failed_test, verdict.total) == ("WA", 2, 2, 5)
    with JudgePool(1, isolation=pool.isolation.level, all_tests=True) as thorough:
        verdict = thorough.judge(submission)
    assert (verdict.verdict, verdict.passed, verdict.failed_test, verdict.total) == ("WA", 4, 2, 5)
