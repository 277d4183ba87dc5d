"""SYNTHETIC-1 coding problems [huggingface.co/datasets/PrimeIntellect/verifiable-coding-problems], Python only.

`verification_info` is {language, test_cases: [{type, input, output, fn_name}]}; the gold solution is a fenced block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.fields import text, text_or_none
from deepcoder.curation.hub import fetch_from_hub
from deepcoder.curation.literals import literal_or_json
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import Parsed, Reject, Rejected, parse_rows
from deepcoder.curation.sources.taco_verified import call_tests, stdin_tests

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("problem_id", "prompt", "gold_standard_solution", "verification_info")
FENCES = ("```python", "```py", "```python3")


def fetch(source: Source, target: Path) -> list[Path]:
    """The parquet files of the pinned revision."""
    return fetch_from_hub("primeintellect", source, target)


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """stdin and function problems in Python; other languages are rejections."""
    return parse_rows(read_rows(paths, COLUMNS), _parse_row, "problem_id")


def _parse_row(row: Mapping[str, Any]) -> Parsed:
    info = literal_or_json(row["verification_info"])
    if not isinstance(info, dict):
        raise Reject("verification_info is no object")
    if info.get("language") != "python":
        raise Reject("the language is not Python")
    kind, fn_name, tests = _tests(literal_or_json(info.get("test_cases")))
    return Parsed(
        source_id=text(row["problem_id"], "problem_id"),
        statement=text(row["prompt"], "prompt"),
        kind=kind,
        tests=tests,
        fn_name=fn_name,
        solutions=[unfenced(row["gold_standard_solution"])],
    )


def unfenced(gold: Any) -> str:
    """The program inside a gold solution.

    Raises:
        Reject: it is no block that begins with a Python fence and ends with one, or an empty one.
    """
    head, _, rest = gold.strip().partition("\n") if isinstance(gold, str) else ("", "", "")
    program = rest.removesuffix("```")
    if head.rstrip() not in FENCES or program == rest or not program.strip():
        raise Reject("the gold solution is no fenced Python block")
    return program.strip("\n") + "\n"


def _tests(cases: Any) -> tuple[str, str | None, list[dict[str, Any]]]:
    if not isinstance(cases, list) or not cases:
        raise Reject("the test list is empty")
    kinds = {case.get("type") for case in cases}
    inputs, outputs = [case["input"] for case in cases], [case["output"] for case in cases]
    if kinds == {"stdin_stdout"}:
        return "stdin", None, stdin_tests(inputs, outputs)
    names = {text_or_none(case.get("fn_name")) for case in cases}
    if kinds != {"function_call"} or len(names) != 1:
        raise Reject("tests of several kinds or functions")
    return "call", names.pop(), call_tests(inputs, outputs)
