"""Problems with the same tests, whatever their wording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deepcoder.config.schema import SharedTests
from deepcoder.curation.similarity.digests import KEPT, LONGEST
from deepcoder.curation.similarity.signatures import LARGEST_BUCKET, PAIRS_AT_ONCE, pairs_within, runs_of
from deepcoder.curation.similarity.words import Hashes, Positions

Similarity = Callable[[int, int], float]
ROUNDING = 1e-6  # by which a share of a number of tests may be off
LEAST_OUTPUT = 4  # bytes of an output by which problems are looked for: "1" and "YES" are everybody's


@dataclass(frozen=True)
class Shared:
    """Pairs of problems with the same tests, sorted.

    Attributes:
        pairs: two positions, the smaller first, and the share of the tests of the one with more that they share.
        complete: whether all pairs with a common test were compared.
    """

    pairs: list[tuple[int, int, float]]
    complete: bool


def shared_tests(
    digests: Sequence[Sequence[int]], how: SharedTests, similarity: Similarity, between: int | None = None
) -> Shared:
    """The pairs of problems that have their tests in common.

    They share at least `how.least` tests with different outputs, which hold `how.output_bytes` together; and these are
    the share `how.share` of the tests of both, or of one of them alone if the statements have `how.supporting`
    similarity (one has only the other's samples).

    Args:
        digests: of each problem, as `digests.digests_of_tests` makes them.
        similarity: of the statements of two positions, asked for where the tests alone do not decide.
        between: only pairs of one of the first so many problems and one of the others.
    """
    sketches = [np.array(numbers, np.uint64) for numbers in digests]
    candidates, complete = _candidates(sketches, how, between)
    found = []
    for first, other in candidates.tolist():
        a, b = _comparable(sketches[first], sketches[other])
        both = np.intersect1d(a, b, assume_unique=True)
        if len(both) < how.least or int((both & np.uint64(LONGEST)).sum()) < how.output_bytes:
            continue
        share = len(both) / max(len(a), len(b))
        if share >= how.share or (
            len(both) >= how.share * min(len(a), len(b)) and similarity(first, other) >= how.supporting
        ):
            found.append((first, other, share))
    return Shared(found, complete)


def _comparable(a: Hashes, b: Hashes) -> tuple[Hashes, Hashes]:
    """The parts of two sketches below the bound up to which both are complete."""
    bounds = [sketch[-1] for sketch in (a, b) if len(sketch) == KEPT]
    return (a[a <= min(bounds)], b[b <= min(bounds)]) if bounds else (a, b)


def _candidates(sketches: Sequence[Hashes], how: SharedTests, between: int | None) -> tuple[Positions, bool]:
    """int64 (pairs, 2), sorted: pairs that share a digest of a test with some output, and enough digests in all.

    Beside them, whether these are all such pairs.
    """
    sizes = np.fromiter(map(len, sketches), np.int64, len(sketches))
    sizes[sizes < how.least] = 0
    owners = np.repeat(np.arange(len(sketches)), sizes)
    digests = np.concatenate([np.empty(0, np.uint64), *(s for s, size in zip(sketches, sizes, strict=True) if size)])
    keys, complete = _sharing_one(digests, owners, len(sketches), between)
    numbers = np.unique(digests, return_inverse=True)[1]
    found = [np.empty((0, 2), np.int64)]
    for begin in range(0, len(keys), PAIRS_AT_ONCE):
        pairs = np.stack(np.divmod(keys[begin : begin + PAIRS_AT_ONCE], len(sketches)), axis=1)
        smaller, larger = np.sort(sizes[pairs], axis=1).T
        shared = _common(pairs, numbers, sizes)
        # Of a sketch that was cut only the comparable part counts.
        enough = (larger == KEPT) | (shared >= how.share * smaller - ROUNDING)
        found.append(pairs[enough & (shared >= how.least)])
    return np.concatenate(found), complete


def _sharing_one(digests: Hashes, owners: Positions, count: int, between: int | None) -> tuple[Positions, bool]:
    """int64 (pairs,), sorted: first * count + other for each pair that shares a digest of a test with some output.

    Beside them, whether these are all such pairs.
    """

    def keys(first: Positions, other: Positions) -> Positions:
        asked = first < other if between is None else (first < between) & (other >= between)
        return first[asked] * count + other[asked]

    telling = np.flatnonzero((digests & np.uint64(LONGEST)) >= LEAST_OUTPUT)
    owners, runs = owners[telling], runs_of(digests[telling])
    found, large = [keys(*owners[pairs_within(runs)].T)], runs.large()
    for run in large:
        rest = owners[run]
        pivots = rest[:LARGEST_BUCKET] if between is None else rest[rest < between]
        found.append(keys(np.repeat(pivots, len(rest)), np.tile(rest, len(pivots))))
    return _distinct(found), between is not None or not large


def _distinct(parts: list[Positions]) -> Positions:
    """All numbers of the parts, sorted, each once; the parts are let go, for there can be tens of millions."""
    numbers = np.concatenate(parts)
    parts.clear()
    numbers.sort()
    new = np.ones(len(numbers), np.bool_)
    new[1:] = numbers[1:] != numbers[:-1]
    return numbers[new]


def _common(pairs: Positions, numbers: Positions, sizes: Positions) -> Positions:
    """int64 (pairs,): how many digests the two sketches of a pair have in common.

    Args:
        pairs: int64 (pairs, 2).
        numbers: int64 (digests,) below 2^32, one for each different digest, sketch after sketch.
        sizes: int64 (problems,) of the sketches.
    """
    starts, sides = np.cumsum(sizes) - sizes, pairs.ravel()
    lengths = sizes[sides]
    ends = np.cumsum(lengths)
    places = np.arange(ends[-1]) + np.repeat(starts[sides] - ends + lengths, lengths)
    keys = np.sort(np.repeat(np.arange(len(sides)) // 2 << 32, lengths) | numbers[places])
    twice = keys[1:][keys[1:] == keys[:-1]]
    return np.bincount(twice >> 32, minlength=len(pairs))
