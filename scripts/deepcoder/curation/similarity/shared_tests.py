"""Problems with the same tests, whatever their wording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deepcoder.config.schema import SharedTests
from deepcoder.curation.similarity.digests import KEPT, LONGEST
from deepcoder.curation.similarity.signatures import LARGEST_BUCKET, pairs_within, runs_of
from deepcoder.curation.similarity.words import Hashes, Positions

Similarity = Callable[[int, int], float]
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
    candidates, complete = _candidates(sketches, how.least, between)
    found = []
    for first, other in candidates:
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


def _candidates(sketches: Sequence[Hashes], least: int, between: int | None) -> tuple[list[tuple[int, int]], bool]:
    """Pairs that share a digest of a test with some output, sorted, and whether these are all such pairs."""
    sizes = [len(sketch) if len(sketch) >= least else 0 for sketch in sketches]
    owners = np.repeat(np.arange(len(sketches)), sizes)
    digests = np.concatenate([np.empty(0, np.uint64), *(s for s, size in zip(sketches, sizes, strict=True) if size)])
    telling = (digests & np.uint64(LONGEST)) >= LEAST_OUTPUT
    digests, owners = digests[telling], owners[telling]
    runs = runs_of(digests)
    parts: list[Positions] = [owners[pairs_within(runs)]]
    for members in runs.large():
        rest = owners[members]
        pivots = rest[:LARGEST_BUCKET] if between is None else rest[rest < between]
        parts.append(np.stack([np.repeat(pivots, len(rest)), np.tile(rest, len(pivots))], axis=1))
    pairs = np.unique(np.concatenate(parts), axis=0)
    first, other = pairs[:, 0], pairs[:, 1]
    pairs = pairs[first < other] if between is None else pairs[(first < between) & (other >= between)]
    return [(int(first), int(other)) for first, other in pairs], between is not None or len(parts) == 1
