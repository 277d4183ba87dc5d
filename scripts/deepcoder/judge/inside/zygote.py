"""Process 1 of a sandbox: forks one warm interpreter per test, measures it, and kills all that it leaves.

Runs alone (standard library only, no import of the package) and never reads a program or an input: it hands
sealed memory files from the judge to the forked child, so that no program finds another's text in its memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import importlib
import json
import os
import resource
import select
import signal
import site
import socket
import sys
import time
from typing import NoReturn

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import folder
import landlock
import program
import screen
import series

PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 4, 24, 36, 38
CAPABILITY_VERSION_3, NOBODY = 0x20080522, 65534
FIRST_POLL_S, POLL_S = 0.02, 0.05
STOP = b"stop"
STARVED_FACTOR = 10  # wall time over its cap at which we give up on a machine that has no core for a program
PAGE = os.sysconf("SC_PAGE_SIZE")
PRELOADED = """
    abc array ast atexit bisect builtins cmath collections collections.abc contextlib copy dataclasses datetime decimal
    enum fileinput fractions functools gc heapq io itertools json math mmap operator os queue random re select signal
    statistics string struct sys textwrap threading time traceback types typing uuid zlib
""".split()  # noqa: SIM905


class Watched:
    """What is known of the processes of one test: ends when its main process has been reaped."""

    def __init__(self, main: int, limits: dict, baseline: int, setup: dict) -> None:
        self.main, self.limits, self.baseline, self.setup = main, limits, baseline, setup
        self.status: int | None = None
        self.peak = 0
        self.reaped_cpu = 0.0
        self.reason = ""

    def reap(self) -> bool:
        """Collect the dead; False when no child is left."""
        while True:
            try:
                pid, status, usage = os.wait3(os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.reaped_cpu += usage.ru_utime + usage.ru_stime
            self.peak = max(self.peak, usage.ru_maxrss * 1024)
            if pid == self.main:
                self.status = status

    def check_limits(self, begin: float, page: series.Page) -> None:
        """Set `reason` when the living processes are past a limit (CPU summed, resident memory summed).

        The cap on wall time is for sleepers: the time in which a program wanted a core and got none does not count.
        In a series CPU and wall time count from the end of the last finished test.
        """
        ends = page.ends()
        cpu_before, begin = ends[-1][:2] if ends else (0.0, begin)
        wall = time.monotonic() - begin
        cpu, resident, starved = self.reaped_cpu - cpu_before, 0, 0.0
        for pid in living(self.setup["is_init"]):
            cpu += cpu_seconds(pid)
            resident += private_bytes(pid, self.baseline)
            starved = max(starved, seconds_without_core(pid))
        self.peak = max(self.peak, resident)
        if resident > self.limits["memory"]:
            self.reason = "memory"
        elif cpu > self.limits["cpu"]:
            self.reason = "cpu"
        elif wall - starved > self.limits["wall"]:
            self.reason = "wall"
        elif wall > STARVED_FACTOR * self.limits["wall"]:
            self.reason = "starved"
        elif self.setup["landlock"] and folder.exceeds(*self.setup["scratch"], *self.setup["landlock"]["scratch"]):
            self.reason = "disk"


def living(is_init: bool) -> list[int]:
    """Process ids of all that the current test has started and that still run."""
    if is_init:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]
    found, stack = [], [os.getpid()]
    while stack:
        pid = stack.pop()
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{pid}/task/{thread}/children") as handle:
                    children = [int(child) for child in handle.read().split()]
            except OSError:
                continue
            found += children
            stack += children
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of a whole process by its CPU-time clock (kernel: clockid = ~pid << 3 | CPUCLOCK_SCHED)."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def seconds_without_core(pid: int) -> float:
    """How long a process was ready to run and waited for a core (kernel: Documentation/scheduler/sched-stats)."""
    try:
        with open(f"/proc/{pid}/schedstat", "rb") as handle:
            return int(handle.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def private_bytes(pid: int, baseline: int) -> int:
    """Resident bytes beyond the `baseline` that a fresh fork of this process shares with it."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as handle:
            fields = handle.read().split()
    except OSError:
        return 0
    return max(0, int(fields[1]) * PAGE - baseline) if len(fields) > 1 else 0


