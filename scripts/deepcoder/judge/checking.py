"""The comparator `checker`: a program that comes with the problem says whether an output is right, as testlib's do.

Exit statuses of testlib.h [github.com/MikeMirzayanov/testlib, enum TResult]: 0 accepted, 1 wrong answer, 2 presentation
error, 3 the checker's own failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence

from deepcoder.judge.model import Limits, RunOutput, Status, Submission, Test
from deepcoder.judge.sandbox import Job, RawRun

Runner = Callable[[Job, Sequence[bytes], Limits], Generator[RawRun]]  # see sandbox.Sandbox.run

_LIMITS = Limits()
_DETAIL_CHARS = 300


class Checker:
    """The checker of one submission, or nothing for a submission without one; close it when done."""

    def __init__(self, submission: Submission) -> None:
        self._job = None if submission.checker is None else Job("checker", submission.checker, None)
        self.wanted = self._job is not None

    def close(self) -> None:
        """Release the checker's program."""
        if self._job is not None:
            self._job.close()

    def judge(self, verdict: tuple[Status, str], test: Test, output: RunOutput, runner: Runner) -> tuple[Status, str]:
        """What the checker says of an output that `verdict` lets pass so far; its own failure is IE, our fault.

        The answer goes into a sandbox that has run the submission, which is safe: all processes of the submission
        are dead by then, the scratch folders are empty, and the checker is a fresh fork of the zygote, which never
        reads a payload but hands sealed memory files over. A later run of the submission is again a fork of that
        zygote, after the checker's files are gone.
        """
        if self._job is None or verdict[0] != "AC":
            return verdict
        texts = [_encoded(test["input"]), output.stdout, _encoded(test["output"])]
        header = " ".join(str(len(text)) for text in texts).encode() + b"\n"
        (raw,) = runner(self._job, [b"".join([header, *texts])], _LIMITS)
        return _meaning(raw)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _meaning(raw: RawRun) -> tuple[Status, str]:
    said = raw.stdout.split(b"\n", 1)[0].decode("utf-8", "replace").strip()[:_DETAIL_CHARS]
    if not raw.prepared or raw.reason:
        return "IE", f"the checker failed: {raw.reason or 'its sandbox could not prepare it'}"
    if not os.WIFEXITED(raw.status):
        return "IE", f"the checker failed: wait status {raw.status}"
    code = os.WEXITSTATUS(raw.status)
    if code == 0:
        return "AC", ""
    if code in (1, 2):
        return "WA", said or "the checker refuses the output"
    return "IE", f"the checker failed: exit status {code} {said}".strip()
