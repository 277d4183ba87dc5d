"""Raw files as rows: parquet, JSON lines (plain or gzip) and JSON arrays, streamed.

A damaged or cut file is one clear error. A row that a whole file holds but that cannot be read (no JSON, no UTF-8, a
date that is none) comes as {UNREADABLE: reason}, for the parser to count.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepcoder.curation.rows import UNREADABLE
from deepcoder.errors import UserError

BATCH_ROWS = 16  # one row of tests can be 100 MB
LONGEST_LINE = 1 << 30  # bytes of one row as JSON


def read_rows(paths: Sequence[Path], columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Stream the rows of the files in the order given.

    Args:
        paths: files whose names end in .parquet, .jsonl, .jsonl.gz or .json (an array, or JSON lines).
        columns: names that a parquet file must have. A JSON row may lack some: that is for the parser to reject.
        optional: names that are read where the file has them; no other column of a parquet file is read.

    Raises:
        UserError: a missing, truncated or damaged file, a missing column, an unknown ending.
    """
    for path in paths:
        if path.name.endswith(".parquet"):
            yield from _parquet(path, columns, optional)
        elif path.name.endswith((".jsonl", ".jsonl.gz", ".json")):
            yield from _json(path, columns)
        else:
            raise UserError(f"{path}: unknown format; expected .parquet, .jsonl, .jsonl.gz or .json")


def count_rows(paths: Sequence[Path]) -> int:
    """Number of rows in the files, from the footer of parquet files and by reading the others."""
    total = 0
    for path in paths:
        if path.name.endswith(".parquet"):
            total += _open(path).metadata.num_rows
        else:
            total += sum(1 for _ in _json(path, ()))
    return total


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _parquet(path: Path, columns: Sequence[str], optional: Sequence[str]) -> Iterator[dict[str, Any]]:
    file = _open(path)
    if missing := [name for name in columns if name not in file.schema_arrow.names]:
        raise UserError(
            f"{path}: column {missing[0]!r} is missing; it has {', '.join(file.schema_arrow.names)}. "
            "Pin a revision of the source that has it"
        )
    present = [*columns, *(name for name in optional if name in file.schema_arrow.names)]
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=present):
            yield from _batch_rows(batch)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _batch_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    try:
        return batch.to_pylist()
    except (ValueError, OverflowError) as error:  # a text that is no UTF-8, a date that is none
        if batch.num_rows == 1:
            return [{UNREADABLE: f"unreadable row ({type(error).__name__})"}]
    return [row for number in range(batch.num_rows) for row in _batch_rows(batch.slice(number, 1))]


def _json(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as handle:
            is_array = path.name.endswith(".json") and handle.read(1) == b"["
            handle.seek(0)
            for number, row in enumerate(json.load(handle) if is_array else _lines(handle), start=1):
                if not isinstance(row, dict):
                    row = {UNREADABLE: "a row is not an object"}
                if number == 1 and columns and UNREADABLE not in row and not set(columns) & set(row):
                    raise UserError(f"{path}: row 1 has none of the columns {', '.join(columns)}: another dataset?")
                yield row
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; run the fetch rule of this source again") from error
    except (ValueError, RecursionError, EOFError, OSError, zlib.error) as error:
        raise _damaged(path, error, f" after row {number}") from error


def _lines(handle: gzip.GzipFile | BufferedReader) -> Iterator[Any]:
    """The values of JSON lines; a last line that is no JSON and has no end was cut, which is a ValueError."""
    while line := handle.readline(LONGEST_LINE):
        whole = line.endswith(b"\n")
        if not whole and len(line) == LONGEST_LINE:
            while (rest := handle.readline(1 << 20)) and not rest.endswith(b"\n"):
                pass
            yield {UNREADABLE: f"a line of over {LONGEST_LINE:,} bytes"}
        elif line.strip():
            try:
                row = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError) as error:
                if not whole:
                    raise
                row = {UNREADABLE: f"a line is no JSON ({type(error).__name__})"}
            del line
            yield row


def _damaged(path: Path, error: Exception, where: str = "") -> UserError:
    if isinstance(error, FileNotFoundError):
        return UserError(f"{path}: no such file; run the fetch rule of this source again")
    detail = " ".join(str(error).split())[:200]
    return UserError(f"{path}: damaged or truncated{where} ({detail}); delete it and run the fetch rule again")
