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
from dataclasses import dataclass
from typing import Any

from deepcoder.judge import isolation
from deepcoder.judge.inside import folder
from deepcoder.judge.model import MAX_VALUE_BYTES, Limits

_COUNTER = itertools.count()
_SLACK_BYTES = 1 << 30
_GRACE_S = 15.0
_START_S = 60.0
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class SandboxError(Exception):
    """The sandbox itself failed (the judge's fault, never the program's)."""


@dataclass(frozen=True)
class RawRun:
    """What the sandbox measured, and the bytes that the program left.

    `prepared` is false when the sandbox failed before any code of the program ran; `status` is a wait status;
    `reason` names the limit (cpu, wall, memory) at which the program was cut, if any.
    """

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
    """A read-only memory file with `data`, its offset at 0: a program cannot change it for the next run."""
    writer = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(writer, view) :]
        fcntl.fcntl(writer, fcntl.F_ADD_SEALS, _SEALS)
        # Opened anew and read-only, because older kernels refuse to map a sealed file that is open for writing.
        return os.open(f"/proc/self/fd/{writer}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(writer)


class Job:
    """A program as the sandbox takes it, shared by all its runs; close it when done."""

    def __init__(self, kind: str, program: str, fn_name: str | None) -> None:
        name = (fn_name or "").replace("()", "").split(".")[-1]
        text = json.dumps({"kind": kind, "program": program, "fn_name": name})
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
        modules = ["numpy"] if self.flavour == "numpy" and any(p.endswith("/numpy") for p in packages) else []
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

    def run(self, job: Job, payload: bytes, limits: Limits, *, wants_stdout: bool = True) -> RawRun:
        """Run `job` once on `payload` (standard input, or encoded arguments); raises SandboxError on our fault."""
        files: list[int] = []
        try:
            files.append(sealed_file(payload, "input"))
            for name in ("output", "result"):
                files.append(os.memfd_create(name, os.MFD_CLOEXEC))
            memory = limits.memory_mb << 20
            request = {
                "limits": {
                    "cpu": limits.cpu_s,
                    "wall": limits.wall_s,
                    "memory": memory,
                    "address_space": memory + _SLACK_BYTES,
                    "output": limits.output_bytes,
                }
            }
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], [job.file, *files])
            except OSError as error:
                raise SandboxError(f"the sandbox is gone: {error}") from error
            reply = self._receive(limits.wall_s + _GRACE_S)
            return self._collect(reply, files[1], files[2], limits, wants_stdout)
        finally:
            for descriptor in files:
                os.close(descriptor)

    def _collect(self, reply: dict, output: int, result: int, limits: Limits, wants_stdout: bool) -> RawRun:
        size = os.fstat(output).st_size
        keep = wants_stdout and size <= limits.output_bytes
        if reply["dirty"]:
            self.close()
        return RawRun(
            prepared=bool(reply["prepared"]),
            status=-1 if reply["status"] is None else int(reply["status"]),
            reason=str(reply["reason"]),
            cpu_s=float(reply["cpu_s"]),
            wall_s=float(reply["wall_s"]),
            peak_bytes=int(reply["peak"]),
            output_bytes=size,
            stdout=_read(output, size) if keep else b"",
            record=_read(result, min(os.fstat(result).st_size, MAX_VALUE_BYTES + 1)),
        )

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

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _read(descriptor: int, size: int) -> bytes:
    parts = []
    offset = 0
    while offset < size:
        part = os.pread(descriptor, min(size - offset, 1 << 24), offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
    return b"".join(parts)
