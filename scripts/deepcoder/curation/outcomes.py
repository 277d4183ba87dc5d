"""What the verdicts on a problem's reference solutions say of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from deepcoder.config.schema import Verification

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What the verdicts on a problem's references say of it.

    Attributes:
        verified: enough references pass, none of them flaky.
        flaky: two runs of a reference differ.
        reason: why it is not verified; else "".
        disagreement: how a reference that passes and one that runs well but answers otherwise differ; else "".
        accepted: position of the first reference that passes; None where none does.
    """

    verified: bool
    flaky: bool
    reason: str
    disagreement: str = ""
    accepted: int | None = None


def outcomes(rows: Iterable[Row], policy: Verification) -> dict[str, Outcome]:
    """The outcome of each problem that has verdicts.

    A problem is flaky where two runs of one solution differ in verdict or failed test. Otherwise policy `majority`
    asks that more than half of the solutions pass, the others that one does. The rows of a problem stand together.
    """
    found = {}
    for problem, of_it in groupby(rows, key=lambda row: row["problem_id"]):
        solutions: dict[int, list[Row]] = defaultdict(list)
        for row in of_it:
            solutions[row["solution"]].append(row)
        found[problem] = _outcome(solutions, policy)
    return dict(sorted(found.items()))


def _outcome(solutions: Mapping[int, Sequence[Row]], policy: Verification) -> Outcome:
    for solution, runs in sorted(solutions.items()):
        if len({(row["verdict"], row["failed_test"]) for row in runs}) > 1:
            verdicts = ", ".join(_said(row) for row in sorted(runs, key=lambda row: row["run"]))
            return Outcome(False, True, f"runs of solution {solution} differ: {verdicts}")
    firsts = {solution: runs[0] for solution, runs in sorted(solutions.items())}
    passing = [solution for solution, row in firsts.items() if row["verdict"] == "AC"]
    accepted = passing[0] if passing else None
    disagreement = _disagreement(firsts, accepted)
    needed = len(solutions) // 2 + 1 if policy.solutions == "majority" else 1
    if len(passing) >= needed:
        return Outcome(True, False, "", disagreement, accepted)
    solution, worst = next((place, row) for place, row in firsts.items() if row["verdict"] != "AC")
    told = f"{len(passing)} of {len(solutions)} judged solutions pass; solution {solution}: {_said(worst)}"
    return Outcome(False, False, told, disagreement, accepted)


def _disagreement(firsts: Mapping[int, Row], accepted: int | None) -> str:
    """Evidence of several answers: one reference passes, another passes some tests and then answers otherwise.

    References that pass agree on the tests, and inputs made up beside these may break limits that only the statement
    tells, where right programs may differ. So the one that does not pass has to be a program for this problem: it
    passes a test and ends well. It may as well be wrong: then a problem is lost that one wrong reference came with.
    """
    if accepted is None:
        return ""
    for solution, row in firsts.items():
        if row["verdict"] == "WA" and row["passed"]:
            return f"solution {accepted} passes all tests, solution {solution} gives another answer to test " + str(
                row["failed_test"]
            )
    return ""


def _said(row: Row) -> str:
    return str(row["verdict"]) if row["failed_test"] is None else f"{row['verdict']} on test {row['failed_test']}"
