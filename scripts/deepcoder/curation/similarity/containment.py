"""Statements that hold most of another: a statement inside a longer prompt, whose Jaccard similarity is low.

A statement that holds a share t of another's n shingles holds at least one of any n - ceil(t n) + 1 of them. Looking
for the rarest ones alone finds every such pair and few others (prefix filtering: Chaudhuri, Ganti and Kaushik, ICDE
2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepcoder.curation.similarity.shingles import Shingles, common
from deepcoder.curation.similarity.words import Hashes, Positions

SHINGLES_AT_ONCE = 1 << 20
SAMPLE = 0.125  # of the shingles by which statements that hold one another are looked for
SAMPLING_SLACK = 0.3  # by which the share in a sample may be smaller than the true one


@dataclass(frozen=True)
class Held:
    """`part` of some statements and `whole` of others (positions) have `common` shingles."""

    part: int
    whole: int
    common: int


def held(parts: Shingles, wholes: Shingles, least: float) -> list[Held]:
    """All pairs in which `wholes` holds a share of at least `least` of the shingles of `parts`, sorted."""
    found = []
    for part, whole in _candidates(parts, wholes, least).tolist():
        inside = parts.of(part)
        if (shared := common(inside, wholes.of(whole))) >= least * len(inside):
            found.append(Held(part, whole, shared))
    return found


def held_among(shingles: Shingles, least: float, least_shingles: int) -> list[Held]:
    """Pairs of statements of which one holds a share of at least `least` of the other's shingles, sorted.

    They are looked for by a sample of the shingles and decided by all. `part` is the smaller of the two, and has at
    least `least_shingles`.
    """
    sample = shingles.sampled(SAMPLE)
    sizes = shingles.sizes
    pairs = _candidates(sample, sample, max(SAMPLE, least - SAMPLING_SLACK))
    part, whole = pairs[:, 0], pairs[:, 1]
    smaller = (sizes[part] < sizes[whole]) | ((sizes[part] == sizes[whole]) & (part < whole))
    found = []
    for first, other in pairs[smaller & (sizes[part] >= least_shingles)].tolist():
        inside = shingles.of(first)
        if (shared := common(inside, shingles.of(other))) >= least * len(inside):
            found.append(Held(first, other, shared))
    return found


def _candidates(parts: Shingles, wholes: Shingles, least: float) -> Positions:
    """int64 (pairs, 2), sorted: (part, whole) that share one of the part's rarest shingles."""
    values, entry = np.unique(parts.hashes, return_inverse=True)
    value_at, whole_at = _occurrences(values, wholes)
    frequency = np.bincount(value_at, minlength=len(values))
    owners = parts.owners()
    order = np.lexsort((parts.hashes, frequency[entry], owners))
    rank = np.arange(len(order)) - np.repeat(parts.offsets[:-1], parts.sizes)
    needed = parts.sizes - np.ceil(least * parts.sizes).astype(np.int64) + 1
    rare = order[rank < np.repeat(needed, parts.sizes)]
    return _joined(entry[rare], owners[rare], value_at, whole_at, len(values))


def _occurrences(values: Hashes, wholes: Shingles) -> tuple[Positions, Positions]:
    """Where the values occur: the value's number and the statement, for each occurrence."""
    numbers, places = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for first in range(0, len(wholes.hashes) if len(values) else 0, SHINGLES_AT_ONCE):
        some = wholes.hashes[first : first + SHINGLES_AT_ONCE]
        at = np.minimum(np.searchsorted(values, some), len(values) - 1)
        hits = np.flatnonzero(values[at] == some)
        numbers.append(at[hits])
        places.append(np.searchsorted(wholes.offsets, first + hits, side="right") - 1)
    return np.concatenate(numbers), np.concatenate(places)


def _joined(value: Positions, part: Positions, value_at: Positions, whole_at: Positions, values: int) -> Positions:
    """Pairs (part, whole) with one value, each once."""
    wanted = np.zeros(values, np.bool_)
    wanted[value] = True
    kept = wanted[value_at]
    value_at, whole_at = value_at[kept], whole_at[kept]
    order = np.argsort(value_at, kind="stable")
    value_at, whole_at = value_at[order], whole_at[order]
    first, last = np.searchsorted(value_at, value, "left"), np.searchsorted(value_at, value, "right")
    counts = last - first
    inside = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    pairs = np.stack([np.repeat(part, counts), whole_at[np.repeat(first, counts) + inside]], axis=1)
    return np.unique(pairs, axis=0) if len(pairs) else pairs
