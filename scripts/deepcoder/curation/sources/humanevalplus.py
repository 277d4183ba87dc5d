"""HumanEval+ [huggingface.co/datasets/evalplus/humanevalplus]: inputs and results are read off the test's syntax tree.

A `test` assigns `inputs` and `results` as literals; where it compares with a reference function instead, the
expected values are the canonical solution's, run in the sandbox. Tuples and sets stay what they are, because the
comparator `evalplus` tells a tuple from a list.

Tests that call `_poly` (HumanEval/32) are rejected, as the released preprocessing does: the official solution cannot
pass them as they are written. The comparator `evalplus` could judge that problem by its own oracle, but the published
scores are over the problems that the release kept.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.hub import fetch_from_hub
from deepcoder.curation.literals import python_tree
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import Parsed, Reject, Rejected, parse_rows

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("task_id", "prompt", "canonical_solution", "entry_point", "test")


def fetch(source: Source, target: Path) -> list[Path]:
    """The parquet file of the pinned revision."""
    return fetch_from_hub("humanevalplus", source, target)


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """One function problem per row."""

    def parse_row(row: Mapping[str, Any]) -> Parsed:
        program = row["prompt"] + row["canonical_solution"]
        inputs, results = inputs_and_results(row["test"])
        if results is None:
            results = sandbox.call(program, row["entry_point"], inputs)
        return Parsed(
            source_id=row["task_id"],
            statement=row["prompt"],
            kind="call",
            tests=[{"args": args, "expected": value} for args, value in zip(inputs, results, strict=True)],
            fn_name=row["entry_point"],
            solutions=[program],
            keeps_types=True,
        )

    return parse_rows(read_rows(paths, COLUMNS), parse_row, "task_id", sandbox.map)


def inputs_and_results(test: str) -> tuple[list[list[Any]], list[Any] | None]:
    """Argument lists and expected values of a test; None where it names no results.

    Raises:
        Reject: the test does not parse, calls `_poly`, or its values are no literals of equal length.
    """
    if "_poly" in test:
        raise Reject("the test calls _poly, which the official solution cannot pass")
    tree = python_tree(test, "the test")
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("inputs", "results"):
                try:
                    found[name] = ast.literal_eval(node.value)
                except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                    raise Reject("tests are not literal") from None
    inputs, results = found.get("inputs"), found.get("results")
    if not isinstance(inputs, list) or not all(isinstance(args, list | tuple) for args in inputs):
        raise Reject("tests are not literal")
    if results is not None and (not isinstance(results, list) or len(results) != len(inputs)):
        raise Reject("inputs and results differ in length")
    return [list(args) for args in inputs], results
