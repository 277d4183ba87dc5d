"""Statements as sets of shingles, runs of words as 64-bit numbers: 8 bytes a shingle, compared by merging."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from deepcoder.curation.similarity.words import Hashes, Positions, multipliers, scramble, word_hashes

STATEMENTS_AT_ONCE = 128  # more are slower: their arrays outgrow the cache


@dataclass(frozen=True)
class Shingles:
    """The sets of many statements.

    Attributes:
        hashes: uint64 (shingles,), statement after statement, of each sorted and without repetition.
        offsets: int64 (statements + 1,): where each statement's begin.
        digests: uint64 (statements,) of all words of a statement in their order.
    """

    hashes: Hashes
    offsets: Positions
    digests: Hashes

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def sizes(self) -> Positions:
        """Number of shingles of each statement."""
        return np.diff(self.offsets)

    def of(self, position: int) -> Hashes:
        """The sorted set of one statement."""
        return self.hashes[self.offsets[position] : self.offsets[position + 1]]

    def owners(self) -> NDArray[np.int64]:
        """The statement of each shingle."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def chosen(self, positions: Positions) -> Shingles:
        """Those of some statements; no copy where these are all of them in their order."""
        if np.array_equal(positions, np.arange(len(self))):
            return self
        parts = [self.of(position) for position in positions]
        offsets = np.concatenate([[0], np.cumsum(self.sizes[positions])]).astype(np.int64)
        return Shingles(_joined(parts), offsets, self.digests[positions])

    def sampled(self, share: float) -> Shingles:
        """The shingles with the smallest hashes, the same ones of every statement: `share` of all on average."""
        kept = np.flatnonzero(self.hashes < np.uint64(int(share * 2**64)))
        return Shingles(self.hashes[kept], np.searchsorted(kept, self.offsets).astype(np.int64), self.digests)


def shingles_of(statements: Sequence[str], words: int) -> Shingles:
    """All runs of `words` words of each statement; a shorter statement is one shingle."""
    return joined(
        [
            _of_some(statements[first : first + STATEMENTS_AT_ONCE], words)
            for first in range(0, len(statements), STATEMENTS_AT_ONCE)
        ]
    )


def joined(parts: Sequence[Shingles]) -> Shingles:
    """The statements of all parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    offsets = np.concatenate([[0], *(part.sizes for part in parts)]).astype(np.int64).cumsum()
    return Shingles(_joined([part.hashes for part in parts]), offsets, _joined([part.digests for part in parts]))


def common(first: Hashes, other: Hashes) -> int:
    """Size of the intersection of two sorted sets."""
    both = np.concatenate([first, other])
    both.sort(kind="stable")
    return int(np.count_nonzero(both[1:] == both[:-1]))


def jaccard(first: Hashes, other: Hashes) -> float:
    """Size of the intersection over that of the union."""
    shared = common(first, other)
    return shared / (len(first) + len(other) - shared)


def _of_some(statements: Sequence[str], words: int) -> Shingles:
    hashes, offsets = word_hashes(statements)
    counts = np.diff(offsets)
    digests = _digests(hashes, offsets)
    runs = _runs(hashes, words)
    places = np.arange(len(runs)) - np.repeat(offsets[:-1], counts)[: len(runs)]
    whole = places + words <= np.repeat(counts, counts)[: len(runs)]
    sizes = np.maximum(counts - words + 1, 1)
    bounds = np.concatenate([[0], np.cumsum(sizes)])
    found = np.empty(bounds[-1], np.uint64)
    is_short = np.zeros(bounds[-1], np.bool_)
    is_short[bounds[:-1][counts < words]] = True
    found[is_short] = digests[counts < words]
    found[~is_short] = runs[whole]
    for first, last in pairwise(bounds):
        found[first:last].sort()
    new = np.ones(len(found), np.bool_)
    new[1:] = found[1:] != found[:-1]
    new[bounds[:-1]] = True
    kept = np.concatenate([[0], np.cumsum(new)])[bounds]
    return Shingles(found[new], kept, digests)


def _runs(hashes: Hashes, words: int) -> Hashes:
    """The hash of `words` words from each position on, over the ends of statements too."""
    count = max(0, len(hashes) - words + 1)
    total = np.zeros(count, np.uint64)
    for place, factor in enumerate(multipliers(words)):
        total += hashes[place : place + count] * factor
    return scramble(total)


def _digests(hashes: Hashes, offsets: Positions) -> Hashes:
    counts = np.diff(offsets)
    places = np.arange(len(hashes)) - np.repeat(offsets[:-1], counts)
    factors = multipliers(int(counts.max(initial=0)))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes * factors[places], dtype=np.uint64)])
    return scramble((sums[offsets[1:]] - sums[offsets[:-1]]) ^ counts.astype(np.uint64))


def _joined(parts: Sequence[Hashes]) -> Hashes:
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)
