"""What a job takes of its host: CPU time and memory of its process and of all that it starts, from /proc."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 2.0
PROC = Path("/proc")
TICKS, PAGE_BYTES = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/<pid>/stat after the name in brackets [proc(5)].
PARENT, OWN, WAITED, START, RESIDENT = 1, slice(11, 13), slice(13, 15), 19, 21

Key = tuple[int, int]  # process id and start: an id alone may come again


@dataclass(frozen=True)
class Process:
    """A process as it was last seen: its own CPU seconds, and those of the ended children that it has waited for."""

    parent: int
    start: int
    own_s: float
    waited_s: float
    resident_bytes: int


class Usage:
    """Samples this process and all below it every EVERY_S seconds in a thread until `end`.

    What ended between two samples counts where its parent waited for it. `peak_bytes` is their resident memory
    together; a page that several share counts for each.
    """

    def __init__(self) -> None:
        self.cpu_s, self.peak_bytes = 0.0, 0
        self._tree: dict[Key, tuple[Key, Process]] = {}  # what lived at the last look, with its parent
        self._ended: defaultdict[Key, float] = defaultdict(float)  # CPU seconds of all that has ended below each
        self._over, self._lock = threading.Event(), threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def end(self) -> dict[str, float]:
        """Stop, after a last look: `cpu_s` in seconds, `peak_mb` in 2^20 bytes."""
        self._over.set()
        self.look()
        return {"cpu_s": round(self.cpu_s, 2), "peak_mb": round(self.peak_bytes / (1 << 20), 1)}

    def look(self) -> None:
        """Take down what this process and all below it have now."""
        with self._lock:
            before, now = self._tree, _tree()
            gone: defaultdict[Key, list[Key]] = defaultdict(list)
            for key, (parent, _) in before.items():
                if key not in now:
                    gone[parent].append(key)

            def lost(parent: Key) -> float:
                return sum(before[key][1].own_s + self._ended[key] + lost(key) for key in gone[parent])

            for key, (_, process) in now.items():
                waited_s = process.waited_s - (before[key][1].waited_s if key in before else 0.0)
                # What it has waited for since was seen in part, and what was seen it has waited for in part.
                self._ended[key] += max(waited_s, lost(key))
            self._tree = now
            self.cpu_s = sum(process.own_s + self._ended[key] for key, (_, process) in now.items())
            self.peak_bytes = max(self.peak_bytes, sum(process.resident_bytes for _, process in now.values()))

    def _watch(self) -> None:
        self.look()
        while not self._over.wait(EVERY_S):
            self.look()


def _tree() -> dict[Key, tuple[Key, Process]]:
    """This process and all below it, each with its parent."""
    found, below = _processes(), defaultdict[int, list[int]](list)
    for pid, process in found.items():
        below[process.parent].append(pid)
    own = [os.getpid()]
    for pid in own:  # grows as children are found
        own += below.get(pid, [])
    keys = {pid: (pid, found[pid].start) for pid in own if pid in found}
    return {key: (keys.get(found[pid].parent, (0, 0)), found[pid]) for pid, key in keys.items()}


def _processes() -> dict[int, Process]:
    """All processes that can be seen, by their ids."""
    found = {}
    for folder in os.listdir(PROC):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if folder.isdigit():
                fields = (PROC / folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                own, waited = (sum(map(int, fields[place])) / TICKS for place in (OWN, WAITED))
                size = int(fields[RESIDENT]) * PAGE_BYTES
                found[int(folder)] = Process(int(fields[PARENT]), int(fields[START]), own, waited, size)
    return found
