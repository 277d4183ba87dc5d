"""What the rules know beside the problems, and what they say: which problems go, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepcoder.config.schema import Curation
from deepcoder.curation.outcomes import Outcome
from deepcoder.curation.similarity.known import KnownShingles

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
        windows: benchmark -> first day (YYYY-MM-DD) of its window, where it has one.
        shingles: of the statements, made once for all rules.
        pairs: filled by the rules: rows of schemas.pair.PAIR.
    """

    outcomes: Mapping[str, Outcome]
    verifiable: frozenset[str]
    prompt_tokens: Callable[[Row], int]
    benchmarks: Mapping[str, Sequence[Row]]
    pass_rates: Mapping[str, float] | None = None
    weak: Mapping[str, Row] = field(default_factory=dict)
    windows: Mapping[str, str] = field(default_factory=dict)
    shingles: KnownShingles = field(default_factory=KnownShingles)
    pairs: list[dict[str, Any]] = field(default_factory=list)


Rule = Callable[[Sequence[Row], Curation, Evidence], Removed]


def windows(facts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Benchmark -> first day of its window, from the facts of prepare_benchmark's manifests."""
    return {one["benchmark"]: one["first_day"] for one in facts if one["decontaminate"] and one["first_day"]}


def named(row: Row) -> str:
    return f"{row['id']} ({row['source']} {row['source_id']})"


def pair(
    rule: str, first: str, other: str, evidence: str, score: float, benchmark: str | None = None
) -> dict[str, Any]:
    """A row of schemas.pair.PAIR."""
    found = {"rule": rule, "id": first, "other_id": other, "benchmark": benchmark}
    return {**found, "evidence": evidence, "score": round(score, 6)}
