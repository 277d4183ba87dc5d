"""CodeI/O rows of reasoning-gym: reference code and an input generator, which make the tests inside the sandbox.

Source: github.com/open-thought/reasoning-gym, reasoning_gym/data/codeio.jsonl.gz (CodeI/O, arXiv 2502.07316).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.literals import python_tree
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import POSITION, Parsed, Reject, Rejected, parse_rows, plain
from deepcoder.curation.wheel import fetch_from_wheel
from deepcoder.files import sha256_json

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("task_description", "input_output_spec", "code_sample", "input_generator")
FUNCTION = "main_solution"
CLOCKS = {"time", "datetime", "calendar"}  # tests made today could fail tomorrow
BEFORE = "\n\nfrom random import Random\n\n"  # the generators name its type without importing it
AFTER = "\n\ndef _generate(seed):\n    return generate_inputs(Random(seed))\n"


def fetch(source: Source, target: Path) -> list[Path]:
    """The gzipped JSON lines inside the reasoning-gym wheel."""
    return [fetch_from_wheel(source, "reasoning_gym/data/codeio.jsonl.gz", target)]


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """Function problems; options `seed`, `tests` (inputs drawn per row) and `shortest_first`."""
    rows = [{**row, POSITION: number} for number, row in enumerate(read_rows(paths, COLUMNS))]
    if source.options.get("shortest_first"):
        rows.sort(key=lambda row: len(f"{row.get('task_description')}{row.get('input_output_spec')}".encode()))
    first, count = source.options.get("seed", 0), source.options.get("tests", 8)

    def parse_row(row: Mapping[str, Any]) -> Parsed:
        return _parse_row(row, sandbox, range(first, first + count))

    return parse_rows(rows[: source.limit], parse_row, POSITION, sandbox.map)


def _parse_row(row: Mapping[str, Any], sandbox: Sandbox, seeds: Sequence[int]) -> Parsed:
    code = row["code_sample"]
    names = parameters(code)
    generator = code + BEFORE + row["input_generator"] + AFTER
    drawn = sandbox.call(generator, "_generate", [[seed] for seed in seeds])
    inputs = []
    for value in drawn:
        if not isinstance(value, dict) or sorted(value) != sorted(names):
            raise Reject("the generator's inputs do not match the function's parameters")
        inputs.append([value[name] for name in names])
    inputs = list({sha256_json(args): args for args in inputs}.values())  # a repeated input tests nothing new
    runs = sandbox.call(code, FUNCTION, [*inputs, *inputs])
    outputs = runs[: len(inputs)]
    if sha256_json(plain(outputs)) != sha256_json(plain(runs[len(inputs) :])):
        raise Reject("the reference gives two answers to one input")
    return Parsed(
        source_id=str(row[POSITION]),
        statement=f"{row['task_description']}\n{row['input_output_spec']}\nWrite {FUNCTION}({', '.join(names)}).",
        kind="call",
        tests=[{"args": args, "expected": value} for args, value in zip(inputs, outputs, strict=True)],
        fn_name=FUNCTION,
        solutions=[code],
    )


def parameters(code: str) -> list[str]:
    """Names of the main function's parameters, in order.

    Raises:
        Reject: the code does not parse, imports a clock, or has no such function of plain parameters.
    """
    tree = python_tree(code, "the reference code")
    for node in ast.walk(tree):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if CLOCKS & {module.split(".")[0] for module in modules}:
            raise Reject("the reference may read a clock")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == FUNCTION:
            if node.args.vararg or node.args.kwarg or node.args.kwonlyargs:
                raise Reject("the function takes other than plain parameters")
            return [argument.arg for argument in [*node.args.posonlyargs, *node.args.args]]
    raise Reject(f"the reference code has no function {FUNCTION}")
