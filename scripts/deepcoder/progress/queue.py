"""What SLURM says of one's jobs, where it answers at all: nobody who asks for a status should wait for a controller."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Queued:
    """A job in the queue: SLURM's words for its state, its reason where it waits, and how long it has run."""

    state: str
    reason: str
    elapsed: str

    @property
    def words(self) -> str:
        told = f"{self.state} {self.elapsed}" if self.state == "RUNNING" else self.state
        return f"{told} ({self.reason})" if self.reason not in ("", "None") else told


def own_queue() -> dict[str, Queued] | None:
    """Own jobs by id; None where no SLURM answers."""
    command = ["squeue", "--me", "--noheader", "--format=%A|%T|%r|%M"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    rows = (line.split("|") for line in done.stdout.splitlines())
    return {row[0]: Queued(row[1], row[2], row[3]) for row in rows if len(row) == 4}
