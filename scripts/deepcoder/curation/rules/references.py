"""Rules about the reference solutions: do they parse, agree with themselves, and pass the tests."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from deepcoder.config.schema import Curation
from deepcoder.curation.rules.evidence import Evidence, Removed, Row


def parseable(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems of a source with references of which none parses."""
    removed = {}
    for row in rows:
        if row["source"] in evidence.verifiable and not any(_parses(program) for program in row["solutions"]):
            found = len(row["solutions"])
            removed[row["id"]] = f"none of {found} reference solutions parses" if found else "no reference solution"
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


def _parses(program: str) -> bool:
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
