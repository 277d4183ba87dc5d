"""Shingles of statements that several rules ask for, made once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepcoder.curation.similarity.shingles import Shingles, shingles_of


class KnownShingles:
    """Shingles by content: those of the first rows asked for are kept, and later rows are found among them."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[dict[str, int], Shingles]] = {}

    def of(self, rows: Sequence[Mapping[str, Any]], words: int) -> Shingles:
        """The shingles of the rows' statements, in their order.

        Args:
            rows: with `statement` and `statement_digest`.
        """
        known, shingles = self._made.get(words, ({}, None))
        if shingles is None or any(row["statement_digest"] not in known for row in rows):
            statements = {row["statement_digest"]: row["statement"] for row in rows}
            known = {digest: position for position, digest in enumerate(statements)}
            shingles = shingles_of(list(statements.values()), words)
            self._made[words] = known, shingles
        return shingles.chosen(np.array([known[row["statement_digest"]] for row in rows], np.int64))
