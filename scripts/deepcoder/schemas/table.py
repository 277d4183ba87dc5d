"""Parquet files with a fixed schema: written atomically and deterministically, read with clear errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepcoder.errors import UserError
from deepcoder.files import atomic_path

Row = Mapping[str, Any]
ROW_GROUP_ROWS = 1024
BATCH_ROWS = 64  # of a table that is read row by row


def write_table(path: Path, rows: Iterable[Row], schema: pa.Schema) -> int:
    """Write rows in the order given, a row group of them in memory; returns their number.

    Raises:
        UserError: a row that does not fit the schema, named by its position.
    """
    count = 0
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for group in in_groups(rows, ROW_GROUP_ROWS):
            try:
                writer.write_table(pa.Table.from_pylist([dict(row) for row in group], schema=schema))
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                position = count + _bad_row(group, schema)
                raise UserError(f"{path}: row {position} does not fit the schema ({error})") from error
            count += len(group)
    return count


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write a table as `write_table` would its rows."""
    with atomic_path(path) as temporary:
        pq.write_table(table.combine_chunks(), temporary, row_group_size=ROW_GROUP_ROWS, compression="zstd")


def in_groups(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    """The rows in lists of `size`, the last one shorter."""
    following = iter(rows)
    return iter(lambda: list(islice(following, size)), [])


def read_table(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """Read all rows of a parquet file that has at least the columns of `schema`; raises as `read_arrow`."""
    return read_arrow(path, schema).to_pylist()


def read_arrow(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a parquet file that has at least the columns of `schema`, and those alone.

    Raises:
        UserError: missing file, damaged file, missing column or a column of another type.
    """
    with _reading(path, schema):
        return pq.read_table(path, columns=schema.names).cast(schema)


def iter_table(path: Path, schema: pa.Schema) -> Iterator[dict[str, Any]]:
    """The rows of `read_table` one after the other, a few of them in memory; raises as it does."""
    with _reading(path, schema), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=schema.names):
            yield from pa.Table.from_batches([batch]).select(schema.names).cast(schema).to_pylist()


@contextmanager
def _reading(path: Path, schema: pa.Schema) -> Iterator[None]:
    try:
        found = pq.read_schema(path)
        for field in schema:
            if field.name not in found.names:
                raise UserError(f"{path}: column {field.name!r} is missing; it has {', '.join(found.names)}")
        yield
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; make it with snakemake") from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OSError) as error:
        raise UserError(f"{path}: not a readable parquet file of the schema ({error}); make it again") from error


def _bad_row(rows: list[Row], schema: pa.Schema) -> int:
    for number, row in enumerate(rows):
        try:
            pa.Table.from_pylist([dict(row)], schema=schema)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return number
    return -1
