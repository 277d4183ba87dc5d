"""Submissions and verdicts as files: JSON lines, or parquet where the name ends in .parquet."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import atomic_path
from deepcoder.judge.model import Submission, Verdict

_FIELDS = {field.name: field for field in dataclasses.fields(Submission)}
_REQUIRED = ("id", "kind", "program")
_BATCH_ROWS = 16  # one row of tests can be 100 MB
_GROUP_ROWS = 1024


def submission_from_row(row: Any) -> Submission:
    """A submission from a decoded row; raises UserError that names the key at fault."""
    if not isinstance(row, dict):
        raise UserError(f"a submission is an object, not {type(row).__name__}")
    missing = [name for name in _REQUIRED if name not in row]
    if "tests" not in row and "tests_ref" not in row:
        missing.append("tests (or tests_ref)")
    if missing:
        raise UserError(f"lacks {', '.join(missing)}; a submission has {', '.join(_FIELDS)}")
    unknown = sorted(set(row) - set(_FIELDS))
    if unknown:
        raise UserError(f"has unknown keys {', '.join(unknown)}; a submission has {', '.join(_FIELDS)}")
    if "tests" in row and "tests_ref" in row:
        raise UserError("has both tests and tests_ref; give one of them")
    tests = row.get("tests", [])
    if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
        raise UserError("tests must be a list of objects")
    return Submission(**{**row, "id": str(row["id"])})


def read_submissions(path: Path, check: Callable[[Submission], None]) -> Iterator[tuple[str, Submission | UserError]]:
    """For each row of a file where it stands (file:number, from 1), and the submission or what is wrong with it.

    `check` raises UserError on a submission that the judge at hand cannot judge.

    Raises:
        UserError: the file cannot be read.
    """
    for number, row in _parquet_rows(path) if _is_parquet(path) else _json_rows(path):
        where = f"{path}:{number}"
        try:
            submission = submission_from_row(row())
            check(submission)
        except UserError as error:
            yield where, UserError(f"{where}: {error}")
        except (ValueError, RecursionError) as error:
            yield where, UserError(f"{where}: no valid JSON ({error}); write one object a line, tests as a JSON list")
        else:
            yield where, submission


def count_rows(path: Path) -> int:
    """Rows of a file, lines that are not blank; raises UserError when it cannot be read."""
    if _is_parquet(path):
        return _open_parquet(path).metadata.num_rows
    with _open_lines(path) as lines:
        return sum(1 for line in lines if line.strip())


def verdict_line(verdict: Verdict) -> str:
    """One line of JSON."""
    return json.dumps(dataclasses.asdict(verdict), ensure_ascii=False) + "\n"


@contextmanager
def verdict_writer(path: Path) -> Iterator[Callable[[Verdict], object]]:
    """A function that appends a verdict; the file appears at the end, whole, and not at all after an error."""
    with atomic_path(path) as temporary:
        if _is_parquet(path):
            with _parquet_writer(temporary) as write:
                yield write
        else:
            # An id may hold a lone surrogate, of which this makes the escape that JSON has for it.
            with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as output:
                yield lambda verdict: output.write(verdict_line(verdict))


def _is_parquet(path: Path) -> bool:
    return path.suffix == ".parquet"


def _open_lines(path: Path) -> Any:
    try:
        return open(path, "rb")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a file of JSON lines or parquet") from error


def _json_rows(path: Path) -> Iterator[tuple[int, Callable[[], Any]]]:
    with _open_lines(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, partial(json.loads, line)


def _open_parquet(path: Path) -> Any:
    # Loading pyarrow takes longer than judging a short file of JSON lines.
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read as parquet ({error}); give a file of submissions") from error


def _parquet_rows(path: Path) -> Iterator[tuple[int, Callable[[], Any]]]:
    file = _open_parquet(path)
    import pyarrow as pa

    number = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for index in range(batch.num_rows):
                number += 1
                yield number, partial(_parquet_row, batch.slice(index, 1))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: damaged after row {number} ({error}); write it again") from error


def _parquet_row(one: Any) -> dict[str, Any]:
    """The row without its nulls (a column is there for all rows), tests written as text decoded."""
    present = {name: value for name, value in one.to_pylist()[0].items() if value is not None}
    if isinstance(present.get("tests"), str):
        present["tests"] = json.loads(present["tests"])
    return present


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Callable[[Verdict], object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from deepcoder.schemas.verdict import VERDICT

    with pq.ParquetWriter(path, VERDICT, compression="zstd") as writer:
        rows: list[dict[str, Any]] = []

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(rows, schema=VERDICT))
            rows.clear()

        def write(verdict: Verdict) -> None:
            identity = verdict.id.encode("utf-8", "backslashreplace").decode()
            rows.append({**dataclasses.asdict(verdict), "id": identity})
            if len(rows) == _GROUP_ROWS:
                flush()

        yield write
        if rows:
            flush()
