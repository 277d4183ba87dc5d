"""From raw runs to verdicts: the judge's decision, taken outside the sandbox on bytes and plain data."""

from __future__ import annotations

import contextlib
import json
import signal
from typing import Any

from deepcoder.errors import UserError
from deepcoder.judge.checking import Checker, Runner
from deepcoder.judge.comparators import Comparator, comparator
from deepcoder.judge.inside.series import CAPACITY
from deepcoder.judge.model import MAX_VALUE_BYTES, Limits, RunOutput, Status, Submission, Test, Verdict
from deepcoder.judge.sandbox import Job, RawRun, bare_name
from deepcoder.schemas import plain

SERIES_BYTES = 16 << 20  # of inputs at once
_SETTLED = ("AC", "TLE")  # what a test in a shared process may be without being judged again


def encode_input(kind: str, value: Any) -> bytes:
    """Bytes of one input: text as UTF-8 (lone surrogates as their bytes), arguments as tagged JSON."""
    if kind == "stdin":
        return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    return plain.dump_value(list(value))


def interpret(kind: str, raw: RawRun, limits: Limits) -> RunOutput:
    """What a raw run means, before any comparison."""
    measured: dict[str, Any] = {
        "cpu_s": raw.cpu_s,
        "wall_s": raw.wall_s,
        "peak_mb": round(raw.peak_bytes / (1 << 20), 1),
    }
    status, detail = _status(raw, limits)
    if status != "OK" or kind == "stdin":
        return RunOutput(status=status, stdout=raw.stdout, detail=detail, **measured)
    try:
        record = json.loads(raw.record)
        if "other" in record:
            return RunOutput(status="OK", value=Unplain(), detail=_told(record["other"]), **measured)
        return RunOutput(status="OK", value=plain.decode(record["value"]), has_value=True, **measured)
    except (ValueError, KeyError, TypeError, RecursionError):
        return RunOutput(status="RE", detail="the program ended without a returned value", **measured)


class Unplain:
    """Stands for a returned value that is no plain data: equal to nothing."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]


def _status(raw: RawRun, limits: Limits) -> tuple[Any, str]:
    if raw.reason == "memory" or raw.peak_bytes > limits.memory_mb << 20:
        return "MLE", f"{raw.peak_bytes >> 20} MB resident of {limits.memory_mb} MB"
    if not raw.prepared and not raw.reason:
        return "IE", "the sandbox could not prepare the program"
    if raw.reason == "starved":
        return "IE", f"no core was free for the program in {raw.wall_s:.0f} s"
    record = _record(raw)
    if raw.reason == "cpu" or raw.cpu_s > limits.cpu_s:
        return "TLE", f"{raw.cpu_s:.2f} s of CPU time of {limits.cpu_s:g} s"
    if raw.reason == "wall":
        return "TLE", f"{raw.wall_s:.1f} s of wall time (cap {limits.wall_s:g} s), {raw.cpu_s:.2f} s of CPU time"
    if raw.reason == "disk":
        return "RE", "too many or too large files in the scratch folder"
    if raw.output_bytes > limits.output_bytes or len(raw.record) > MAX_VALUE_BYTES:
        return "OLE", "output beyond its limit"
    if raw.status == 0:
        return "OK", ""
    if record.get("verdict") in ("CE", "MLE"):
        return record["verdict"], _told(record.get("detail", ""))
    return "RE", _told(record.get("detail") or _ending(raw.status))


def _told(text: Any) -> str:
    """What a program told, as text that every file takes: it may hold lone surrogates."""
    return str(text)[:300].encode("utf-8", "backslashreplace").decode()


def _record(raw: RawRun) -> dict[str, Any]:
    """The program's side of the story (why it failed), which it could have forged: believed for failures only."""
    if raw.status == 0 or len(raw.record) > 4096:
        return {}
    try:
        record = json.loads(raw.record or b"{}")
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _ending(status: int) -> str:
    number = status & 0x7F
    if not number:
        return f"exit status {status >> 8}"
    try:
        return f"killed by {signal.Signals(number).name}"
    except ValueError:
        return f"killed by signal {number}"


