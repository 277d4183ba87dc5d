"""What stands behind an address of a document, every byte on the way hashed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepcoder.files import read_json, sha256_file
from deepcoder.provenance.audit import Step, examine, faults, lines, walk
from deepcoder.provenance.cells import Cell, cell_of, pointing_rows, target_of
from deepcoder.provenance.record import record_path
from deepcoder.provenance.trail import Trail, flat, follow
from deepcoder.provenance.trail_text import text as trail_lines
from deepcoder.provenance.trail_text import to_json as trail_json
from deepcoder.report import published_audit
from deepcoder.report.paper.addresses import Resolved

TABLE = ".csv"
DEPTH = 2  # levels of a tree that are shown unasked


@dataclass
class Finding:
    """An address, what it names, and every difference.

    Attributes:
        trail: of a score, station by station.
        tree: of another artifact that has a record.
        told: of a published table or a configuration key, what it says.
    """

    resolved: Resolved
    faults: list[str]
    trail: Trail | None = None
    tree: Step | None = None
    told: list[str] = field(default_factory=list)

    def text(self, whole: bool) -> Iterator[str]:
        """Lines for a terminal; `whole` with the full tree."""
        item = self.resolved
        yield f"{item.address}: {item.path or f'configuration key {item.key}'}, sha256 {item.sha256}"
        yield from (f"   printed as {shown} ({key})" for key, shown in item.printed.items())
        if self.trail:
            yield from list(trail_lines(self.trail, whole))[:-1]
        if self.tree:
            yield from (line for line in lines(self.tree) if whole or _depth(line) < DEPTH)
        yield from self.told
        yield f"{len(self.faults)} differences"

    def to_json(self, whole: bool) -> dict[str, Any]:
        """The same as a JSON value."""
        item = self.resolved
        value: dict[str, Any] = {"address": item.address, "artifact": str(item.path or item.key), "sha256": item.sha256}
        value |= {"printed": dict(item.printed), "ok": not self.faults, "faults": self.faults, "told": self.told}
        return value | ({"trail": trail_json(self.trail, whole)} if self.trail else {})


def finding_of(document: Path, resolved: Resolved, scripts: Path | None = None) -> Finding:
    """Examine a document and what one of its addresses names.

    Args:
        scripts: folder of the doors, by which a score is made once more from its verdicts; None leaves that out.

    Raises:
        UserError: a damaged record, table or manifest.
    """
    found = [f"{document}: {fault}" for fault in examine(document).faults]
    path = resolved.path
    if path is None:
        told = [f"   {name}: {value}" for name, value in flat({resolved.key: resolved.value}).items()]
        return Finding(resolved, found, told=told)
    if not path.exists():
        return Finding(resolved, [*found, f"{path}: gone since {document} was made from it"])
    if sha256_file(path) != resolved.sha256:
        found.append(f"{path}: has changed since {document} was made from it")
    if published_audit.is_published(path):
        return Finding(resolved, found, told=_published(path))
    if (cell := _cell(document, path)) is not None:
        trail = follow(cell, scripts)
        return Finding(resolved, found + trail.faults, trail=trail)
    tree = walk(path)
    return Finding(resolved, found + list(faults(tree)), tree=tree)


def _cell(document: Path, target: Path) -> Cell | None:
    """The first row that points at a score file, in the tables that a document was made from."""
    if target.name != "scores.json":
        return None
    tables = [Path(item["path"]) for item in read_json(record_path(document))["inputs"]]
    for table in (path for path in tables if path.suffix == TABLE and not published_audit.is_published(path)):
        for row in pointing_rows(table) if table.exists() else ():
            if target_of(table, row) == target:
                return cell_of(table, row)
    return None


def _published(path: Path) -> list[str]:
    if path.stem in published_audit.TABLES:
        return list(published_audit.listing(published_audit.assess(path)))
    return path.read_text(encoding="utf-8").splitlines()


def _depth(line: str) -> int:
    return (len(line) - len(line.lstrip())) // 2
