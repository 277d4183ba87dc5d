"""Judge wrong programs, made of an accepted reference, on a problem's tests: those that fail none check too little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from deepcoder.curation.mutants import Mutant, mutants
from deepcoder.files import sha256_text
from deepcoder.judge import Verdict

# Judges a program on the tests at these positions.
JudgeOn = Callable[[str, Sequence[int]], Coroutine[Any, Any, Verdict]]
# Of a mutant that crashes, any test would tell; of the judge's own fault, none.
SAYS_NOTHING = ("RE", "CE", "IE")


async def judge_mutants(
    problem_id: str, solution: int, program: str, number: int, tests: int, judge_on: JudgeOn
) -> list[dict[str, Any]]:
    """Rows of schemas.mutant.MUTANT for at most `number` mutants of an accepted program, the same in every run.

    Each is judged on all tests until it fails one, and then on the later tests that no mutant has failed so far: that
    shows which tests fail none at the cost of at most one submission a test, where judging every mutant on every test
    would cost one for each pair. Only wrong answers are asked further: what ends by a limit costs all of it for every
    test, and what crashes says nothing of the tests.
    """
    seed = int(sha256_text(problem_id)[:8], 16)
    try:
        planted = mutants(program, number, seed)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    verdicts = await asyncio.gather(*(judge_on(mutant.program, range(tests)) for mutant in planted))
    failed = [[] if verdict.failed_test is None else [verdict.failed_test] for verdict in verdicts]
    left = set(range(tests)) - {
        verdict.failed_test
        for verdict in verdicts
        if verdict.verdict not in SAYS_NOTHING and verdict.failed_test is not None
    }
    for mutant, verdict, found in zip(planted, verdicts, failed, strict=True):
        if verdict.verdict == "WA":
            found += await _also_failed(mutant, found[0], left, judge_on)
            left -= set(found)
    return [
        {
            "problem_id": problem_id,
            "solution": solution,
            "mutant": place,
            "fault": mutant.fault,
            "line": mutant.line,
            "verdict": verdict.verdict,
            "failed_tests": found,
        }
        for place, (mutant, verdict, found) in enumerate(zip(planted, verdicts, failed, strict=True))
    ]


async def _also_failed(mutant: Mutant, first: int, left: set[int], judge_on: JudgeOn) -> list[int]:
    """Those of the tests `left` after the first failed one that fail the mutant."""
    found: list[int] = []
    asked = sorted(test for test in left if test > first)
    while asked:
        verdict = await judge_on(mutant.program, asked)
        if verdict.failed_test is None or verdict.verdict != "WA":
            break
        found.append(asked[verdict.failed_test])
        asked = asked[verdict.failed_test + 1 :]
    return found


def weak_row(problem_id: str, tests: int, rows: Sequence[dict[str, Any]], share: float) -> dict[str, Any]:
    """A row of schemas.weak_tests.WEAK_TESTS from a problem's mutants, crashes left out; without any it is not weak."""
    judged = [row for row in rows if row["verdict"] not in SAYS_NOTHING]
    failed = [row for row in judged if row["failed_tests"]]
    strong = {test for row in failed for test in row["failed_tests"]}
    return {
        "problem_id": problem_id,
        "tests": tests,
        "mutants": len(judged),
        "failed": len(failed),
        "weak_tests": sorted(set(range(tests)) - strong) if judged else [],
        "weak": len(failed) < share * len(judged),
    }
