"""Shingles of statements that several rules ask for, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepcoder.curation.similarity.shingles import Shingles, joined, shingles_of

Row = Mapping[str, Any]


class KnownShingles:
    """Shingles by content: those of rows that were met once are kept, so that their statements need not be."""

    def __init__(self) -> None:
        self._places: dict[int, dict[str, int]] = {}  # words of a shingle -> digest of a statement -> its place
        self._parts: dict[int, list[Shingles]] = {}

    def meet(self, rows: Sequence[Row], words: int) -> None:
        """Make the shingles of statements that are new.

        Args:
            rows: with `statement` and `statement_digest`.
            words: of a shingle.
        """
        places = self._places.setdefault(words, {})
        new = {row["statement_digest"]: row for row in rows if row["statement_digest"] not in places}
        if new:
            places.update({digest: place for place, digest in enumerate(new, start=len(places))})
            self._parts.setdefault(words, []).append(shingles_of([row["statement"] for row in new.values()], words))

    def of(self, rows: Sequence[Row], words: int) -> Shingles:
        """The shingles of the rows' statements, in their order.

        Args:
            rows: with `statement_digest`, and with `statement` where it was never met.
            words: of a shingle.
        """
        self.meet(rows, words)
        parts = self._parts.setdefault(words, [])
        parts[:] = [joined(parts)]
        places = self._places[words]
        return parts[0].chosen(np.array([places[row["statement_digest"]] for row in rows], np.int64))
