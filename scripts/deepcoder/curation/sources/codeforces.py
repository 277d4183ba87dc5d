"""CodeElo [huggingface.co/datasets/Qwen/CodeElo]: 408 Codeforces problems with their sample tests only.

The statement is put together as the released preprocessing does [agentica-project/rllm@874daa4,
rllm/data/preprocess/code/codeforces.ipynb]: description, then the input and output formats. An interactive problem
keeps its protocol; config/benchmark/codeforces.yaml lists them as errata, because the judge plays no other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.contest import codeforces_id
from deepcoder.curation.fields import seconds, text, text_or_none
from deepcoder.curation.hub import fetch_from_hub
from deepcoder.curation.literals import literal_or_json
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import Parsed, Reject, Rejected, parse_rows

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("description", "input", "output", "examples")
OPTIONAL = ("id", "problem_id", "title", "url", "time_limit_ms", "note", "interaction")


def fetch(source: Source, target: Path) -> list[Path]:
    """The JSON file of the pinned revision."""
    return fetch_from_hub("codeforces", source, target)


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """stdin problems whose tests are the statement's examples."""
    return parse_rows(read_rows(paths, COLUMNS, OPTIONAL), _parse_row, "problem_id")


def _parse_row(row: Mapping[str, Any]) -> Parsed:
    examples = literal_or_json(row["examples"])
    if not isinstance(examples, list):
        raise Reject("examples is no list")
    identity = row.get("problem_id") if row.get("problem_id") is not None else row.get("id")
    parts = [text(row["description"], "description")]
    for heading, key in (
        ("Input Format", "input"),
        ("Output Format", "output"),
        ("Interaction", "interaction"),
        ("Note", "note"),
    ):
        if part := text_or_none(row.get(key)):
            parts.append(f"{heading}:\n{part}")
    milliseconds = seconds(row.get("time_limit_ms"))
    return Parsed(
        source_id=text(None if identity is None else str(identity), "problem_id"),
        statement="\n\n".join(parts),
        kind="stdin",
        tests=[_example(example) for example in examples],
        url=text_or_none(row.get("url")),
        contest_problem=codeforces_id(str(identity)),
        time_limit_s=milliseconds / 1000 if milliseconds else None,
    )


def _example(example: Any) -> dict[str, Any]:
    if isinstance(example, Mapping):
        return {"input": example["input"], "output": example["output"]}
    given, output = example
    return {"input": given, "output": output}
