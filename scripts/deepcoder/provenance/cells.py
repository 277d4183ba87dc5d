"""A row of a table of the report: found by words, and compared with the file that its pointer names."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from deepcoder.errors import UserError
from deepcoder.files import read_json

POINTER = "pointer"
HALF_A_DIGIT = 0.51e-6  # tables hold six decimals (schemas/csv_table.py)
# Columns of a score's row beside the value, and where a score file holds them, below what holds the value.
BESIDE_A_VALUE = {"standard_error": "standard_error", "interval_low": "interval/0", "interval_high": "interval/1"}
BESIDE_ANOTHER = BESIDE_A_VALUE | {name: name for name in ("only_here_correct", "only_here_wrong")}
BESIDE_A_RATING = {"interval_low": "rating_interval/0", "interval_high": "rating_interval/1"}
SHOWN_ROWS = 6
NOT_A_NAME = re.compile(r"^-?[0-9.]+(e-?[0-9]+)?$|,")  # numbers, and cells that words apart by commas cannot give


@dataclass(frozen=True)
class Cell:
    """A row of a table and what stands at the end of its pointer.

    Attributes:
        target: the file that the pointer names, as a path from the working folder.
        pointer: what follows `#`.
        numbers: column -> (as the table shows it, as the file holds it).
        faults: numbers that the file does not hold.
    """

    table: Path
    row: Mapping[str, str]
    target: Path
    pointer: str
    numbers: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def find_cell(table: Path, words: str) -> Mapping[str, str]:
    """The row of a table whose cells contain all of the comma-separated words; `step=5` names a column too.

    In recipes.csv, whose columns are the recipes, one of the words is a recipe.

    Raises:
        UserError: no table, or no row or several rows match.
    """
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    rows = pointing_rows(table)
    matching = [row for row in rows if wanted and all(any(word == part for part in cell_words(row)) for word in wanted)]
    if len(matching) != 1:
        raise UserError(
            f"{table}: {len(matching)} rows match {words!r}; give comma-separated cells of one row, among"
            f" {'; '.join(_names(matching or rows))}"
        )
    return matching[0]


def pointing_rows(table: Path) -> list[Mapping[str, str]]:
    """Rows of a table with a pointer each; those of recipes.csv by recipe."""
    rows = read_rows(table)
    if rows and {"kind", "name"} <= set(rows[0]):
        return [row for recipe in list(rows[0])[2:] for row in _of_recipe(rows, recipe)]
    return [*rows]


def read_rows(table: Path) -> list[dict[str, str]]:
    """Rows of a CSV file as texts; raises UserError for a file that is none."""
    try:
        with open(table, encoding="utf-8", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            rows = [dict(row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: not a table ({error}); give a .csv of results/<scale>/report") from error
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise UserError(f"{table}: line {number} has another number of cells than the header; make it again")
    return rows


def cell_words(row: Mapping[str, str]) -> list[str]:
    """What may name a row: its cells, two of them joined by a slash (`strict/32k`), and `column=cell`."""
    cells = [value for value in row.values() if value]
    named = [f"{name}={value}" for name, value in row.items()]
    return cells + named + [f"{left}/{right}" for left in cells for right in cells]


def read_cell(table: Path, words: str) -> Cell:
    """The row, and the numbers at the end of its pointer.

    Raises:
        UserError: no such row, a row without a pointer, or a pointer that leads nowhere.
    """
    row = find_cell(table, words)
    if target_of(table, row) is None:
        why = row.get("status") or "a switch, a published number, or a table without pointers"
        raise UserError(f"{table}: the row of {words!r} points at no file ({why}); choose a row that was run")
    return cell_of(table, row)


def target_of(table: Path, row: Mapping[str, str]) -> Path | None:
    """The file that a row points at, as a path from the working folder."""
    file = (row.get(POINTER) or "").partition("#")[0]
    return Path(os.path.normpath(table.parent / file)) if file else None


def cell_of(table: Path, row: Mapping[str, str]) -> Cell:
    """A row that points at a file, compared with what stands there; raises UserError as read_cell."""
    target, pointer = target_of(table, row), row[POINTER].partition("#")[2]
    assert target is not None, "a row without a pointer"
    if not target.exists():
        return Cell(table, row, target, pointer, {}, [f"points at {target}, which is missing"])
    numbers = _numbers(row, target, pointer)
    faults = [
        f"{name} is {shown or 'empty'} in the table, {target}#{pointer} has {there}"
        for name, (shown, there) in numbers.items()
        if not agree(shown, there)
    ]
    return Cell(table, row, target, pointer, numbers, faults)


def agree(shown: str, there: Any) -> bool:
    """Whether a table's text is what a file holds, to the digits that tables have."""
    if there is None or there == "" or not shown:
        return not shown and there in (None, "")
    try:
        return math.isclose(float(shown), float(there), rel_tol=0, abs_tol=HALF_A_DIGIT)
    except (TypeError, ValueError):
        return shown == str(there)


