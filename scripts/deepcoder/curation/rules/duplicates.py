"""Rules about problems that are there twice: of each group the best-tested one stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from deepcoder.config.schema import Curation
from deepcoder.curation.rules.evidence import Evidence, Removed, Row, named, pair
from deepcoder.curation.similar import components, exact_groups, near_pairs


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
                removed[other] = f"same statement as {named(known[kept])}"
                evidence.pairs.append(pair("exact_duplicate", min(kept, other), max(kept, other), 1.0))
    return removed


def near_duplicate(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """All but the best-tested of each connected component of similar statements."""
    if not config.deduplication.enabled:
        return {}
    known = {row["id"]: row for row in rows}
    pairs = near_pairs({row["id"]: row["statement"] for row in rows}, config.deduplication)
    evidence.pairs += [pair("near_duplicate", *found) for found in pairs]
    removed = {}
    for group in components(pairs):
        kept = _best_tested(group, known)
        for other in group:
            if other != kept:
                score = max(found[2] for found in pairs if other in found[:2])
                removed[other] = f"near duplicate of {named(known[kept])} (similarity up to {score:.3f})"
    return removed


def _best_tested(ids: Sequence[str], rows: Mapping[str, Row]) -> str:
    return min(ids, key=lambda identity: (-rows[identity]["tests_count"], identity))
