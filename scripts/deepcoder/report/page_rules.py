"""The jobs behind the page as a drawing: a line for each rule in the order of the work, an arc for what it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from deepcoder.files import read_json
from deepcoder.provenance.record import record_path

ROW, GUTTER, TOP = 26.0, 84.0, 13.0  # of the drawing, in SVG's units
BEND, STEP = 10.0, 7.0  # how far an arc goes out, at least and for each line that it passes
Edges = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Line:
    """A rule.

    Attributes:
        arcs: SVG paths from what it needs, and whether each leads back: a stage starts from the one before.
    """

    rule: str
    jobs: int
    y: float
    arcs: Sequence[tuple[str, bool]]


def rule_lines(inputs: Iterable[Path], last: str) -> list[Line]:
    """The rules whose jobs made some files, by the records beside them, and the rule that reads these files.

    Args:
        last: name of that rule.
    """
    jobs = _jobs(inputs, last)
    names, counts = _ordered(jobs), Counter(rule for rule, _ in jobs.values())
    place = {name: number for number, name in enumerate(names)}
    needs = _needs(jobs)
    forward = _without_detours({n: frozenset(m for m in needs[n] if place[m] < place[n]) for n in names})
    back = {name: frozenset(m for m in needs[name] if place[m] > place[name]) for name in names}
    lines = []
    for name in names:
        needed = sorted(forward[name] | back[name], key=place.__getitem__)
        arcs = [(_arc(place[other], place[name]), other in back[name]) for other in needed]
        lines.append(Line(name, counts[name], TOP + ROW * place[name], arcs))
    return lines


def _jobs(inputs: Iterable[Path], last: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Jobs by their first output: the rule, and the jobs whose outputs it read."""
    found: dict[str, tuple[str, frozenset[str]]] = {}

    @cache
    def maker(path: str) -> str | None:
        record = record_path(Path(path))
        if not record.exists():
            return None
        value: dict[str, Any] = read_json(record)
        key = str(next((item["path"] for item in value.get("outputs", ())), path))
        if key not in found:
            behind = (maker(str(item["path"])) for item in value.get("inputs", ()))
            found[key] = (Path(value["door"]).stem, frozenset(filter(None, behind)))
        return key

    behind = frozenset(filter(None, (maker(str(path)) for path in inputs)))
    return {**found, "": (last, behind)}


def _ordered(jobs: Mapping[str, tuple[str, frozenset[str]]]) -> list[str]:
    """Rules by the length of the longest chain of jobs before their last job."""

    @cache
    def depth(key: str) -> int:
        return max((depth(other) + 1 for other in jobs[key][1]), default=0)

    deepest: dict[str, int] = {}
    for key, (rule, _) in jobs.items():
        deepest[rule] = max(deepest.get(rule, 0), depth(key))
    return sorted(deepest, key=lambda rule: (deepest[rule], rule))


def _needs(jobs: Mapping[str, tuple[str, frozenset[str]]]) -> Edges:
    found: dict[str, set[str]] = {rule: set() for rule, _ in jobs.values()}
    for rule, behind in jobs.values():
        found[rule] |= {jobs[key][0] for key in behind} - {rule}
    return {rule: frozenset(needed) for rule, needed in found.items()}


def _without_detours(needs: Edges) -> Edges:
    """Without what a rule needs through another one anyway."""

    @cache
    def behind(rule: str) -> frozenset[str]:
        return needs[rule].union(*map(behind, needs[rule]))

    return {rule: needed.difference(*map(behind, needed)) for rule, needed in needs.items()}


def _arc(start: int, end: int) -> str:
    above, below = TOP + ROW * start, TOP + ROW * end
    if end == start + 1:
        return f"M{GUTTER:g} {above:g}V{below:g}"
    out = GUTTER - min(GUTTER - 4, BEND + STEP * abs(end - start))
    return f"M{GUTTER:g} {above:g}C{out:g} {above:g} {out:g} {below:g} {GUTTER:g} {below:g}"
