"""A trail as lines for a terminal and as a JSON value."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepcoder.provenance.audit import Step, lines
from deepcoder.provenance.cells import POINTER
from deepcoder.provenance.trail import CONFIG, Station, Trail, flat

WIDTH = 100
HASH = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
SHORT = 12  # characters of a hash in the text; JSON has all
NAMES = ("subject", "step", "benchmark", "context")  # by which a reader knows a row; where it has none, all but numbers


def text(trail: Trail, whole: bool = False) -> Iterator[str]:
    """Lines of at most WIDTH characters, paths apart.

    Args:
        whole: with every value of the training configs and the full tree of artifacts.
    """
    row = trail.cell.row
    names = NAMES if "subject" in row else [name for name in row if name not in (*trail.cell.numbers, POINTER)]
    yield ", ".join(row[name] for name in names if row.get(name))
    for number, station in enumerate(trail.stations, start=1):
        yield from _station(number, station, whole)
    wrong = {path: found for path, found in trail.others.items() if found}
    state = f"{len(wrong)} not as recorded" if wrong else "all as recorded"
    yield f"and {len(trail.others)} more artifacts behind these: {state}" + ("" if whole else " (--all lists them)")
    yield from (f"   DIFFERS {path}: {fault}" for path, found in wrong.items() for fault in found)
    if whole:
        yield from lines(trail.tree)
    yield f"{len(trail.faults)} differences"


def to_json(trail: Trail, whole: bool = False) -> dict[str, Any]:
    """The trail as a JSON value; every hash in full."""
    cell = trail.cell
    value: dict[str, Any] = {
        "table": str(cell.table),
        "row": dict(cell.row),
        "target": f"{cell.target}#{cell.pointer}",
        "numbers": {name: {"table": shown, "file": there} for name, (shown, there) in cell.numbers.items()},
        "ok": not trail.faults,
        "faults": trail.faults,
        "stations": [{**asdict(station), "ok": not station.faults} for station in trail.stations],
        "others": {"artifacts": len(trail.others), "faults": {p: found for p, found in trail.others.items() if found}},
    }
    return value | ({"tree": _tree(trail.tree)} if whole else {})


def _station(number: int, station: Station, whole: bool) -> Iterator[str]:
    config = station.name == CONFIG
    place = station.record if config else station.path
    yield f"{number:2} {station.name}: {place}".rstrip(": ")
    if place:
        made = station.made_by
        by = [f"{made['door']} code {made['code'][:SHORT]}"] if made else []
        kind = "digest" if config else "sha256"
        beside = [f"record {Path(station.record).name}"] if station.record and not config else []
        state = "DIFFERS" if station.faults else "ok"
        yield from _wrapped(f"{state}, " + ", ".join([f"{kind} {station.sha256[:SHORT] or 'none'}", *beside, *by]))
    yield from _wrapped(_facts(station.facts))
    if station.payload:
        largest, *others = station.payload.items()
        shown = [largest] if len(others) > 1 and not whole else [largest, *others]
        more = f" and {len(station.payload) - len(shown)} more" if len(station.payload) > len(shown) else ""
        yield from _wrapped("files: " + ", ".join(f"{name} {sha256[:SHORT]}" for name, sha256 in shown) + more)
    if whole and config:
        yield from _wrapped(_facts(flat(station.config)))
    yield from (f"   DIFFERS {fault}" for fault in station.faults)


def _facts(facts: Mapping[str, Any]) -> str:
    return "; ".join(f"{name} {_short(value)}" for name, value in flat(facts).items())


def _short(value: Any) -> str:
    return HASH.sub(lambda found: found[0][:SHORT], str(value))


def _wrapped(line: str) -> Iterator[str]:
    indent = "   "
    yield from textwrap.wrap(line, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _tree(step: Step) -> dict[str, Any]:
    return {**asdict(step), "inputs": [_tree(child) for child in step.inputs]}
