"""What the verdicts on a problem's reference solutions say of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepcoder.config.schema import Verification

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What the verdicts on a problem's references say of it."""

    verified: bool
    flaky: bool
    reason: str


def outcomes(rows: Iterable[Row], policy: Verification) -> dict[str, Outcome]:
    """The outcome of each problem that has verdicts.

    A problem is flaky where two runs of one solution differ in verdict or failed test. Otherwise policy `majority`
    asks that more than half of the solutions pass, the others that one does.
    """
    by_problem: dict[str, dict[int, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_problem[row["problem_id"]][row["solution"]].append(row)
    return {problem: _outcome(by_problem[problem], policy) for problem in sorted(by_problem)}


def _outcome(solutions: Mapping[int, Sequence[Row]], policy: Verification) -> Outcome:
    for solution, runs in sorted(solutions.items()):
        if len({(row["verdict"], row["failed_test"]) for row in runs}) > 1:
            verdicts = ", ".join(row["verdict"] for row in sorted(runs, key=lambda row: row["run"]))
            return Outcome(False, True, f"runs of solution {solution} differ: {verdicts}")
    passing = [solution for solution, runs in solutions.items() if all(row["verdict"] == "AC" for row in runs)]
    needed = len(solutions) // 2 + 1 if policy.solutions == "majority" else 1
    if len(passing) >= needed:
        return Outcome(True, False, "")
    solution, runs = min(solutions.items())
    worst = runs[0]
    where = "" if worst["failed_test"] is None else f" on test {worst['failed_test']}"
    return Outcome(
        False,
        False,
        f"{len(passing)} of {len(solutions)} judged solutions pass; solution {solution}: {worst['verdict']}{where}",
    )
