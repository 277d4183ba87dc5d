"""The problems of several sources as one sequence that never is in memory as a whole."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import iter_table


class Problems:
    """Rows of PROBLEM in order of their id, read again from their files by each iteration.

    Raises:
        UserError: while iterating, as `iter_table` does, or for a table that is not sorted by id.
    """

    def __init__(self, tables: Sequence[Path]) -> None:
        self._tables = tables

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return heapq.merge(*map(_sorted_rows, self._tables), key=lambda row: row["id"])


def _sorted_rows(table: Path) -> Iterator[dict[str, Any]]:
    last = ""
    for row in iter_table(table, PROBLEM):
        if row["id"] < last:
            raise UserError(f"{table}: row {row['id']} stands after {last}; make the table again with normalise")
        last = row["id"]
        yield row
