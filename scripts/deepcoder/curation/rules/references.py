"""Rules about the reference solutions: do they parse, agree with themselves and each other, and pass the tests."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from deepcoder.config.schema import Curation
from deepcoder.curation.checkers import undecided
from deepcoder.curation.rules.evidence import Evidence, Removed, Row


def parseable(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems of a source with references of which none parses."""
    removed = {}
    for row in rows:
        if row["source"] in evidence.verifiable and not any(_parses(program) for program in row["solutions"]):
            found = len(row["solutions"])
            removed[row["id"]] = f"none of {found} reference solutions parses" if found else "no reference solution"
    return removed


def several_answers(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems that allow several answers, as the statement says or references show, and that have no checker."""
    policy = config.verification
    if policy.several_answers == "keep":
        return {}
    removed = {}
    for row in rows:
        wording, outcome = undecided(row, policy), evidence.outcomes.get(row["id"])
        if wording is not None:
            removed[row["id"]] = f'the statement allows several answers ({wording.kind}): "{wording.quote}"'
        elif outcome is not None and outcome.disagreement and not outcome.flaky:
            removed[row["id"]] = f"the references disagree: {outcome.disagreement}"
    return removed


def flaky(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems on which two runs of a reference differ."""
    found = {row["id"]: evidence.outcomes.get(row["id"]) for row in rows}
    return {identity: outcome.reason for identity, outcome in found.items() if outcome and outcome.flaky}


def verified(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose references do not pass the tests."""
    removed = {}
    for row in rows:
        outcome = evidence.outcomes.get(row["id"])
        if row["source"] in evidence.verifiable and (outcome is None or not outcome.verified):
            removed[row["id"]] = outcome.reason if outcome else "no reference solution was judged"
    return removed


def weak_tests(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose tests fail none of the wrong programs made of an accepted reference."""
    if not config.drop_weak:
        return {}
    removed = {}
    for row in rows:
        found = evidence.weak.get(row["id"])
        if found is not None and found["mutants"] and not found["failed"]:
            removed[row["id"]] = f"its {found['tests']} tests fail none of {found['mutants']} mutants of a reference"
    return removed


def _parses(program: str) -> bool:
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
