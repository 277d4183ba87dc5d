"""The tests of problems, which no manifest lists: each file of the store is named by its content.

The rows of problems refer to them by that name (schemas/tests_store.py), so the manifests of problems vouch for them.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deepcoder.files import HASH_THREADS, sha256_text

TESTS = Path("data/tests")  # below a scale
NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.json\.gz")
REFERENCE = "tests_ref"  # column of the problems


def unsound_tests(root: Path) -> Iterator[str]:
    """A sentence for each file of a store that is not what its name says, in order of path."""
    files = sorted(path for path in root.rglob("*") if not path.is_dir())
    with ThreadPoolExecutor(HASH_THREADS) as threads:
        yield from filter(None, threads.map(lambda path: _fault(root, path), files))


def missing_tests(root: Path, tables: Iterable[Path]) -> Iterator[str]:
    """A sentence for each table of problems whose tests are not all in the store; a damaged table is passed over."""
    for table in tables:
        try:
            references = pq.read_table(table, columns=[REFERENCE])[REFERENCE].to_pylist()
        except (pa.ArrowException, OSError, KeyError):  # KeyError: no table of problems
            continue
        gone = [ref for ref in references if ref and not (root / ref[:2] / f"{ref}.json.gz").exists()]
        if gone:
            yield f"{root / gone[0][:2] / gone[0]}.json.gz: missing, as {len(gone)} tests of {table} are"


def _fault(root: Path, path: Path) -> str | None:
    match = NAME.fullmatch(path.relative_to(root).as_posix())
    if match is None:
        return f"{path}: no rule has made it; move it away"
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        return f"{path}: damaged ({error})"
    return None if sha256_text(text) == match[2] else f"{path}: content does not match its name"
