"""Resumable state of a stage: complete or absent, checked by hash, the newest few kept, one writer at a time."""

from __future__ import annotations

import fcntl
import shutil
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import atomic_path, link_or_copy, read_json, remove, remove_half_written, sha256_files, write_json

STATE, HASHES, LOCK = "driver.json", "hashes.json", ".lock"
SHARDS = "state"  # folder of what the ranks of the trainer wrote
LOCK_SECONDS = 120.0  # a trainer that was told to end finishes its step


class Checkpoints:
    """Folders `step-<n>` below a work folder; a folder that exists was written to its end."""

    def __init__(self, root: Path, identity: str, keep: int, wait_s: float = LOCK_SECONDS) -> None:
        """Open the work folder for this process alone; the state of a run with another identity is deleted.

        Args:
            identity: digest of all that the run's course depends on, except how many steps it will take.
            keep: how many of the newest to keep.
            wait_s: seconds to wait for another process that still works there.

        Raises:
            UserError: another process works in the folder.
        """
        self.root, self.keep = Path(root), max(keep, 1)
        self._lock = lock_folder(self.root, wait_s)
        owner = self.root / "identity.json"
        if not owner.exists() or read_json(owner) != identity:
            for child in self.root.iterdir():
                if child.name != LOCK:
                    remove(child)
            write_json(owner, identity)
        remove_half_written(self.root)

    def close(self) -> None:
        """Let another process work in the folder."""
        self._lock.close()

    def steps(self) -> list[int]:
        """Steps with a checkpoint, ascending."""
        return sorted(int(path.name.removeprefix("step-")) for path in self.root.glob("step-*"))

    def folder(self, step: int) -> Path:
        """Where the state after `step` steps lies."""
        return self.root / f"step-{step:06d}"

    def save(self, step: int, write: Callable[[Path], None], state: dict[str, Any], also: Collection[int]) -> None:
        """Write a checkpoint and delete old ones; later ones, of a run that was to be longer, are not counted.

        Args:
            write: fills a folder with the trainer's state.
            state: JSON, the driver's.
            also: steps to keep beside the newest.
        """
        with atomic_path(self.folder(step)) as temporary:
            temporary.mkdir()
            write(temporary)
            write_json(temporary / STATE, state)
            write_json(temporary / HASHES, hashes(temporary))
        for old in [known for known in self.steps() if known <= step][: -self.keep]:
            if old not in also:
                remove(self.folder(old))

    def newest(self, limit: int) -> int | None:
        """The newest sound step up to `limit`, or None; damaged ones above it are told of and deleted."""
        for step in reversed([step for step in self.steps() if step <= limit]):
            if (damage := self.damage(step)) is None:
                return step
            print(f"warning: {self.folder(step)} is damaged ({damage}); going back", file=sys.stderr, flush=True)
            remove(self.folder(step))
        return None

    def damage(self, step: int) -> str | None:
        """What is wrong with a checkpoint, or None."""
        folder = self.folder(step)
        try:
            expected = read_json(folder / HASHES)
        except UserError as error:
            return str(error)
        found = hashes(folder)
        wrong = sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
        return f"{wrong[0]} is not as written" if wrong else None

    def state(self, step: int) -> dict[str, Any]:
        """The driver's state after `step` steps."""
        return dict(read_json(self.folder(step) / STATE))

    def publish(self, step: int, target: Path) -> None:
        """Put the trainer's state after `step` steps at `target` too, by hard links: it outlives the work folder.

        Raises:
            UserError: the checkpoint is missing or damaged.
        """
        if (damage := self.damage(step)) is not None:
            raise UserError(f"{self.folder(step)}: {damage}; delete {self.root} and run again to train anew")
        with atomic_path(target) as temporary:
            shutil.copytree(self.folder(step) / SHARDS, temporary, copy_function=link_or_copy)


def hashes(folder: Path) -> dict[str, str]:
    """sha256 of every file below a folder but the table of hashes itself, read in parallel."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != HASHES)
    found = zip(files, sha256_files(files), strict=True)
    return {path.relative_to(folder).as_posix(): digest for path, digest in found}


def lock_folder(root: Path, wait_s: float) -> Any:
    """An open file that holds the folder's lock until it is closed or this process ends."""
    root.mkdir(parents=True, exist_ok=True)
    handle = open(root / LOCK, "w", encoding="utf-8")  # noqa: SIM115
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except OSError:
            if time.monotonic() > deadline:
                handle.close()
                raise UserError(f"{root}: another process trains here; end it, then run again") from None
            time.sleep(0.2)
