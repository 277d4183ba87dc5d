"""Finished parts of a long piece of work, kept in a folder until all of it is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from deepcoder.files import read_json, remove_half_written, sha256_json, write_json

T = TypeVar("T")


def split(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Consecutive parts of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]


class Shards:
    """Results of parts, each under a name made from all that it depends on; without a folder nothing is kept.

    `made_from` is a JSON value of what all parts depend on: with another one, no part is found.
    """

    def __init__(self, folder: Path | None, made_from: Any) -> None:
        self.folder = folder
        self.found = 0
        self._made_from = sha256_json(made_from)
        if folder is not None:
            remove_half_written(folder)

    def load(self, part: Any) -> Any | None:
        """The kept result of a part, a JSON value that says what the part is; None where there is none."""
        if self.folder is None or not (path := self._path(self.folder, part)).exists():
            return None
        self.found += 1
        return read_json(path)

    def save(self, part: Any, result: Any) -> None:
        """Keep the result, a JSON value, once it is whole on the disk."""
        if self.folder is not None:
            write_json(self._path(self.folder, part), result)

    def _path(self, folder: Path, part: Any) -> Path:
        return folder / f"{sha256_json([self._made_from, part])[:32]}.json"
