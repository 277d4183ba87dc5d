"""CPU time and memory of a process with its descendants, read from /proc."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT, _TIMES = 1, slice(11, 15)  # fields of /proc/PID/stat after the name: parent; times, own and of reaped children


def _processes() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat that follow the name, which may hold blanks and brackets."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                found[int(entry)] = Path("/proc", entry, "stat").read_text().rpartition(") ")[2].split()
    return found


def _tree(processes: dict[int, list[str]], root: int) -> set[int]:
    tree, grown = {root}, True
    while grown:
        more = {pid for pid, fields in processes.items() if int(fields[_PARENT]) in tree} - tree
        tree |= more
        grown = bool(more)
    return tree & processes.keys()


def descendants(root: int | None = None) -> set[int]:
    """Living descendants of a process, those in sandboxes too."""
    root = root or os.getpid()
    return _tree(_processes(), root) - {root}


def cpu_s(root: int | None = None) -> float:
    """CPU seconds of a process, its living descendants, and all children that any of them reaped."""
    processes = _processes()
    tree = _tree(processes, root or os.getpid())
    return sum(int(ticks) for pid in tree for ticks in processes[pid][_TIMES]) / _TICKS


def _kilobytes(path: str, key: str) -> int:
    with open(path) as lines:
        return next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)


def resident_mb(pid: int | None = None) -> float:
    """Memory resident now."""
    return _kilobytes(f"/proc/{pid or os.getpid()}/status", "VmRSS:") / 1024


def peak_mb(pid: int | None = None) -> float:
    """The most memory that was ever resident."""
    return _kilobytes(f"/proc/{pid or os.getpid()}/status", "VmHWM:") / 1024


def proportional_mb(alone: bool = False) -> float:
    """Memory of this process and, unless `alone`, its descendants, shared pages counted once."""
    total = 0
    for pid in {os.getpid()} | (set() if alone else descendants()):
        with contextlib.suppress(OSError):
            total += _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:")
    return total / 1024


def shared_mb() -> float:
    """Memory files of the whole machine: where a judge could hide the output of a program."""
    return _kilobytes("/proc/meminfo", "Shmem:") / 1024
