"""AIME 2024 [huggingface.co/datasets/HuggingFaceH4/aime_2024]: 30 problems with an integer answer from 0 to 999."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.fields import text, text_or_none
from deepcoder.curation.hub import fetch_from_hub
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import Parsed, Reject, Rejected, parse_rows

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("id", "problem", "answer")
OPTIONAL = ("url", "year")


def fetch(source: Source, target: Path) -> list[Path]:
    """The parquet file of the pinned revision."""
    return fetch_from_hub("aime2024", source, target)


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """Problems of kind `answer`, without tests."""
    return parse_rows(read_rows(paths, COLUMNS, OPTIONAL), _parse_row, "id")


def _parse_row(row: Mapping[str, Any]) -> Parsed:
    answer = str(row["answer"]).strip()
    if not re.fullmatch(r"[0-9]{1,3}", answer):
        raise Reject("the answer is no integer from 0 to 999")
    return Parsed(
        source_id=text(str(row["id"]) if row["id"] is not None else None, "id"),
        statement=text(row["problem"], "problem"),
        kind="answer",
        answer=str(int(answer)),
        url=text_or_none(row.get("url")),
    )
