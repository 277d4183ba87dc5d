"""What is done of a long piece of work, on disk as it comes, so that one that was killed goes on from there."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from deepcoder.files import remove, writing


class Journal:
    """JSON values in a file, one to a line, for one writer."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Any]:
        """The values so far, in their order; the end of a line that a kill cut off is cut away."""
        if not self.path.exists():
            return []
        whole, newline, cut = self.path.read_bytes().rpartition(b"\n")
        if cut:
            with writing(self.path):
                os.truncate(self.path, len(whole) + len(newline))
        values = []
        for line in whole.splitlines():
            with suppress(ValueError):
                values.append(json.loads(line))
        return values

    def begin(self) -> None:
        """Make it an empty one."""
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(b"")

    def add(self, value: Any) -> None:
        """Write a value behind the others."""
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8") as handle:
                handle.write(json.dumps(value) + "\n")

    def forget(self) -> None:
        """Delete it."""
        remove(self.path)
