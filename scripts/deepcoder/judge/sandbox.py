"""One long-lived sandbox: start it, run a program in it on one input, read what came out, end it."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from deepcoder.judge import isolation
from deepcoder.judge.cgroup import Cgroup, cgroup_failure
from deepcoder.judge.inside import folder
from deepcoder.judge.inside.zygote import STOP
from deepcoder.judge.model import MAX_VALUE_BYTES, Limits

End = tuple[float, float, int, int]  # of a test: CPU time, clock, sizes of output and result

_COUNTER = itertools.count()
_NUMPY = ["numpy", "numpy.fft", "numpy.linalg", "numpy.random"]  # all but the first are loaded when first used
_SLACK_BYTES = 1 << 30
_GRACE_S = 15.0
_START_S = 60.0
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class SandboxError(Exception):
    """The sandbox itself failed (the judge's fault, never the program's)."""


class RawRun(NamedTuple):
    """What the sandbox measured in one test, and the bytes that the program left.

    `alone` says that the test had a process of its own; `prepared` is false when the sandbox failed before any code
    of the program ran; `status` is a wait status; `reason` names the limit (cpu, wall, memory) at which the program
    was cut, if any.
    """

    alone: bool
    prepared: bool
    status: int
    reason: str
    cpu_s: float
    wall_s: float
    peak_bytes: int
    output_bytes: int
    stdout: bytes
    record: bytes


def sealed_file(data: bytes, name: str) -> int:
    """A memory file with `data`, its offset at 0, that nobody can change: what a program does to it fails."""
    file = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        done = 0
        while done < len(data):
            done += os.pwrite(file, memoryview(data)[done:], done)
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(file)
        raise
    return file


def standard_input(data: bytes) -> int:
    """A sealed file open for reading alone: older kernels refuse to map one that is open for writing."""
    file = sealed_file(data, "input")
    try:
        return os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(file)


def bare_name(fn_name: str | None) -> str:
    """The name of a function that may be written `Solution().name`."""
    return (fn_name or "").replace("()", "").split(".")[-1]


class Job:
    """A program as the sandbox takes it, shared by all its runs; close it when done."""

    def __init__(self, kind: str, program: str, fn_name: str | None) -> None:
        text = json.dumps({"kind": kind, "program": program, "fn_name": bare_name(fn_name)})
        self.kind = kind
        self.file = sealed_file(text.encode("ascii"), "job")
        self.flavour = "numpy" if "numpy" in program else "plain"

    def close(self) -> None:
        """Release the memory file."""
        os.close(self.file)


class Sandbox:
    """A warm interpreter behind a wall, serving one run at a time; a context manager.

    `flavour` numpy has numpy loaded before the fork. Raises SandboxError when it cannot start.
    """

    def __init__(self, level: str, flavour: str = "plain") -> None:
        self.level, self.flavour = level, flavour
        self._folder: str | None = None
        self._cgroup = None if cgroup_failure() else Cgroup()
        self._kills = 0
        self._control, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            launch = self._launch()
            try:
                self._process = subprocess.Popen(
                    launch.command,
                    stdin=inner.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    env=launch.environment,
                    pass_fds=launch.descriptors,
                    cwd="/",
                    start_new_session=True,
                )
            finally:
                isolation.close_all(launch.descriptors)
        except OSError as error:
            self._control.close()
            if self._folder is not None:
                folder.remove(self._folder)
            raise SandboxError(f"cannot start the sandbox: {error}") from error
        finally:
            inner.close()
        self._await_ready()

    def _launch(self) -> isolation.Launch:
        is_init = self.level == "bwrap"
        packages = isolation.package_folders()
        modules = _NUMPY if self.flavour == "numpy" and any(p.endswith("/numpy") for p in packages) else []
        if self.level == "landlock":
            self._folder = tempfile.mkdtemp(prefix="judge-")
            return isolation.landlock_launch(self._folder, isolation.own_uid(next(_COUNTER)), modules)
        scratch = ["/tmp", "/dev/shm"]
        if not is_init:
            self._folder = tempfile.mkdtemp(prefix="judge-")
            scratch = [self._folder]
        path = [] if is_init else sorted({os.path.dirname(folder) for folder in packages})
        setup: dict[str, Any] = {
            "is_init": is_init,
            "uid": isolation.own_uid(next(_COUNTER)) if is_init else None,
            "processes": isolation.MAX_PROCESSES if is_init else 0,
            "scratch": scratch,
            "extra_path": ["/packages"] if is_init and packages else path,
            "modules": modules,
            "landlock": None,
        }
        if is_init:
            return isolation.bwrap_launch(["/judge/zygote.py", json.dumps(setup)])
        return isolation.process_launch([str(isolation.INSIDE / "zygote.py"), json.dumps(setup)])

    def _await_ready(self) -> None:
        try:
            message = self._receive(_START_S)
        except SandboxError as error:
            self._process.kill()
            stderr = self._process.communicate()[1].decode(errors="replace").strip()
            self.close()
            raise SandboxError(f"the sandbox did not start: {stderr[-300:] or error}") from error
        if "ready" not in message:
            self.close()
            raise SandboxError("the sandbox answered nonsense at its start")
        if self._cgroup:
            for pid in [self._process.pid, *_children(self._process.pid)]:
                self._cgroup.add(pid)

    def run(self, job: Job, payloads: Sequence[bytes], limits: Limits) -> Iterator[RawRun]:
        """Run `job` on payloads (standard input, or encoded arguments) in their order, as far as one process goes.

        A single payload has a process of its own. Several share one if the program is fit for that: each finished
        test is a run; the test at which the process ended, if any was left, is the last run. If it is not fit, only
        the first payload is run, alone. Close the iterator early to stop. Raises SandboxError on our fault.
        """
        if self._cgroup:
            self._cgroup.limit_memory(limits.memory_mb)
        files: list[int] = []
        try:
            for name in ("output", "result"):
                files.append(os.memfd_create(name, os.MFD_CLOEXEC))
            output, result = files
            # What a test has printed, no later one can read or write over.
            files.append(os.open(f"/proc/self/fd/{output}", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))
            for payload in payloads:
                files.append(standard_input(payload) if job.kind == "stdin" else sealed_file(payload, "arguments"))
            try:
                message = json.dumps({"limits": _limits(limits)}).encode()
                socket.send_fds(self._control, [message], [job.file, files[2], result, *files[3:]])
            except OSError as error:
                raise SandboxError(f"the sandbox is gone: {error}") from error
            yield from self._runs(len(payloads), output, result, limits)
        finally:
            for descriptor in files:
                os.close(descriptor)

    def _runs(self, wanted: int, output: int, result: int, limits: Limits) -> Iterator[RawRun]:
        last = (0.0, time.monotonic(), 0, 0)  # CPU time, clock, ends of output and result before the current test
        reply: dict[str, Any] = {}
        found = 0
        try:
            while "status" not in reply:
                reply = self._receive(limits.wall_s + _GRACE_S)
                for end in reply["ends"]:
                    found += 1
                    peak = int(reply.get("peak", 0)) if found == wanted else 0
                    yield _finished(last, end, output, result, peak)
                    last = end
            if reply["shared"] and found == wanted:
                return
            yield self._ended(reply, last, output, result, limits)
        finally:
            if "status" not in reply:
                reply = self._stop(limits)
            if reply.get("dirty", True):
                self.close()

    def _stop(self, limits: Limits) -> dict:
        """Have the running program killed and hear out the sandbox."""
        try:
            self._control.send(STOP)
            while "status" not in (reply := self._receive(limits.wall_s + _GRACE_S)):
                pass
            return reply
        except (OSError, SandboxError):
            return {}

    def _ended(self, reply: dict, last: End, output: int, result: int, limits: Limits) -> RawRun:
        """The run in which the process ended: the only one of a program that ran alone."""
        size = os.fstat(output).st_size - last[2]
        keep = not reply["shared"] and size <= limits.output_bytes
        return RawRun(
            alone=not reply["shared"],
            prepared=bool(reply["prepared"]),
            status=-1 if reply["status"] is None else int(reply["status"]),
            reason=str(reply["reason"]) or self._killed_for_memory(),
            cpu_s=float(reply["cpu_s"]) - last[0],
            wall_s=time.monotonic() - last[1] if reply["shared"] else float(reply["wall_s"]),
            peak_bytes=int(reply["peak"]),
            output_bytes=size,
            stdout=_read(output, last[2], size) if keep else b"",
            record=_read(result, last[3], min(os.fstat(result).st_size - last[3], MAX_VALUE_BYTES + 1)),
        )

    def _killed_for_memory(self) -> str:
        kills = self._cgroup.memory_kills() if self._cgroup else 0
        self._kills, before = kills, self._kills
        return "memory" if kills > before else ""

    def _receive(self, timeout_s: float) -> dict:
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        deadline = time.monotonic() + timeout_s
        if not poller.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise SandboxError(f"the sandbox did not answer within {timeout_s:.0f} s")
        try:
            message = self._control.recv(1 << 16)
        except OSError as error:
            raise SandboxError(f"the sandbox is gone: {error}") from error
        if not message:
            raise SandboxError("the sandbox died")
        return json.loads(message)

    @property
    def alive(self) -> bool:
        """Whether it can serve another run."""
        return self._control.fileno() >= 0 and self._process.poll() is None

    def close(self) -> None:
        """End the sandbox with all its processes and remove its scratch folder; harmless when repeated."""
        self._control.close()
        try:
            self._process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            # bwrap passes its death on to process 1 of the sandbox, whose death the kernel passes on to all.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        if self._folder is not None:
            folder.remove(self._folder)
        if self._cgroup is not None:
            self._cgroup.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as handle:
        return [int(child) for child in handle.read().split()]


def _limits(limits: Limits) -> dict[str, float]:
    memory = limits.memory_mb << 20
    return {
        "cpu": limits.cpu_s,
        "wall": limits.wall_s,
        "memory": memory,
        "address_space": memory + _SLACK_BYTES,
        "output": limits.output_bytes,
    }


def _finished(last: End, end: End, output: int, result: int, peak_bytes: int) -> RawRun:
    """The run of a test that ended well among others in one process; the last one has the peak of all."""
    return RawRun(
        alone=False,
        prepared=True,
        status=0,
        reason="",
        cpu_s=max(0.0, end[0] - last[0]),
        wall_s=max(0.0, end[1] - last[1]),
        peak_bytes=peak_bytes,
        output_bytes=end[2] - last[2],
        stdout=_read(output, last[2], end[2] - last[2]),
        record=_read(result, last[3], min(end[3] - last[3], MAX_VALUE_BYTES + 1)),
    )


def _read(descriptor: int, start: int, size: int) -> bytes:
    parts = []
    while size > 0:
        part = os.pread(descriptor, min(size, 1 << 24), start)
        if not part:
            break
        parts.append(part)
        start, size = start + len(part), size - len(part)
    return b"".join(parts)
