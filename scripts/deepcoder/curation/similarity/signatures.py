"""MinHash signatures (rensa) and the pairs of statements whose signatures agree on a band.

With 128 permutations in 32 bands of 4 rows a pair of similarity 0.7 agrees on a band with probability
1 - (1 - 0.7^4)^32 = 0.9998 (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from deepcoder.curation.similarity.shingles import Shingles
from deepcoder.curation.similarity.words import Hashes, Positions, multipliers

SEED = 20250407  # of the permutations; any constant does
STATEMENTS_AT_ONCE = 4096  # rensa gives a chunk back as Python numbers
LARGEST_BUCKET = 64  # of which all pairs are compared
PAIRS_AT_ONCE = 1 << 16
MARGIN = 4.0  # standard errors by which an estimate may fall below the threshold: one in 30,000 falls lower

Signatures = NDArray[np.uint32]


@dataclass(frozen=True)
class Runs:
    """Equal keys brought together.

    Attributes:
        order: int64 (keys,) positions, by key and then ascending.
        starts, sizes: of each run of equal keys in `order`.
    """

    order: Positions
    starts: Positions
    sizes: Positions

    def large(self) -> list[Positions]:
        """The positions in each run of over LARGEST_BUCKET, ascending."""
        big = np.flatnonzero(self.sizes > LARGEST_BUCKET)
        return [self.order[self.starts[run] : self.starts[run] + self.sizes[run]] for run in big]


def signatures_of(shingles: Shingles, permutations: int) -> Signatures:
    """uint32 (statements, permutations)."""
    table = np.empty((len(shingles), permutations), np.uint32)
    for first in range(0, len(shingles), STATEMENTS_AT_ONCE):
        bounds = shingles.offsets[first : first + STATEMENTS_AT_ONCE + 1]
        hashes = shingles.hashes[bounds[0] : bounds[-1]]
        rows = (bounds - bounds[0]).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, rows, permutations, SEED)
        table[first : first + len(bounds) - 1] = matrix.to_rows()
    return table


def banded(signatures: Signatures, bands: int) -> Iterator[Runs]:
    """The statements by the value of each band in turn."""
    rows = signatures.shape[1] // bands
    factors = multipliers(rows)
    for band in range(bands):
        keys = np.zeros(len(signatures), np.uint64)
        for row in range(rows):
            keys += signatures[:, band * rows + row].astype(np.uint64) * factors[row]
        yield runs_of(keys)


def likely(signatures: Signatures, pairs: Positions, threshold: float) -> Positions:
    """The pairs whose estimated similarity does not speak against a true one of `threshold`."""
    permutations = signatures.shape[1]
    least = permutations * (threshold - MARGIN * (threshold * (1 - threshold) / permutations) ** 0.5)
    kept = np.empty(len(pairs), np.bool_)
    for first in range(0, len(pairs), PAIRS_AT_ONCE):
        some = pairs[first : first + PAIRS_AT_ONCE]
        agreeing = np.count_nonzero(signatures[some[:, 0]] == signatures[some[:, 1]], axis=1)
        kept[first : first + len(some)] = agreeing >= least
    return pairs[kept]


def runs_of(keys: Hashes) -> Runs:
    """The positions of equal keys."""
    order = np.argsort(keys, kind="stable")
    found = keys[order]
    starts = np.flatnonzero(np.append(np.ones(min(1, len(found)), np.bool_), found[1:] != found[:-1]))
    return Runs(order, starts, np.diff(np.append(starts, len(found))))


def pairs_within(runs: Runs) -> Positions:
    """int64 (pairs, 2), the smaller position first: all pairs inside the runs up to LARGEST_BUCKET."""
    following = np.repeat(runs.starts + runs.sizes, runs.sizes) - np.arange(len(runs.order)) - 1
    following[np.repeat(runs.sizes > LARGEST_BUCKET, runs.sizes)] = 0
    firsts = np.repeat(np.arange(len(following)), following)
    ends = np.cumsum(following)
    seconds = firsts + 1 + np.arange(len(firsts)) - (ends - following)[firsts]
    return np.stack([runs.order[firsts], runs.order[seconds]], axis=1)
