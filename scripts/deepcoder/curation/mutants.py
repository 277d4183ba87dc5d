"""Small faults planted in a program: tests that no such mutant fails check too little."""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}


@dataclass(frozen=True)
class Mutant:
    """A program with one fault; `fault` says which, `line` where in the original."""

    program: str
    fault: str
    line: int


@dataclass(frozen=True)
class _Change:
    """One fault, made and taken back in place, because copies of a tree cost more than the rest."""

    fault: str
    line: int
    make: Callable[[], None]
    undo: Callable[[], None]


def mutants(program: str, limit: int | None = None, seed: int = 0) -> list[Mutant]:
    """Programs that differ from this one in one fault, each of them once, in the order of its lines.

    The faults: a comparison or an arithmetic operator swapped, a constant off by one, a condition negated, `and`
    and `or` swapped, a statement deleted. `limit` keeps a sample of at most that size, the same one for the same seed;
    only programs of the sample are written out, which is what takes the time.

    Raises:
        SyntaxError: the program does not parse.
        RecursionError: its expressions nest too deeply to be written out again.
    """
    tree = ast.parse(program)
    changes = sorted(_changes(tree), key=lambda change: change.line)
    places = list(range(len(changes)))
    if limit is not None and limit < len(places):
        random.Random(seed).shuffle(places)
    seen = {ast.unparse(tree)}
    found: dict[int, Mutant] = {}
    for place in places:
        if len(found) == limit:
            break
        change = changes[place]
        change.make()
        text = ast.unparse(tree)
        change.undo()
        if text not in seen:
            seen.add(text)
            found[place] = Mutant(text, change.fault, change.line)
    return [found[place] for place in sorted(found)]


def _changes(tree: ast.Module) -> Iterator[_Change]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            yield from _swapped_comparisons(node)
        elif isinstance(node, ast.BinOp | ast.AugAssign):
            yield from _swapped_operator(node)
        elif isinstance(node, ast.BoolOp):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield _replaced("swap and/or", node, "op", other)
        elif isinstance(node, ast.Constant):
            yield from _shifted_constant(node)
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            yield _replaced("negate the condition", node, "test", ast.UnaryOp(ast.Not(), node.test))
        yield from _deleted_statements(node)


def _replaced(fault: str, node: ast.AST, field: str, new: object) -> _Change:
    old = getattr(node, field)
    line = getattr(node, "lineno", 0)
    return _Change(fault, line, lambda: setattr(node, field, new), lambda: setattr(node, field, old))


def _swapped_comparisons(node: ast.Compare) -> Iterator[_Change]:
    for index, operator in enumerate(node.ops):
        other = COMPARISONS[type(operator)]()
        ops = [*node.ops[:index], other, *node.ops[index + 1 :]]
        yield _replaced(f"{type(operator).__name__} to {type(other).__name__}", node, "ops", ops)


def _swapped_operator(node: ast.BinOp | ast.AugAssign) -> Iterator[_Change]:
    other = ARITHMETIC.get(type(node.op))
    if other is not None:
        yield _replaced(f"{type(node.op).__name__} to {other.__name__}", node, "op", other())


def _shifted_constant(node: ast.Constant) -> Iterator[_Change]:
    if isinstance(node.value, bool):
        yield _replaced("negate the constant", node, "value", not node.value)
    elif isinstance(node.value, int | float):
        for step in (1, -1):
            yield _replaced(f"constant {step:+d}", node, "value", node.value + step)


def _deleted_statements(node: ast.AST) -> Iterator[_Change]:
    """Deletions from the blocks of a node; `pass` stands in, so that a block never becomes empty.

    Definitions and imports stay: without them a program only crashes, which says nothing of the tests.
    """
    kept = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom | ast.Pass
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if not isinstance(block, list):  # of a lambda or of a conditional expression
            continue
        for index, statement in enumerate(block):
            if isinstance(statement, kept) or _is_docstring(statement):
                continue
            rest = [*block[:index], ast.Pass(), *block[index + 1 :]]
            change = _replaced("delete the statement", node, field, rest)
            yield _Change(change.fault, statement.lineno, change.make, change.undo)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
