"""Keeps the processes of one virtual machine together: a daemon and whatever it starts, detached or not.

A keeper is the reaper of everything below it (`PR_SET_CHILD_SUBREAPER`): slurmstepd and a job's own daemons leave their
parent, but not their keeper. On SIGTERM it kills them all at once, as a power loss would, and goes; it also goes when
nothing is left, and when the process that it was started for ends. Run as a program of its own, with no import of the
repository: `keeper.py PARENT COMMAND...`, where PARENT is the process to end with, or 0.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.01


def started_at(pid: int) -> int | None:
    """When a process started, in clock ticks since boot, which tells a reused number apart; None once it is dead."""
    fields = _fields(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def descendants(root: int) -> list[int]:
    """Processes below `root` that still live."""
    children: dict[int, list[tuple[int, str]]] = {}
    for pid in processes():
        if (fields := _fields(pid)) is not None:
            children.setdefault(int(fields[1]), []).append((pid, fields[0]))
    found, stack = [], [root]
    while stack:
        for pid, state in children.get(stack.pop(), []):
            stack.append(pid)
            if state != "Z":
                found.append(pid)
    return found


def processes() -> list[int]:
    """All processes of the machine."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def kill(pid: int) -> None:
    """SIGKILL, to a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _fields(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while living := descendants(os.getpid()):
        for pid in living:
            kill(pid)
        time.sleep(POLL_SECONDS)
    _reap_all()
    os._exit(0)


def _reap_all() -> None:
    with suppress(ChildProcessError):
        while True:
            os.wait()


def main(parent: int, command: list[str]) -> None:
    signal.signal(signal.SIGTERM, _end)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if parent:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            return
    subprocess.Popen(command)
    _reap_all()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