def stop_all(deadline: float) -> None:
    """Stop the processes of a test before they are killed: they hold the places that a fork bomb would fill again."""
    stopped: set[int] = set()
    while (fresh := set(living(False)) - stopped) and time.monotonic() < deadline:
        for pid in fresh:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGSTOP)
        stopped |= fresh


def kill_all(watched: Watched) -> None:
    """Kill and reap until nothing is left.

    Where it reaches the descendants alone, `kill(-1)` is atomic against fork: the kernel sends under the lock that
    fork takes.
    """
    deadline = time.monotonic() + 10
    at_once = watched.setup["kills_at_once"]
    if not at_once:
        stop_all(deadline)
    while True:
        victims = [-1] if at_once else living(False)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError as error:
                if error.errno not in (errno.ESRCH, errno.EPERM):
                    raise
        if not watched.reap():
            return
        if time.monotonic() > deadline:
            os._exit(3)
        time.sleep(0.0005)


def scratch_is_dirty(setup: dict) -> bool:
    """Empty the scratch folders if that is cheap; True when something is left (the judge then starts afresh)."""
    if setup["landlock"]:
        return not folder.empty(*setup["scratch"], 1000)
    dirty = False
    for scratch in setup["scratch"]:
        try:
            names = os.listdir(scratch)
        except OSError:
            return True
        for name in names:
            try:
                os.unlink(os.path.join(scratch, name))
            except OSError:
                dirty = True
        dirty = dirty or len(names) > 1000
    return dirty


def leave(setup: dict) -> NoReturn:
    """End, when the judge is gone, without leaving files that it may no longer remove."""
    if setup["landlock"]:
        folder.remove(os.path.dirname(*setup["scratch"]))
    os._exit(0)


def judge_one(
    request: dict, files: list[int], setup: dict, control: socket.socket, baseline: int, shared: tuple
) -> dict:
    """Fork, watch, kill, measure: one test, or a series of them in one process."""
    begin = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    page, traces = shared
    page.clear()
    prepared, tell_prepared = os.pipe()
    # The library's fork, not Python's, whose hooks are for threads and touch a hundred pages: there is one thread here.
    pid = program.LIBC.fork()
    if pid < 0:
        os._exit(3)
    if pid == 0:
        program.run(request, [*files[:3], tell_prepared, *files[3:]], setup, page, traces)
    for descriptor in [*files, tell_prepared]:
        os.close(descriptor)
    watched = Watched(pid, request["limits"], baseline, setup)
    told = watch(watched, begin, control, page, len(files) - 3)
    wall = time.monotonic() - begin
    kill_all(watched)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Said before any of the program's code ran, so that no program can pass its failure off as ours.
    said = os.read(prepared, 2)
    os.close(prepared)
    return {
        "ends": page.ends(told),
        "prepared": said.startswith(program.PREPARED),
        "shared": said.endswith(program.SHARED),
        "status": watched.status,
        "reason": watched.reason,
        "cpu_s": cpu,
        "wall_s": wall,
        "peak": max(0, watched.peak),
        "dirty": scratch_is_dirty(setup),
    }


