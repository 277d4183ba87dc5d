"""Stands in for Python where doors are called: real arguments, keys, identity and record, but quick work.

What is written depends on the bytes of the inputs and on salts.json in the working folder (part of an output's path
-> text), by which a test says whose content comes out different.
"""

import ast
import json
import sys
import types
from pathlib import Path
from typing import Any

script = Path(sys.argv[1]).resolve()
sys.path.insert(0, str(script.parent))

from deepcoder.door import InputPath, Job, OutputPath, run_door  # noqa: E402
from deepcoder.files import read_json, sha256_file, sha256_json, write_text  # noqa: E402
from deepcoder.manifest import write_manifest  # noqa: E402
from deepcoder.provenance.lockfile import collect, to_text  # noqa: E402

LIGHT = ("argparse", "pathlib", "typing", "deepcoder.door")


def is_declaration(node: ast.stmt) -> bool:
    """What a door says of itself, without what it works with."""
    if isinstance(node, ast.ImportFrom):
        return node.module in LIGHT
    if isinstance(node, ast.Import):
        return all(alias.name in LIGHT for alias in node.names)
    if isinstance(node, ast.Assign):
        return all(isinstance(inner, ast.Tuple | ast.Constant | ast.Load) for inner in ast.walk(node.value))
    return isinstance(node, ast.FunctionDef) and node.name == "arguments"


def paths_of(job: Job, kind: type) -> list[Any]:
    values = [value if isinstance(value, list) else [value] for value in vars(job.args).values()]
    return [item for value in values for item in value if isinstance(item, kind)]


def counts(path: Path, output: Path) -> bool:
    """Whether an output is made from an input: how long steps took stands in the records of stages alone."""
    return output.stem != "systems" or path.suffixes[-2:] != [".record", ".json"] or "train" in read_json(path)["door"]


def work(job: Job) -> None:
    salts: dict[str, str] = json.loads(Path("salts.json").read_text()) if Path("salts.json").exists() else {}
    given = [path for path in paths_of(job, InputPath) if path.is_file()]
    for output in paths_of(job, OutputPath):
        inputs = [[str(path), sha256_file(path)] for path in given if counts(path, output)]
        salt = [text for part, text in salts.items() if part in str(output)]
        content = sha256_json([script.name, str(output), sorted(inputs), salt])
        if output.suffix == ".json":
            payload = output.with_name(f"{output.stem}.payload")
            write_text(payload, content)
            write_manifest(output, "stand-in", [payload])
        else:
            write_text(output, content)


tree = ast.parse(script.read_text())
door = types.ModuleType("stand_in_door")
door.__file__, door.__doc__ = str(script), ast.get_docstring(tree)
sys.modules["stand_in_door"] = door
kept = ast.Module([node for node in tree.body if is_declaration(node)], [])
exec(compile(kept, str(script), "exec"), vars(door))
if script.name == "lock.py":  # its work is quick, and the workflow compares it with the records
    work = lambda job: write_text(job.args.output, to_text(collect(job.args.results)))  # noqa: E731
work.__module__ = "stand_in_door"
sys.argv[:] = sys.argv[1:]
run_door(work, reads=vars(door).get("READS", ()), arguments=vars(door)["arguments"])