def _names(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """Rows by the cells in which they differ, numbers and pointers left out."""
    columns = [name for name in (rows[0] if rows else ()) if name != POINTER and len({row[name] for row in rows}) > 1]
    worded = [name for name in columns if not any(NOT_A_NAME.search(row[name]) for row in rows)]
    names = [
        ", ".join(f"{name}={row[name]}" for name in worded or columns[:2] if row[name]) for row in rows[:SHOWN_ROWS]
    ]
    return [*names, f"and {len(rows) - SHOWN_ROWS} more"] if len(rows) > SHOWN_ROWS else names


def _of_recipe(rows: list[dict[str, str]], recipe: str) -> list[dict[str, str]]:
    """Rows of one column of recipes.csv in the form of the other tables: a score with its error and pointer."""
    cells = {(row["kind"], row["name"]): row[recipe] for row in rows}
    return [
        {
            "recipe": recipe,
            "name": name,
            "value": value,
            "standard_error": cells.get(("standard_error", name), ""),
            POINTER: cells.get((POINTER, name), ""),
        }
        for (kind, name), value in cells.items()
        if kind in ("score", "switch")
    ]


def _numbers(row: Mapping[str, str], target: Path, pointer: str) -> dict[str, tuple[str, Any]]:
    if not pointer:  # the file as a whole
        return {}
    if target.suffix == ".json":
        value = read_json(target)
        found = at(value, pointer, target)
        if not isinstance(found, Mapping):
            holder = pointer.rpartition("/")[0]
            beside = {"": BESIDE_A_VALUE, "/codeforces": BESIDE_A_RATING}.get(holder, BESIDE_ANOTHER)
            told = {name: where for name, where in beside.items() if name in row}
            found = {"value": found} | {name: at(value, f"{holder}/{where}", target) for name, where in told.items()}
    else:
        found = _row_of(target, pointer)
    return {name: (row[name], there) for name, there in found.items() if name in row}


def at(value: Any, pointer: str, path: Path) -> Any:
    """What a JSON pointer (RFC 6901) names; raises UserError where it names nothing."""
    for word in pointer.split("/")[1:]:
        key = word.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UserError(f"{path}: holds nothing at {pointer}; make the table and the file again") from error
    return value


def _row_of(target: Path, pointer: str) -> dict[str, Any]:
    """The row of a CSV or Parquet file that `/<number>` names, by column."""
    try:
        rows = parquet.read_table(target).to_pylist() if target.suffix == ".parquet" else read_rows(target)
    except (OSError, ValueError) as error:  # pyarrow's errors are among these
        raise UserError(f"{target}: cannot be read ({error}); delete it and make it again") from error
    found = at(rows, pointer, target)
    if not isinstance(found, dict):
        raise UserError(f"{target}: {json.dumps(pointer)} names no row; make the table again")
    return found
