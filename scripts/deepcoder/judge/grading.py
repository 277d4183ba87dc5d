"""From raw runs to verdicts: the judge's decision, taken outside the sandbox on bytes and plain data."""

from __future__ import annotations

import dataclasses
import json
import signal
from collections.abc import Callable
from typing import Any

from deepcoder.errors import UserError
from deepcoder.judge import plain
from deepcoder.judge.comparators import Comparator, comparator
from deepcoder.judge.model import MAX_VALUE_BYTES, Limits, RunOutput, Status, Submission, Test, Verdict
from deepcoder.judge.sandbox import Job, RawRun

Runner = Callable[[Job, bytes, Limits], RawRun]


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
            return RunOutput(status="OK", value=Unplain(), detail=str(record["other"])[:300], **measured)
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
        return record["verdict"], str(record.get("detail", ""))[:300]
    return "RE", str(record.get("detail") or _ending(raw.status))[:300]


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
    assert how.value is not None
    if not output.has_value:
        return "WA", output.detail
    right = how.value(output.value, test["expected"])
    return ("AC", "") if right else ("WA", "the returned value differs from the expected one")


def comparator_for(submission: Submission, default: str) -> Comparator:
    """The submission's comparator; raises UserError when it is unknown or has no form for the submission's kind."""
    how = comparator(submission.comparator or default)
    if (how.stdout if submission.kind == "stdin" else how.value) is None:
        raise UserError(f"submission {submission.id!r}: comparator {how.name} has no form for kind {submission.kind}")
    return how


def grade(submission: Submission, runner: Runner, how: Comparator, *, all_tests: bool, isolation: str) -> Verdict:
    """Run the tests in order and stop at the first failure (or run all, `failed_test` staying the first)."""
    limits = Limits(submission.time_limit_s, submission.memory_limit_mb)
    verdict = Verdict(submission.id, "AC", 0, len(submission.tests), None, 0.0, 0.0, 0.0, "", isolation)
    job = Job(submission.kind, submission.program, submission.fn_name)
    try:
        for index, test in enumerate(submission.tests):
            payload = encode_input(submission.kind, test["input" if submission.kind == "stdin" else "args"])
            output = interpret(submission.kind, runner(job, payload, limits), limits)
            status, detail = compare(output, test, submission, how)
            verdict = _add(verdict, output, status, detail, index)
            if status == "IE" or (status != "AC" and not all_tests):
                break
    finally:
        job.close()
    return verdict


def _add(verdict: Verdict, output: RunOutput, status: Status, detail: str, index: int) -> Verdict:
    first = status != "AC" and verdict.failed_test is None
    return dataclasses.replace(
        verdict,
        verdict=status if first or status == "IE" else verdict.verdict,
        passed=verdict.passed + (status == "AC"),
        failed_test=index if first else verdict.failed_test,
        detail=detail if first or status == "IE" else verdict.detail,
        cpu_s=verdict.cpu_s + output.cpu_s,
        wall_s=verdict.wall_s + output.wall_s,
        peak_mb=max(verdict.peak_mb, output.peak_mb),
    )
