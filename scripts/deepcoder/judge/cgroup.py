"""A control group around one sandbox, where this machine lets us make one: memory and processes held by the kernel.

It is the backstop: the limit on memory is sampled every 50 ms and means the program's own resident memory, while the
group also pays for output, scratch files and the warm interpreter, so that its limit lies above by a fixed slack.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import time
from pathlib import Path

SLACK_BYTES = 320 << 20  # output and two scratch folders of 64 MB each, the interpreter with numpy
PROCESSES = 72  # a little above the sandbox's own limit, which is the one that programs meet
PREFIX = "deepcoder-judge-"
_COUNTER = itertools.count()


class Cgroup:
    """A group of its own for the processes of one sandbox.

    Raises OSError when none can be made here.
    """

    def __init__(self) -> None:
        self._limit = -1
        name = f"{PREFIX}{os.getpid()}-{next(_COUNTER)}"
        memory, processes = parents()
        self._folders = [folder / name for folder in dict.fromkeys((memory, processes))]
        self._memory, self._processes = memory / name, processes / name
        try:
            for folder in self._folders:
                folder.mkdir()
            (self._processes / "pids.max").write_text(str(PROCESSES))
        except OSError:
            self.close()
            raise

    def add(self, pid: int) -> None:
        """Move a process, and what it will start, into the group."""
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def limit_memory(self, memory_mb: int) -> None:
        """Hold all processes together to the memory of one submission."""
        wanted = (memory_mb << 20) + SLACK_BYTES
        if wanted != self._limit:
            (self._memory / _memory_file(self._memory)).write_text(str(wanted))
            self._limit = wanted

    def memory_kills(self) -> int:
        """How many processes the kernel has killed in the group for want of memory."""
        for name in ("memory.oom_control", "memory.events"):
            with contextlib.suppress(OSError):
                lines = dict(line.split() for line in (self._memory / name).read_text().splitlines())
                return int(lines.get("oom_kill", 0))
        return 0

    def close(self) -> None:
        """Remove the group, waiting a moment for its killed processes to be gone."""
        deadline = time.monotonic() + 2
        for folder in self._folders:
            while folder.exists() and time.monotonic() < deadline:
                with contextlib.suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.005)


@functools.cache
def cgroup_failure() -> str | None:
    """Why no control group can be made here, or None; found by making one. Sweeps away those of killed judges."""
    try:
        for left in {left for parent in parents() for left in parent.glob(f"{PREFIX}*")}:
            if not Path("/proc", left.name.removeprefix(PREFIX).partition("-")[0]).exists():
                with contextlib.suppress(OSError):
                    left.rmdir()
        group = Cgroup()
    except (OSError, LookupError) as error:
        return str(error)
    try:
        group.limit_memory(64)
        return None
    except OSError as error:
        return str(error)
    finally:
        group.close()


@functools.cache
def parents() -> tuple[Path, Path]:
    """The groups of this process for memory and for processes, in which new ones are made.

    Raises LookupError when a controller is not mounted (version 1) or not handed down (version 2).
    """
    own = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    found = []
    for controller in ("memory", "pids"):
        mounted = _mount("cgroup", controller)
        if controller in own and mounted:
            found.append(mounted / own[controller].lstrip("/"))
            continue
        unified = _mount("cgroup2", "")
        group = unified / own.get("", "/").lstrip("/") if unified else None
        if group is None or controller not in (group / "cgroup.subtree_control").read_text().split():
            raise LookupError(f"no cgroup controller {controller} is handed down to this process")
        found.append(group)
    return found[0], found[1]


def _mount(kind: str, controller: str) -> Path | None:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        filesystem, _, options = rest.split()[:3]
        if filesystem == kind and (not controller or controller in options.split(",")):
            return Path(fields.split()[4])
    return None


def _memory_file(folder: Path) -> str:
    return "memory.max" if (folder / "memory.max").exists() else "memory.limit_in_bytes"
