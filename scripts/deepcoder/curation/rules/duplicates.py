"""Rules about problems that are there twice: of each connected group the best-tested one stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from deepcoder.config.schema import Curation
from deepcoder.curation.rules.evidence import Evidence, Removed, Row, named, pair
from deepcoder.curation.similarity import shared_tests as tests
from deepcoder.curation.similarity.components import components
from deepcoder.curation.similarity.containment import held_among
from deepcoder.curation.similarity.shingles import Shingles, jaccard
from deepcoder.curation.similarity.statements import Near, exact_groups, near_pairs

Searched = Near | tests.Shared
Found = list[tuple[int, int, str, float]]  # two positions, the kind of evidence and its score


def exact_duplicate(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """All but the best-tested of problems with one normalised statement."""
    if not config.deduplication.enabled:
        return {}
    rows = _by_id(rows)
    shingles = evidence.shingles.of(rows, config.deduplication.shingle_words)
    found: Found = []
    for group in exact_groups(shingles):
        kept = _best_tested(rows, group)
        found += [(min(kept, other), max(kept, other), "statement", 1.0) for other in group if other != kept]
    return _removed(rows, found, "exact_duplicate", "same statement as", evidence)


def near_duplicate(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """All but the best-tested of each connected group of similar statements, or of those that hold one another.

    Afterwards no two of the problems that stay are a pair that the search could find.
    """
    how = config.deduplication
    if not how.enabled:
        return {}
    rows = _by_id(rows)
    shingles = evidence.shingles.of(rows, how.shingle_words)

    def similar(left: np.ndarray) -> Searched:
        return near_pairs(shingles.chosen(left), how.threshold, how.permutations, how.bands)

    found = _until_none_is_left(rows, "statement", similar)
    left = _left(rows, found)
    some = shingles.chosen(left)
    for pair_ in held_among(some, how.containment, how.containment_shingles):
        first, other = sorted((int(left[pair_.part]), int(left[pair_.whole])))
        found.append((first, other, "containment", pair_.common / len(some.of(pair_.part))))
    return _removed(rows, found, "near_duplicate", "near duplicate of", evidence)


def shared_tests(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """All but the best-tested of each connected group of problems with the same tests under another wording."""
    how = config.deduplication
    if not how.enabled:
        return {}
    rows = _by_id(rows)
    shingles = evidence.shingles.of(rows, how.shingle_words)

    def alike(left: np.ndarray) -> Searched:
        digests = [rows[position]["test_digests"] for position in left]
        return tests.shared_tests(digests, how.tests, _similarity(shingles.chosen(left)))

    found = _until_none_is_left(rows, "tests", alike)
    return _removed(rows, found, "shared_tests", "same tests as", evidence)


def _by_id(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["id"])


def _similarity(shingles: Shingles) -> tests.Similarity:
    return lambda first, other: jaccard(shingles.of(first), shingles.of(other))


def _until_none_is_left(rows: Sequence[Row], kind: str, search: Callable[[np.ndarray], Searched]) -> Found:
    """Pairs of a search that may not see all at once: it is asked again about the problems that stay."""
    found: Found = []
    while True:
        left = _left(rows, found)
        seen = search(left)
        found += [(int(left[first]), int(left[other]), kind, score) for first, other, score in seen.pairs]
        if seen.complete or not seen.pairs:
            return found


def _best_tested(rows: Sequence[Row], positions: Sequence[int]) -> int:
    return min(positions, key=lambda position: (-rows[position]["tests_count"], position))


def _left(rows: Sequence[Row], found: Found) -> np.ndarray:
    """int64 positions of the problems that stay."""
    stays = np.ones(len(rows), np.bool_)
    for group in components((first, other) for first, other, _, _ in found):
        stays[group] = False
        stays[_best_tested(rows, group)] = True
    return np.flatnonzero(stays)


def _removed(rows: Sequence[Row], found: Found, rule: str, words: str, evidence: Evidence) -> Removed:
    """Write the pairs; the problems that go, with a reason that names the one that stays."""
    best: dict[int, float] = {}
    for first, other, kind, score in sorted(found):
        evidence.pairs.append(pair(rule, rows[first]["id"], rows[other]["id"], kind, score))
        for position in (first, other):
            best[position] = max(score, best.get(position, 0.0))
    removed: Removed = {}
    for group in components((first, other) for first, other, _, _ in found):
        kept = _best_tested(rows, group)
        for position in group:
            if position != kept:
                removed[rows[position]["id"]] = f"{words} {named(rows[kept])} (score up to {best[position]:.3f})"
    return removed
