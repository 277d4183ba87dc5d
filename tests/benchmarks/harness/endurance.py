"""A long mixed stream of submissions, and what it must not leave behind."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from deepcoder.judge import JudgePool, Submission, Verdict

from ..corpus import LIGHT_PROBLEMS, NUMPY_PROBLEMS
from . import meter

SETTLING_S = 20.0  # for processes that are being ended, on a busy machine

# Each prints 1; what else it does must be gone with it.
LEAVING = {
    "files": (
        "import os\n"
        "for folder in ('/tmp', '/dev/shm', '.'):\n"
        "    for number in range(3):\n"
        "        with open(f'{folder}/left-{os.getpid()}-{number}', 'wb') as file:\n"
        "            file.write(bytes(1 << 20))\n"
        "print(1)"
    ),
    "children": (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
        "print(1, flush=True)\n"
        "os._exit(0)"
    ),
    "daemon": (
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.closerange(0, 256)\n"
        "        time.sleep(600)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(1)"
    ),
    "descriptors": "import os\nkept = [os.open('/dev/null', os.O_RDONLY) for _ in range(50)]\nprint(1)",
}
FAILING = {
    "wrong": ("print(2)", "WA"),
    "exception": ("raise ValueError('no')", "RE"),
    "signal": ("import os\nos.abort()", "RE"),
    "exit status": ("print(1)\nraise SystemExit(3)", "RE"),
    "syntax": ("print(1", "CE"),
    "loop": ("while True: pass", "TLE"),
    "memory": ("kept = []\nwhile True: kept.append(bytearray(1 << 20))", "MLE"),
    "flood": ("import sys\nblock = 'x' * (1 << 20)\nwhile True: sys.stdout.write(block)", "OLE"),
}
# What others left is in sight of none.
CLEAN = (
    "import os\n"
    "left = [name for folder in ('/tmp', '/dev/shm', '.') for name in os.listdir(folder) if 'left' in name]\n"
    "print(1 if not left else left)"
)


@dataclass(frozen=True)
class Case:
    """A submission and its verdict."""

    submission: Submission
    expected: str


def _stdin(name: str, program: str, expected: str, **options: Any) -> Case:
    tests = [{"input": "", "output": "1\n"}]
    options = {"time_limit_s": 5.0, "memory_limit_mb": 256, **options}
    return Case(Submission(name, "stdin", program, tests, **options), expected)


def cases() -> list[Case]:
    """One round of the stream: honest programs between all that fail or leave something."""
    honest = [
        Case(Submission(p.name, p.kind, p.program, p.tests(3), fn_name=p.fn_name, time_limit_s=5.0), "AC")
        for p in LIGHT_PROBLEMS[::3] + NUMPY_PROBLEMS[::3]
    ]
    limits = {"loop": {"time_limit_s": 0.05}, "memory": {"memory_limit_mb": 64}}
    others = [_stdin(name, program, verdict, **limits.get(name, {})) for name, (program, verdict) in FAILING.items()]
    leaving = [_stdin(name, program, "AC") for name, program in LEAVING.items()]
    clean = [_stdin("clean", CLEAN, "AC")] * len(leaving)
    others += [case for pair in zip(leaving, clean, strict=True) for case in pair]
    return [case for pair in itertools.zip_longest(honest, others) for case in pair if case is not None]


def stream(count: int) -> Iterator[Case]:
    """`count` cases, the round over and over, each with an identity of its own."""
    for number, case in enumerate(itertools.islice(itertools.cycle(cases()), count)):
        yield Case(replace(case.submission, id=f"{number} {case.submission.id}"), case.expected)


@dataclass(frozen=True)
class Holdings:
    """What this process and its sandboxes hold."""

    processes: int
    descriptors: int
    files: int
    judge_mb: float
    sandboxes_mb: float


def holdings() -> Holdings:
    """What is held now."""
    tree = meter.descendants()
    descriptors = 0
    for pid in (*tree, os.getpid()):
        with contextlib.suppress(OSError):
            descriptors += len(os.listdir(f"/proc/{pid}/fd"))
    files = [name for folder in (tempfile.gettempdir(), "/dev/shm") for name in os.listdir(folder)]
    own = [name for name in files if name.startswith(("judge-", "left-"))]  # shared memory is every program's
    sandboxes = meter.proportional_mb() - meter.proportional_mb(alone=True)
    return Holdings(len(tree), descriptors, len(own), meter.resident_mb(), sandboxes)


def settled(pool: JudgePool) -> None:
    """Return when all workers have their sandboxes, so that holdings are comparable."""
    waiting = "import time\ntime.sleep(0.2)\nprint(1)"
    for program in (waiting, waiting + "  # numpy"):
        futures = [pool.submit(_stdin("settle", program, "AC").submission) for _ in range(2 * pool.workers)]
        assert {future.result().verdict for future in futures} == {"AC"}


def growth(before: Holdings, pool: JudgePool | None = None) -> Holdings:
    """What is held beyond `before`, once all that is being ended has ended."""
    deadline = time.monotonic() + SETTLING_S
    while True:
        if pool is not None:
            settled(pool)
        now = holdings()
        more = Holdings(
            now.processes - before.processes,
            now.descriptors - before.descriptors,
            now.files - before.files,
            round(now.judge_mb - before.judge_mb, 1),
            round(now.sandboxes_mb - before.sandboxes_mb, 1),
        )
        if max(more.processes, more.descriptors, more.files) <= 0 or time.monotonic() > deadline:
            return more
        time.sleep(0.2)


def endure(pool: JudgePool, count: int) -> list[str]:
    """Judge `count` mixed submissions; the verdicts that were not the expected ones."""
    waiting: deque[Case] = deque()

    def submissions() -> Iterator[Submission]:
        for case in stream(count):
            waiting.append(case)
            yield case.submission

    # The stream is bounded, and so is what is kept of it: a case lives from its submission to its verdict.
    told = [_mismatch(waiting.popleft(), verdict) for verdict in pool.imap(submissions())]
    return [text for text in told if text]


def _mismatch(case: Case, verdict: Verdict) -> str:
    if verdict.verdict == case.expected:
        return ""
    return f"{verdict.id}: {verdict.verdict} ({verdict.detail}), not {case.expected}"
