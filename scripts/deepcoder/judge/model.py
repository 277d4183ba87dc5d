"""What goes into the judge and what comes out: plain dataclasses, no third-party import."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from deepcoder.errors import UserError

Kind = Literal["stdin", "call"]
Status = Literal["AC", "WA", "TLE", "MLE", "RE", "OLE", "CE", "NF", "IE"]
Test = Mapping[str, Any]

MAX_OUTPUT_BYTES = 64 << 20
MAX_VALUE_BYTES = 16 << 20
DEFAULT_TIME_LIMIT_S = 10.0
DEFAULT_MEMORY_LIMIT_MB = 1024
STALL_SECONDS = 3600.0  # no verdict for so long is a judge that hangs: 300 tests at the default limit take less

_REFERENCE = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Submission:
    """A program and the tests it is judged on.

    `tests` are `{"input": str, "output": str}` for kind stdin and `{"args": list, "expected": value}` for kind
    call. `time_limit_s` is CPU seconds for each test; `memory_limit_mb` is resident memory of the program with
    its children. `comparator` wins over the judge's. `tests_ref` stands for `tests`: a reference into the judge's
    tests store (schemas.tests_store), read where and when the submission is judged. `checker` is the Python source
    of the program that comparator "checker" asks.
    """

    id: str
    kind: Kind
    program: str
    tests: Sequence[Test] = ()
    fn_name: str | None = None
    time_limit_s: float = DEFAULT_TIME_LIMIT_S
    memory_limit_mb: int = DEFAULT_MEMORY_LIMIT_MB
    comparator: str | None = None
    tests_ref: str | None = None
    checker: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The judge's word on a submission.

    AC all tests passed, WA wrong answer, TLE CPU or wall limit, MLE memory, RE uncaught exception, signal or
    non-zero exit, OLE output beyond 64 MB, CE does not compile, NF no code found in a response, IE the judge's own
    fault (never a failed program: mask it). `passed` counts tests until the stop, `failed_test` is the first failed
    one from 0, `cpu_s` is summed over tests, `peak_mb` the largest resident memory, `isolation` the level that
    held the program.
    """

    id: str
    verdict: Status
    passed: int
    total: int
    failed_test: int | None
    cpu_s: float
    wall_s: float
    peak_mb: float
    detail: str
    isolation: str


class RunOutput(NamedTuple):
    """What one run of a program did, not compared with anything.

    `status` is "OK" or one of TLE, MLE, RE, OLE, CE, IE. `stdout` holds the raw bytes of a stdin program; `value` the
    plain return value of a function (`has_value` tells a returned None from no value).
    """

    status: Literal["OK", "TLE", "MLE", "RE", "OLE", "CE", "IE"]
    stdout: bytes = b""
    value: Any = None
    has_value: bool = False
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_mb: float = 0.0
    detail: str = ""


@dataclass(frozen=True)
class Limits:
    """Limits of one run: CPU seconds, resident bytes, bytes of output."""

    cpu_s: float = DEFAULT_TIME_LIMIT_S
    memory_mb: int = DEFAULT_MEMORY_LIMIT_MB
    output_bytes: int = field(default=MAX_OUTPUT_BYTES)

    @property
    def wall_s(self) -> float:
        """The loose cap that cuts sleepers; CPU time is the limit."""
        return 3 * self.cpu_s + 2


def no_code_verdict(identity: str, total: int) -> Verdict:
    """The verdict of a response in which no program was found (NF)."""
    return Verdict(identity, "NF", 0, total, None, 0.0, 0.0, 0.0, "no code block found in the response", "none")


def check_submission(submission: Submission) -> None:
    """Raise UserError when a submission cannot be judged, naming the field and the remedy."""
    where = f"submission {submission.id!r}"
    if submission.kind not in ("stdin", "call"):
        raise UserError(f"{where}: kind is {submission.kind!r}; give stdin or call")
    if not isinstance(submission.program, str):
        raise UserError(f"{where}: program is {type(submission.program).__name__}; give the source as a string")
    if submission.kind == "call" and not submission.fn_name:
        raise UserError(f"{where}: kind call needs fn_name, the function to call")
    for name in ("fn_name", "comparator", "checker"):
        if not isinstance(getattr(submission, name), str | None):
            raise UserError(f"{where}: {name} is {getattr(submission, name)!r}; give a string or leave it out")
    limits = (submission.time_limit_s, submission.memory_limit_mb)
    if not all(isinstance(limit, int | float) and 0 < limit < 1e6 for limit in limits):
        raise UserError(f"{where}: time_limit_s and memory_limit_mb must be numbers above 0, not {limits}")
    if submission.memory_limit_mb != int(submission.memory_limit_mb):
        raise UserError(f"{where}: memory_limit_mb must be a whole number, not {submission.memory_limit_mb}")
    if submission.tests_ref is None:
        check_tests(submission)
    elif submission.tests:
        raise UserError(f"{where}: it has both tests and tests_ref; give one of them")
    elif not (isinstance(submission.tests_ref, str) and _REFERENCE.fullmatch(submission.tests_ref)):
        raise UserError(f"{where}: tests_ref must be the 64 hex digits that the tests store gave")


def check_tests(submission: Submission) -> None:
    """Raise UserError when the tests at hand cannot be used, naming the test at fault."""
    where = f"submission {submission.id!r}"
    if not submission.tests:
        raise UserError(f"{where}: it has no tests; give at least one")
    for index, test in enumerate(submission.tests):
        _check_test(test, submission.kind, f"{where}, test {index}")


def _check_test(test: Test, kind: str, where: str) -> None:
    keys = ("input", "output") if kind == "stdin" else ("args", "expected")
    missing = [key for key in keys if key not in test]
    if missing:
        raise UserError(f"{where}: lacks {' and '.join(missing)}; a {kind} test has {keys[0]} and {keys[1]}")
    if kind == "stdin" and not all(isinstance(test[key], str) for key in keys):
        raise UserError(f"{where}: input and output must be strings")
    if kind == "call" and not isinstance(test["args"], list | tuple):
        raise UserError(f"{where}: args must be a list of the positional arguments")
