"""What the rules know beside the problems, and what they say: which problems go, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepcoder.config.schema import Curation
from deepcoder.curation.outcomes import Outcome

Row = Mapping[str, Any]
Removed = dict[str, str]  # problem id -> reason


@dataclass
class Evidence:
    """What the rules know beside the problems themselves.

    Attributes:
        outcomes: problem id -> outcome of verification.
        verifiable: sources with any reference solution at all; problems of others pass unverified.
        prompt_tokens: number of tokens of a problem's prompt.
        benchmarks: benchmark -> its problems.
        pass_rates: problem id -> share of a model's samples that passed; None where not measured.
        weak: problem id -> row of schemas.weak_tests.WEAK_TESTS, where its tests were tried on mutants.
        pairs: filled by the rules: rows of schemas.curated.PAIR.
    """

    outcomes: Mapping[str, Outcome]
    verifiable: frozenset[str]
    prompt_tokens: Callable[[Row], int]
    benchmarks: Mapping[str, Sequence[Row]]
    pass_rates: Mapping[str, float] | None = None
    weak: Mapping[str, Row] = field(default_factory=dict)
    pairs: list[dict[str, Any]] = field(default_factory=list)


Rule = Callable[[Sequence[Row], Curation, Evidence], Removed]


def named(row: Row) -> str:
    return f"{row['id']} ({row['source']} {row['source_id']})"


def pair(rule: str, first: str, other: str, score: float, benchmark: str | None = None) -> dict[str, Any]:
    return {"rule": rule, "id": first, "other_id": other, "benchmark": benchmark, "score": round(score, 6)}
