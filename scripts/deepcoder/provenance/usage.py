"""What a job takes of its host: CPU time and memory of its process and of all that it starts, from /proc."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

EVERY_S = 2.0
PROC = Path("/proc")
TICKS, PAGE_BYTES = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/<pid>/stat after the name in brackets [proc(5)]: parent, utime, stime, cutime, cstime, resident pages.
PARENT, TIMES, RESIDENT = 1, slice(11, 15), 21


class Usage:
    """Sampled every EVERY_S seconds in a thread until `end`.

    Attributes:
        cpu_s: the most that was found at once of what the living processes have used and of what their ended children
            had; a child that ended unnoticed between two samples and whose parent did not wait for it is left out.
        peak_bytes: resident memory of all of them; a page that several share counts for each.
    """

    def __init__(self) -> None:
        self.cpu_s, self.peak_bytes = 0.0, 0
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def end(self) -> dict[str, float]:
        """Stop, after a last look: `cpu_s` in seconds, `peak_mb` in 2^20 bytes."""
        self._over.set()
        self.look()
        return {"cpu_s": round(self.cpu_s, 2), "peak_mb": round(self.peak_bytes / (1 << 20), 1)}

    def look(self) -> None:
        """Add up what this process and all below it have now."""
        found = dict(_processes())
        below: dict[int, list[int]] = {}
        for pid, (parent, _, _) in found.items():
            below.setdefault(parent, []).append(pid)
        own, seconds, size = [os.getpid()], 0.0, 0
        for pid in own:  # grows as children are found
            own += below.get(pid, [])
            _, cpu_s, resident = found.get(pid, (0, 0.0, 0))
            seconds, size = seconds + cpu_s, size + resident
        self.cpu_s, self.peak_bytes = max(self.cpu_s, seconds), max(self.peak_bytes, size)

    def _watch(self) -> None:
        self.look()
        while not self._over.wait(EVERY_S):
            self.look()


def _processes() -> list[tuple[int, tuple[int, float, int]]]:
    """Process id -> parent, CPU seconds, resident bytes, of all that can be seen."""
    found = []
    for folder in os.listdir(PROC):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if folder.isdigit():
                fields = (PROC / folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                seconds = sum(map(int, fields[TIMES])) / TICKS
                found.append((int(folder), (int(fields[PARENT]), seconds, int(fields[RESIDENT]) * PAGE_BYTES)))
    return found
