"""Run one harness on programs; a helper of judge.py, which starts it in the environment of the harness.

Usage: runner.py HARNESS < request.json, where the request has `groups` (name to problems), `least_cpu_s` and
`workers`. Prints a JSON object: for each group CPU and wall ms for each test, and the peak memory of this process.
Each harness is first shown a program with a right and with a wrong expectation, so that none passes by accident.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.benchmarks.harness import harnesses, meter

Row = dict[str, Any]
Judge = Callable[[list[Row]], list[bool]]


@contextmanager
def opened(harness: str, workers: int) -> Iterator[Judge]:
    """A function that judges problems: whether each one's program passes all its tests."""
    if harness == "ours":
        with harnesses.our_pool(workers) as judge:
            yield judge
    else:
        one = harnesses.ONE_BY_ONE[harness]()
        yield lambda rows: [one(row) for row in rows]


def spoiled(row: Row) -> Row:
    """The problem with a last test that no honest program passes."""
    *others, last = row["tests"]
    key = "output" if row["kind"] == "stdin" else "expected"
    return {**row, "tests": [*others, {**last, key: "nothing of the kind"}]}


def measure(judge: Judge, rows: list[Row], least_cpu_s: float) -> dict[str, float]:
    """CPU and wall ms for each test over as many passes as the clock's resolution asks for."""
    seen = judge([rows[0], spoiled(rows[0])])
    assert seen == [True, False], f"{rows[0]['name']} and its spoiled twin got {seen}"
    tests, start_cpu, start_wall = 0, meter.cpu_s(), time.monotonic()
    while True:
        passed = judge(rows)
        wrong = [row["name"] for row, good in zip(rows, passed, strict=True) if not good]
        assert not wrong, f"honest programs failed: {wrong}"
        tests += sum(len(row["tests"]) for row in rows)
        spent = meter.cpu_s() - start_cpu
        if spent >= least_cpu_s:
            wall = time.monotonic() - start_wall
            return {"cpu_ms": 1000 * spent / tests, "wall_ms": 1000 * wall / tests}


def main() -> None:
    request = json.load(sys.stdin)
    with opened(sys.argv[1], request["workers"]) as judge:
        found: dict[str, Any] = {
            group: measure(judge, rows, request["least_cpu_s"]) for group, rows in request["groups"].items()
        }
        found["peak_mb"] = meter.peak_mb()
        if sys.argv[1] == "ours":
            found["all_mb"] = meter.proportional_mb()
            if request.get("flood"):
                found["flood"] = harnesses.flood(judge)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
