"""The rules of curation in their order: each takes the problems that are left and says which go, and why."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepcoder.config.schema import Curation
from deepcoder.curation.outcomes import Outcome
from deepcoder.curation.similar import components, exact_groups, near_matches, near_pairs

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
        pairs: filled by the rules: rows of schemas.curated.PAIR.
    """

    outcomes: Mapping[str, Outcome]
    verifiable: frozenset[str]
    prompt_tokens: Callable[[Row], int]
    benchmarks: Mapping[str, Sequence[Row]]
    pass_rates: Mapping[str, float] | None = None
    pairs: list[dict[str, Any]] = field(default_factory=list)


def held_out(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems of a benchmark's split or outside the training window."""
    return {row["id"]: f"split {row['split']}" for row in rows if row["split"] != "train"}


def parseable(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems of a source with references of which none parses."""
    removed = {}
    for row in rows:
        if row["source"] in evidence.verifiable and not any(_parses(program) for program in row["solutions"]):
            found = len(row["solutions"])
            removed[row["id"]] = f"none of {found} reference solutions parses" if found else "no reference solution"
    return removed


def enough_tests(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems with fewer tests than asked."""
    least = config.min_tests
    return {
        row["id"]: f"{row['tests_count']} tests, at least {least} needed" for row in rows if row["tests_count"] < least
    }


def prompt_length(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose prompt has more tokens of the model's tokenizer than allowed."""
    removed = {}
    for row in rows:
        if (tokens := evidence.prompt_tokens(row)) > config.max_prompt_tokens:
            removed[row["id"]] = f"{tokens} prompt tokens, at most {config.max_prompt_tokens} allowed"
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


def exact_duplicate(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """All but the best-tested of problems with one normalised statement."""
    if not config.deduplication.enabled:
        return {}
    removed = {}
    known = {row["id"]: row for row in rows}
    for group in exact_groups({row["id"]: row["statement"] for row in rows}):
        kept = _best_tested(group, known)
        for other in group:
            if other != kept:
                removed[other] = f"same statement as {_named(known[kept])}"
                evidence.pairs.append(_pair("exact_duplicate", min(kept, other), max(kept, other), 1.0))
    return removed


def near_duplicate(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """All but the best-tested of each connected component of similar statements."""
    if not config.deduplication.enabled:
        return {}
    known = {row["id"]: row for row in rows}
    pairs = near_pairs({row["id"]: row["statement"] for row in rows}, config.deduplication)
    evidence.pairs += [_pair("near_duplicate", *pair) for pair in pairs]
    removed = {}
    for group in components(pairs):
        kept = _best_tested(group, known)
        for other in group:
            if other != kept:
                score = max(pair[2] for pair in pairs if other in pair[:2])
                removed[other] = f"near duplicate of {_named(known[kept])} (similarity up to {score:.3f})"
    return removed


def contamination(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose statement or URL is that of a benchmark's problem."""
    if not config.decontamination.enabled:
        return {}
    removed: Removed = {}
    statements = {row["id"]: row["statement"] for row in rows}
    for name, problems in sorted(evidence.benchmarks.items()):
        known = {row["id"]: row for row in problems}
        targets = {row["id"]: row["statement"] for row in problems}
        matches = near_matches(statements, targets, config.decontamination)
        evidence.pairs += [_pair("contamination", *match, benchmark=name) for match in matches]
        for identity, other, score in sorted(matches, key=lambda match: (-match[2], match)):
            removed.setdefault(identity, f"{name}: similar to {_named(known[other])} (similarity {score:.3f})")
        urls = {row["url"]: row for row in problems if row["url"]}
        for row in rows:
            if row["url"] in urls:
                removed.setdefault(row["id"], f"{name}: same URL as {_named(urls[row['url']])}")
    return removed


def difficulty(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose pass rate is not strictly inside the band."""
    if not config.difficulty.enabled:
        return {}
    rates = evidence.pass_rates or {}
    low, high = config.difficulty.low, config.difficulty.high
    removed = {}
    for row in rows:
        rate = rates.get(row["id"])
        if rate is None:
            removed[row["id"]] = "its pass rate was not measured"
        elif not low < rate < high:
            removed[row["id"]] = f"pass rate {rate:.3f} is not between {low} and {high}"
    return removed


def validation(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems held back for validation, whole families at a time."""
    fraction = config.validation_fraction
    return {row["id"]: "held back for validation" for row in rows if _share(row) < fraction}


RULES: tuple[tuple[str, Callable[[Sequence[Row], Curation, Evidence], Removed]], ...] = (
    ("held_out", held_out),
    ("parseable", parseable),
    ("enough_tests", enough_tests),
    ("prompt_length", prompt_length),
    ("flaky", flaky),
    ("verified", verified),
    ("exact_duplicate", exact_duplicate),
    ("near_duplicate", near_duplicate),
    ("contamination", contamination),
    ("difficulty", difficulty),
    ("validation", validation),
)


def _parses(program: str) -> bool:
    try:
        ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _share(row: Row) -> float:
    """A uniform number from 0 to 1 that depends on the family, or on the id of a problem without one."""
    digest = hashlib.sha256(f"validation\n{row['family'] or row['id']}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _best_tested(ids: Sequence[str], rows: Mapping[str, Row]) -> str:
    return min(ids, key=lambda identity: (-rows[identity]["tests_count"], identity))


def _named(row: Row) -> str:
    return f"{row['id']} ({row['source']} {row['source_id']})"


def _pair(rule: str, first: str, other: str, score: float, benchmark: str | None = None) -> dict[str, Any]:
    return {"rule": rule, "id": first, "other_id": other, "benchmark": benchmark, "score": round(score, 6)}