def compare(output: RunOutput, test: Test, submission: Submission, how: Comparator) -> tuple[Status, str]:
    """Verdict of one test; IE stays IE."""
    failed = output.status in ("RE", "CE")
    if output.status != "OK" and not (failed and submission.kind == "stdin" and how.ignores_exit_status):
        return output.status, output.detail
    if submission.kind == "stdin":
        assert how.stdout is not None
        right = how.stdout(output.stdout, test["output"].encode("utf-8", "surrogateescape"))
        return ("AC", "") if right else ("WA", "the output differs from the expected one")
    # What is no plain data is compared too, as Unplain: some oracle asks only whether there is a value.
    right = how.accepts(output.value, test["expected"], test["args"], bare_name(submission.fn_name))
    return ("AC", "") if right else ("WA", output.detail or "the returned value differs from the expected one")


def comparator_for(submission: Submission, default: str) -> Comparator:
    """The submission's comparator; raises UserError when it is unknown or has no form for the submission's kind."""
    how = comparator(submission.comparator or default)
    if (how.stdout if submission.kind == "stdin" else how.value) is None:
        raise UserError(f"submission {submission.id!r}: comparator {how.name} has no form for kind {submission.kind}")
    if (how.name == "checker") != (submission.checker is not None):
        raise UserError(
            f"submission {submission.id!r}: comparator checker and a checker (Python source) go together; give both"
        )
    return how


def grade(submission: Submission, runner: Runner, how: Comparator, *, all_tests: bool, isolation: str) -> Verdict:
    """Run the tests in order and stop at the first failure (or run all, `failed_test` staying the first).

    Tests share a process while they pass. One that fails there is judged again in a process of its own, and so are
    all after it: no test fails, and none but a passing one counts, by what another left behind.
    """
    limits = Limits(submission.time_limit_s, int(submission.memory_limit_mb))
    fresh = Verdict(submission.id, "AC", 0, len(submission.tests), None, 0.0, 0.0, 0.0, "", isolation)
    job, checker = Job(submission.kind, submission.program, submission.fn_name), Checker(submission)
    verdict, index, alone, done = fresh, 0, checker.wanted, False
    try:
        while index < len(submission.tests) and not done:
            payloads = series_from(submission, index, alone)
            with contextlib.closing(runner(job, payloads, limits)) as runs:
                # A checker runs in the same sandbox, after the program.
                for raw in list(runs) if checker.wanted else runs:
                    test, output = submission.tests[index], interpret(submission.kind, raw, limits)
                    status, detail = checker.judge(compare(output, test, submission, how), test, output, runner)
                    alone = alone or raw.alone or status != "AC"
                    if status not in _SETTLED and not raw.alone:
                        if status == "MLE":  # of whichever test: a process has one peak
                            verdict, index = fresh, 0
                        break
                    verdict = _add(verdict, output, status, detail, index)
                    index += 1
                    done = status == "IE" or (status != "AC" and not all_tests)
                    if done:
                        break
    finally:
        job.close()
        checker.close()
    return verdict


def series_from(submission: Submission, start: int, alone: bool) -> list[bytes]:
    """Inputs of the tests from `start` on that go into one message: a single one if it must run alone."""
    key = "input" if submission.kind == "stdin" else "args"
    payloads: list[bytes] = []
    size = 0
    for test in submission.tests[start : start + (1 if alone else CAPACITY)]:
        payload = encode_input(submission.kind, test[key])
        size += len(payload)
        if payloads and size > SERIES_BYTES:
            break
        payloads.append(payload)
    return payloads


def _add(verdict: Verdict, output: RunOutput, status: Status, detail: str, index: int) -> Verdict:
    first = status != "AC" and verdict.failed_test is None
    told = first or status == "IE"
    return Verdict(
        id=verdict.id,
        verdict=status if told else verdict.verdict,
        passed=verdict.passed + (status == "AC"),
        total=verdict.total,
        failed_test=index if first else verdict.failed_test,
        cpu_s=verdict.cpu_s + output.cpu_s,
        wall_s=verdict.wall_s + output.wall_s,
        peak_mb=max(verdict.peak_mb, output.peak_mb),
        detail=detail if told else verdict.detail,
        isolation=verdict.isolation,
    )
