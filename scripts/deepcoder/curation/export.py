"""A training set and the benchmarks beside it as one folder of parquet files that `datasets.load_dataset` reads.

Training and evaluation have one schema: that of the problems, with the tests as a JSON text in each row. Rows stream
through, so that memory holds a row group and not the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from deepcoder.files import sha256_files
from deepcoder.manifest import Manifest
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import iter_table
from deepcoder.schemas.tests_store import TestsStore

Row = Mapping[str, Any]
EXPORTED = PROBLEM.append(pa.field("tests", pa.large_string()))  # tests_ref is the sha256 of this text
ROW_GROUP_BYTES = 64 << 20  # before compression; a larger row stands alone
FILE_BYTES = 500 << 20
TRAINING = "training"


@dataclass(frozen=True)
class Split:
    """A split of a configuration of the dataset, and the table that it is made from."""

    config: str
    name: str
    table: Path

    @property
    def folder(self) -> str:
        return self.name if self.config == TRAINING else f"benchmarks/{self.config}"


@dataclass(frozen=True)
class File:
    """A written parquet file, its path from the folder of the dataset."""

    split: Split
    path: str
    rows: int
    bytes: int
    sha256: str


def splits_of(curated: Manifest, benchmarks: Sequence[Manifest]) -> list[Split]:
    """Training and validation of a curation, then a test split for each benchmark in the order of their names."""
    named = sorted((str(manifest.facts["benchmark"]), manifest) for manifest in benchmarks)
    return [
        *(Split(TRAINING, name, curated.file(f"{name}.parquet")) for name in ("train", "validation")),
        *(Split(name, "test", manifest.file("problems.parquet")) for name, manifest in named),
    ]


def write_splits(root: Path, splits: Sequence[Split], store: TestsStore, **sizes: int) -> list[File]:
    """Write the rows of each split that has any to files below `root`.

    Args:
        sizes: `row_group_bytes` and `file_bytes`, see `write_parts`.

    Raises:
        UserError: a table or tests that are missing or damaged.
    """
    written = []
    for split in splits:
        for path, rows in write_parts(root / split.folder, with_tests(split.table, store), **sizes):
            written.append((split, path, rows))
    hashes = sha256_files([path for _, path, _ in written])
    return [
        File(split, path.relative_to(root).as_posix(), rows, path.stat().st_size, sha256)
        for (split, path, rows), sha256 in zip(written, hashes, strict=True)
    ]


def with_tests(table: Path, store: TestsStore) -> Iterator[dict[str, Any]]:
    """Rows of a table of problems, each with the stored text of its tests; null where it has none."""
    for row in iter_table(table, PROBLEM):
        yield row | {"tests": store.text(row["tests_ref"]) if row["tests_ref"] else None}


def write_parts(
    folder: Path, rows: Iterable[Row], row_group_bytes: int = ROW_GROUP_BYTES, file_bytes: int = FILE_BYTES
) -> Iterator[tuple[Path, int]]:
    """Write part-00000.parquet and so on; gives each with its number of rows.

    A row group is closed when it holds `row_group_bytes`, a file when its row groups hold `file_bytes`, both before
    compression, so that where the rows fall depends on nothing but the rows.
    """
    groups, number = _groups(rows, row_group_bytes), 0
    group = next(groups, None)
    while group is not None:
        path, count, size = folder / f"part-{number:05}.parquet", 0, 0
        folder.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(path, EXPORTED, compression="zstd") as writer:
            while group is not None and size < file_bytes:
                writer.write_table(pa.Table.from_pylist(group, schema=EXPORTED))
                count, size = count + len(group), size + sum(map(bytes_of, group))
                group = next(groups, None)
        yield path, count
        number += 1


def bytes_of(row: Row) -> int:
    """About what a row takes uncompressed: its tests and its texts."""
    return int(row["tests_bytes"]) + len(row["statement"]) + sum(map(len, row["solutions"]))


def _groups(rows: Iterable[Row], most: int) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        if group and size + bytes_of(row) > most:
            yield group
            group, size = [], 0
        group.append(dict(row))
        size += bytes_of(row)
    if group:
        yield group
