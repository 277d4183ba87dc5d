"""Walk from a number to the raw bytes, and compare every byte on the way with what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepcoder.files import read_json, sha256_file
from deepcoder.provenance.record import RECORD, payload_of, record_path

UNKNOWN = "?"
GIVEN = "given"  # in place of a door: files of config/ are no rule's work, and their hash is in the records of others
NOTED = "noted"  # the same of a record, where a job has read it: what a job took is in its record alone


@dataclass
class Step:
    """One artifact on the way: what made it, from what, and whether its bytes are those recorded."""

    path: str
    door: str = UNKNOWN
    sha256: str = ""
    faults: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    inputs: list[Step] = field(default_factory=list)


def walk(path: Path, seen: dict[str, Step] | None = None) -> Step:
    """The tree of artifacts behind `path`, every one re-hashed; shared inputs are visited once."""
    seen = {} if seen is None else seen
    if str(path) in seen:
        return Step(str(path), door="(above)", sha256=seen[str(path)].sha256)
    step = seen[str(path)] = examine(path)
    if step.door in (UNKNOWN, GIVEN, NOTED):
        return step
    record = read_json(record_path(path))
    for item in record["inputs"]:
        if "sha256" not in item:
            continue
        child = walk(Path(item["path"]), seen)
        if child.sha256 and child.sha256 != item["sha256"]:
            child.faults.append(f"has changed since {path} was made from {item['sha256'][:12]}")
        step.inputs.append(child)
    return step


def examine(path: Path) -> Step:
    """One artifact, re-hashed with its payload and compared with its record, without what it was made from."""
    step = Step(str(path))
    if not path.exists():
        step.faults.append("missing")
        return step
    step.sha256 = sha256_file(path)
    step.faults += payload_faults(path)
    if path.parts[:1] == ("config",):
        step.door = GIVEN
        return step
    if path.name.endswith(RECORD):
        step.door = NOTED
        return step
    if not record_path(path).exists():
        step.faults.append("no record beside it")
        return step
    record = read_json(record_path(path))
    step.door = record["door"]
    step.facts = {"code": record["code_digest"][:12], "commit": (record["git"]["commit"] or "?")[:12]}
    recorded = {item["path"]: item for item in record["outputs"]}.get(str(path))
    if recorded is None:
        step.faults.append("its record names other outputs")
    elif recorded["sha256"] != step.sha256:
        step.faults.append(f"bytes differ from its record ({recorded['sha256'][:12]})")
    return step


def payload_faults(path: Path) -> list[str]:
    """Differences between a manifest and the files it lists; none for a file that is no manifest."""
    found = []
    for file, sha256 in payload_of(path).items():
        name = file.relative_to(path.parent)
        if not file.exists():
            found.append(f"payload {name} is missing")
        elif sha256_file(file) != sha256:
            found.append(f"payload {name} differs from the manifest")
    return found


def faults(step: Step) -> Iterator[str]:
    """Every fault of a tree, as sentences."""
    yield from (f"{step.path}: {fault}" for fault in step.faults)
    for child in step.inputs:
        yield from faults(child)


def lines(step: Step, depth: int = 0) -> Iterator[str]:
    """A tree as indented text."""
    mark = "; ".join(step.faults) if step.faults else "ok"
    facts = " ".join(f"{name} {value}" for name, value in step.facts.items())
    yield f"{'  ' * depth}{step.path}  [{step.sha256[:12]} {mark}]  {step.door} {facts}".rstrip()
    for child in step.inputs:
        yield from lines(child, depth + 1)
