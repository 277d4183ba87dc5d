"""TACO-verified [huggingface.co/datasets/likaixin/TACO-verified]: `input_output` as a literal or JSON, `fn_name`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.fields import day, seconds, text, text_or_none, texts
from deepcoder.curation.hub import fetch_from_hub
from deepcoder.curation.literals import literal_or_json
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import POSITION, Parsed, Reject, Rejected, parse_rows

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("question", "solutions", "input_output")
OPTIONAL = ("id", "starter_code", "url", "date", "time_limit")


def fetch(source: Source, target: Path) -> list[Path]:
    """The parquet files of the pinned revision."""
    return fetch_from_hub("taco_verified", source, target)


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """stdin problems, and function problems where `input_output` has a `fn_name`."""
    return parse_rows(read_rows(paths, COLUMNS, OPTIONAL), _parse_row, "id")


def _parse_row(row: Mapping[str, Any]) -> Parsed:
    pairs = literal_or_json(row["input_output"])
    if not isinstance(pairs, dict):
        raise Reject("input_output is no object")
    inputs, outputs = pairs.get("inputs"), pairs.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise Reject("inputs and outputs are no lists of equal length")
    identity = row.get("id")
    fn_name = text_or_none(pairs.get("fn_name"))
    return Parsed(
        source_id=str(row[POSITION] if identity is None else identity),
        statement=text(row["question"], "question"),
        kind="call" if fn_name else "stdin",
        tests=call_tests(inputs, outputs) if fn_name else stdin_tests(inputs, outputs),
        fn_name=fn_name,
        starter_code=text_or_none(row.get("starter_code")) or "",
        solutions=texts(literal_or_json(row["solutions"])),
        url=text_or_none(row.get("url")),
        date=day(row.get("date")),
        time_limit_s=seconds(row.get("time_limit")),
    )


def call_tests(inputs: Sequence[Any], outputs: Sequence[Any]) -> list[dict[str, Any]]:
    """Tests of a function: an input is the list of arguments, an output often wrapped in a list of one.

    Where every output is a list of one the wrapping is taken off, as the format of APPS has it.
    """
    wrapped = all(isinstance(output, list) and len(output) == 1 for output in outputs)
    return [
        {"args": args, "expected": output[0] if wrapped else output}
        for args, output in zip(inputs, outputs, strict=True)
    ]


def stdin_tests(inputs: Sequence[Any], outputs: Sequence[Any]) -> list[dict[str, Any]]:
    """Tests on standard input; a list of lines is joined."""
    return [{"input": _joined(given), "output": _joined(output)} for given, output in zip(inputs, outputs, strict=True)]


def _joined(value: Any) -> Any:
    lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "\n".join(value) if lines else value
