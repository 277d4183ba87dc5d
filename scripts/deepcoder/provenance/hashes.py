"""Hashes of files, each computed once for a given size, time of change and inode."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import sha256_files, write_json

Stat = tuple[int, int, int]  # bytes, mtime in nanoseconds, inode


def stat_of(path: Path) -> Stat:
    """What changes when a file is written; raises FileNotFoundError."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


class Hashes:
    """A cache of sha256 by path and stat, kept in a file between runs.

    A file changed behind an equal stat keeps its old hash here: to find that is the audit's work, which asks no cache.
    """

    def __init__(self, store: Path | None = None) -> None:
        """Read `store` if it exists; a damaged one is as good as none."""
        self.store, self._known, self._changed = store, dict[str, tuple[Stat, str]](), False
        if store is not None and store.exists():
            try:
                entries: dict[str, Any] = json.loads(store.read_text(encoding="utf-8"))
                self._known = {path: ((size, time, inode), sha) for path, (size, time, inode, sha) in entries.items()}
            except (ValueError, TypeError, AttributeError):
                self._known = {}

    def learn(self, path: Path, stat: Stat, sha256: str) -> None:
        """Take over what a record says of a file as it was when its hash was taken."""
        if str(path) not in self._known:
            self._known[str(path)] = (stat, sha256)

    def of(self, path: Path) -> str:
        """Hex digest of a file; raises FileNotFoundError."""
        return self.of_all([path])[0]

    def of_all(self, paths: Iterable[Path]) -> list[str]:
        """`of` for many files; those that must be read are read in parallel."""
        wanted = list(paths)
        stats = {path: stat_of(path) for path in wanted}
        unread = [path for path, stat in stats.items() if self._known.get(str(path), (None,))[0] != stat]
        if unread:
            digests = zip(unread, sha256_files(unread), strict=True)
            self._known |= {str(path): (stats[path], sha256) for path, sha256 in digests}
            self._changed = True
        return [self._known[str(path)][1] for path in wanted]

    def save(self) -> None:
        """Write the cache if it has changed; a place that cannot be written costs time at the next run, no more."""
        if self.store is None or not self._changed:
            return
        try:
            write_json(self.store, {path: [*stat, sha] for path, (stat, sha) in self._known.items()})
            self._changed = False
        except UserError:
            pass
