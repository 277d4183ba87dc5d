"""Statements that are the same: equal after normalisation, or near by the exact Jaccard similarity of shingles.

Candidates come from MinHash signatures, so that no pair is compared in vain; each is then decided by its true
similarity, so that the signatures cause no false positive.

A template of which there are thousands of statements has millions of similar pairs. In a bucket of over LARGEST_BUCKET
statements those with the smallest positions are compared with all others; what is found similar to one of them is
settled and takes no further part in large buckets; the rest goes on among itself. The work is then linear in the size
of a bucket of similar statements, and `Near.complete` says whether pairs among the settled were left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deepcoder.curation.similarity.shingles import Shingles, jaccard
from deepcoder.curation.similarity.signatures import (
    LARGEST_BUCKET,
    Signatures,
    banded,
    likely,
    pairs_within,
    runs_of,
    signatures_of,
)
from deepcoder.curation.similarity.words import Positions

Scored = list[tuple[int, int, float]]  # two positions, the smaller first, and their similarity


@dataclass(frozen=True)
class Near:
    """Pairs at or above a threshold, sorted.

    Attributes:
        pairs: positions and similarity; every statement that has a similar one in its buckets is in one of them.
        complete: whether all pairs of all buckets were compared.
    """

    pairs: Scored
    complete: bool


def exact_groups(shingles: Shingles) -> list[list[int]]:
    """Groups of two or more positions whose normalised statements are equal, each sorted, in order of the first.

    They have the same words in the same order by their digests, and the same shingles.
    """
    runs = runs_of(shingles.digests)
    groups: Mapping[tuple[int, bytes], list[int]] = defaultdict(list)
    for run in np.flatnonzero(runs.sizes > 1):
        for position in runs.order[runs.starts[run] : runs.starts[run] + runs.sizes[run]].tolist():
            groups[int(shingles.digests[position]), shingles.of(position).tobytes()].append(position)
    return sorted(group for group in groups.values() if len(group) > 1)


def near_pairs(shingles: Shingles, threshold: float, permutations: int, bands: int) -> Near:
    """The pairs of statements with a similarity of at least `threshold`."""
    if len(shingles) < 2:
        return Near([], True)
    signatures = signatures_of(shingles, permutations)
    search = _Search(shingles, signatures, threshold)
    small, large = [], []
    for runs in banded(signatures, bands):
        pairs = pairs_within(runs)
        small.append(pairs[:, 0] * len(shingles) + pairs[:, 1])
        large += runs.large()
    search.compare(np.stack(np.divmod(np.unique(np.concatenate(small)), len(shingles)), axis=1))
    for members in large:
        search.settle(members)
    return Near(sorted(search.found()), search.complete)


class _Search:
    """Pairs found so far, and which statements have one with a smaller position."""

    def __init__(self, shingles: Shingles, signatures: Signatures, threshold: float) -> None:
        self.shingles, self.signatures, self.threshold = shingles, signatures, threshold
        self.scores: dict[tuple[int, int], float] = {}
        self.settled = np.zeros(len(shingles), np.bool_)
        self.complete = True

    def found(self) -> Scored:
        return [(*pair, score) for pair, score in self.scores.items()]

    def compare(self, pairs: Positions) -> NDArray[np.bool_]:
        """Decide pairs; returns, for each statement, whether it is the larger of a similar pair among them."""
        found = np.zeros(len(self.shingles), np.bool_)
        sizes = self.shingles.sizes[pairs]
        pairs = pairs[sizes.min(axis=1) >= self.threshold * sizes.max(axis=1)]
        for first, other in likely(self.signatures, pairs, self.threshold).tolist():
            if (first, other) not in self.scores:
                score = jaccard(self.shingles.of(first), self.shingles.of(other))
                if score < self.threshold:
                    continue
                self.scores[first, other] = score
            found[other] = True
        return found

    def settle(self, members: Positions) -> None:
        """Compare a large bucket's members with its first ones until each has a similar one, or none."""
        left = members[~self.settled[members]]
        self.complete = self.complete and len(left) == len(members)
        while len(left) > 1:
            pivots, rest = left[:LARGEST_BUCKET], left[LARGEST_BUCKET:]
            first, second = np.triu_indices(len(pivots), 1)
            self.compare(np.stack([pivots[first], pivots[second]], axis=1))
            if not len(rest):
                return
            found = self.compare(np.stack([np.repeat(pivots, len(rest)), np.tile(rest, len(pivots))], axis=1))
            self.settled |= found
            self.complete = self.complete and int(np.count_nonzero(found)) < 2
            left = rest[~found[rest]]
