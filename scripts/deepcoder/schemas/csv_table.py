"""CSV files with fixed columns: written atomically, read back as rows of text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import write_text

DIGITS = 6


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows with exactly these columns; None becomes an empty cell, floats get six decimals."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    write_text(path, buffer.getvalue())


def read_csv(path: Path, columns: Sequence[str] = ()) -> list[dict[str, str]]:
    """Rows as texts by column.

    Raises:
        UserError: no such file, a missing column, or a row of another length, named by its number.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); make it again") from error
    header, *lines = list(csv.reader(io.StringIO(text))) or [[]]
    if missing := [column for column in columns if column not in header]:
        raise UserError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(header)}")
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise UserError(f"{path}: line {number} has {len(line)} cells instead of {len(header)}; make it again")
    return [dict(zip(header, line, strict=True)) for line in lines]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
