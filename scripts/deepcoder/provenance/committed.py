"""The lock as git has it: what was committed is not rewritten together with a file on disk."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.provenance.lockfile import parse_lock, records_in
from deepcoder.provenance.record import record_path


@dataclass(frozen=True)
class Committed:
    """A lock in git's HEAD.

    Attributes:
        commit: the commit that last changed it, abbreviated, with its date.
        lock: its blocks.
        records: hashes of the records, if the lock's own record is committed too; else empty.
    """

    commit: str
    lock: dict[str, dict[str, Any]]
    records: dict[str, str]


def committed_lock(lock: Path) -> Committed | None:
    """The lock at the same path in HEAD; None without git, or where it is not committed.

    Raises:
        UserError: what is committed there is no lock.
    """
    text = _git(lock.parent, "show", f"HEAD:./{lock.name}")
    if text is None:
        return None
    commit = _git(lock.parent, "log", "-1", "--format=%h of %cs", "--", f"./{lock.name}") or "HEAD"
    record = _git(lock.parent, "show", f"HEAD:./{record_path(lock).name}")
    records = records_in(json.loads(record)) if record else {}
    return Committed(commit.strip(), parse_lock(text, f"HEAD:{lock}"), records)


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