def watch(watched: Watched, begin: float, control: socket.socket, page: series.Page, tests: int) -> int:
    """Wait until the main process ends, is past a limit, or the judge has seen enough.

    Returns:
        how many finished tests of a series the judge has been told of; never the last, which waits for the peak.
    """
    handle = os.pidfd_open(watched.main)
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    poller.register(control, select.POLLIN)
    pause, told, spoke = FIRST_POLL_S, 0, begin
    while True:
        events = dict(poller.poll(pause * 1000))
        if control.fileno() in events:
            if control.recv(16) != STOP:
                kill_all(watched)
                leave(watched.setup)
            watched.reason = "stopped"
            break
        if handle in events:
            break
        watched.reap()
        if watched.status is not None:
            break
        watched.check_limits(begin, page)
        if watched.reason:
            break
        ends = page.ends(told)[: tests - 1 - told]
        if ends or time.monotonic() - spoke > watched.limits["wall"]:
            control.send(json.dumps({"ends": ends}).encode())
            told, spoke = told + len(ends), time.monotonic()
        pause = POLL_S
    os.close(handle)
    return told


def become_unprivileged(uid: int | None, libc: ctypes.CDLL) -> None:
    """Leave root for an id of this sandbox's own; an unknown id (nested namespace) falls back to nobody."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if uid is not None and os.getuid() == 0:
        os.setgroups([])
        try:
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    libc.capset(header, (ctypes.c_uint32 * 6)())


def offer_to_oom_killer() -> None:
    """Let the kernel take a sandbox before anything else: of its processes the largest, which is a program's."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as handle:
        handle.write("1000")


def prepare_walls(setup: dict, libc: ctypes.CDLL) -> None:
    """Do for this process what its level asks, and complete `setup` by what its children need to know."""
    walls = setup["landlock"]
    setup["kept"], setup["shares_user"], setup["kills_at_once"] = [], False, setup["is_init"]
    if walls:
        # The folders are opened while this process may still reach them.
        walls["ruleset"] = landlock.ruleset(walls["abi"], walls["paths"])
        setup["kept"] = [walls["ruleset"], *walls["anchors"]]
    if setup["is_init"] or walls:
        become_unprivileged(setup["uid"], libc)
    if not setup["is_init"]:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if walls:
        setup["shares_user"] = os.getuid() != setup["uid"]
        setup["kills_at_once"] = landlock.scope_signals(walls["abi"])


def warm_up(modules: list[str]) -> None:
    """Import what programs import, so that each fork finds it loaded."""
    site.setquit()
    site.setcopyright()
    site.sethelper()
    for name in [*PRELOADED, *modules]:
        importlib.import_module(name)
    sys.set_int_max_str_digits(0)
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve tests until the judge closes the control socket (descriptor 0 at the start)."""
    setup = json.loads(sys.argv[1])
    sys.argv[:] = ["main.py"]
    for name in ("LD_LIBRARY_PATH", "PYTHONHOME"):
        os.environ.pop(name, None)
    control = socket.socket(fileno=os.dup(0))
    empty = os.open("/dev/null", os.O_RDWR)
    os.dup2(empty, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    offer_to_oom_killer()
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    program.LIBC = libc
    prepare_walls(setup, libc)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    sys.path[:] = [*sys.path[1:], *setup["extra_path"]]
    warm_up(setup["modules"])
    if setup["landlock"]:
        landlock.prove(lambda: program.confine(setup["landlock"]), setup["scratch"][0])
    # Not ru_maxrss, which remembers the size of the judge that this process was forked from.
    baseline = private_bytes(os.getpid(), 0)
    # The judge reads why a start failed from descriptor 2: it is dropped only now.
    os.dup2(empty, 1)
    os.dup2(empty, 2)
    os.close(empty)
    control.send(json.dumps({"ready": os.getpid(), "uid": os.getuid()}).encode())
    shared = series.Page(), series.Traces(["builtins", *screen.MODULES])
    while True:
        message, files, _, _ = socket.recv_fds(control, 1 << 16, series.CAPACITY + 8)
        if not message:
            leave(setup)
        if message == STOP:  # it crossed the answer that it was meant to hasten
            continue
        reply = judge_one(json.loads(message), files, setup, control, baseline, shared)
        control.send(json.dumps(reply).encode())


if __name__ == "__main__":
    main()
