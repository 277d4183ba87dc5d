"""The easy set of this repository (deepcoder.easy), written out as JSON lines and read back like any source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import Parsed, Rejected, parse_rows
from deepcoder.easy import generate
from deepcoder.files import write_text

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("id", "family", "kind", "fn_name", "split", "statement", "solution", "tests")


def fetch(source: Source, target: Path) -> list[Path]:
    """Generate the problems; options `seed` and `heldout_fraction`."""
    rows = generate(**source.options)
    path = target / "easy.jsonl"
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return [path]


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """Problems in the order generated."""
    return parse_rows(read_rows(paths, COLUMNS), _parse_row, "id")


def _parse_row(row: Mapping[str, Any]) -> Parsed:
    return Parsed(
        source_id=row["id"],
        statement=row["statement"],
        kind=row["kind"],
        tests=row["tests"],
        fn_name=row["fn_name"],
        solutions=[row["solution"]],
        # A planted defect belongs to no family: it must shape neither the tokenizer nor the warm start.
        family=None if row["id"].startswith("planted/") else row["family"],
        split=row["split"],
    )
