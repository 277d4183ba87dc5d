"""Landlock and seccomp by their system calls: what this process may open, signal and call from now on.

Runs alone (standard library only, no import of the package). Numbers and layouts: linux/landlock.h, explained in the
kernel's userspace-api/landlock.rst. Rights that the given version (ABI) does not know are left out: the filter of
`deepcoder.judge.seccomp` refuses the calls that need them.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import socket
import stat
import struct
from collections.abc import Callable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH, _NO_AUDIT = 1, 1, 1
_SET_SECCOMP, _FILTER = 22, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_FIFO, _MAKE_SYM = (1 << bit for bit in (4, 5, 7, 8, 10, 12))
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FOR_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_BIND_AND_CONNECT_TCP, _ABSTRACT_SOCKETS, _SIGNALS = 3, 1, 2
RIGHTS = {
    "list": _READ_DIR,
    "read": _READ_FILE | _READ_DIR,
    "run": _READ_FILE | _EXECUTE,
    "device": _READ_FILE | _WRITE_FILE,
    "own": (
        _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _REFER
        | _MAKE_DIR | _MAKE_REG | _MAKE_FIFO | _MAKE_SYM
    ),
}  # fmt: skip
# Stands in a filter for the id of the process that installs it.
OWN_PROCESS = 0x4F574E21

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long


def abi() -> int:
    """The version of Landlock that this kernel offers, 0 for none."""
    return max(0, _LIBC.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_long(_VERSION)))


def ruleset(version: int, paths: list[tuple[str, str]]) -> int:
    """Descriptor of a ruleset that allows for each path one of `RIGHTS`, below a folder too, and nothing else.

    Paths that do not exist are left out. Raises OSError when the kernel refuses.
    """
    handled = (1 << 13) - 1
    for since, added in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEV)):
        handled |= added if version >= since else 0
    network = _BIND_AND_CONNECT_TCP if version >= 4 else 0
    rules = _create(handled, network, _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0)
    for path, right in paths:
        with contextlib.suppress(FileNotFoundError):
            _allow(rules, path, RIGHTS[right] & handled)
    return rules


def restrict(rules: int, version: int) -> None:
    """Hold this process and its descendants, for good, to a ruleset; needs no_new_privs. Raises OSError."""
    # Refusals are what the wall is for: they would only fill the machine's audit log.
    _call(_RESTRICT_SELF, rules, _NO_AUDIT if version >= 7 else 0)


def scope_signals(version: int) -> bool:
    """Let this process signal itself and its descendants only, so that `kill(-1)` means these alone.

    False where the kernel cannot (before ABI 6). A refused signal to the parent is the proof that it holds.
    """
    if version < 6:
        return False
    # Moving files between folders is refused to whoever is restricted at all, unless a rule allows it.
    rules = _create(_REFER, 0, _SIGNALS)
    try:
        _allow(rules, "/", _REFER)
        restrict(rules, version)
    finally:
        os.close(rules)
    try:
        os.kill(os.getppid(), 0)
    except PermissionError:
        return True
    return False


def refuse_calls(program: bytes) -> None:
    """Install a seccomp filter (an array of struct sock_filter) for good; needs no_new_privs. Raises OSError."""
    steps = list(struct.iter_unpack("=HBBI", program))
    own = os.getpid()
    code = b"".join(struct.pack("=HBBI", *step[:3], own if step[3] == OWN_PROCESS else step[3]) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(buffer)))
    if _LIBC.prctl(_SET_SECCOMP, _FILTER, header, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp filter refused")


def prove(confine: Callable[[], None], scratch: str) -> None:
    """Confine a child and let it try the walls; raises RuntimeError that says what gave."""
    parent, (told, tell) = os.getpid(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            confine()
            os.write(tell, (_weak_spot(parent, scratch) or "held").encode())
        except BaseException as error:
            os.write(tell, repr(error).encode()[:300])
        finally:
            os._exit(0)
    os.close(tell)
    with open(told, encoding="utf-8", errors="replace") as answer:
        found = answer.read()
    os.waitpid(child, 0)
    if found != "held":
        raise RuntimeError(f"the wall does not stand: {found or 'the confined process died'}")


def _weak_spot(parent: int, scratch: str) -> str | None:
    """What a confined process can do but must not; what it must be able to do raises its own error."""
    refused: dict[str, Callable[[], object]] = {
        "it lists /": lambda: os.listdir("/"),
        "it reads another process": lambda: os.open(f"/proc/{parent}/status", os.O_RDONLY),
        "it writes outside its folder": lambda: os.mkdir(os.path.join(os.path.dirname(scratch), "x")),
        "it changes files outside": lambda: os.utime(os.path.dirname(scratch)),
        "it signals its parent": lambda: os.kill(parent, 0),
        "it slows its parent": lambda: os.setpriority(os.PRIO_PROCESS, parent, 1),
        "it opens a socket": lambda: socket.socket().close(),
    }
    for spot, attempt in refused.items():
        try:
            attempt()
            return spot
        except PermissionError:
            continue
    path = os.path.join(scratch, "x")
    os.mkdir(path)
    os.rmdir(path)
    # A module that nothing has loaded: Python's own files must be within reach.
    importlib.import_module("xml.dom.minidom")
    return None


def tasks_of_the_machine() -> int:
    """Processes and threads of the whole machine now: never fewer than the user has, whatever /proc hides."""
    with open("/proc/loadavg") as handle:
        return int(handle.read().split()[3].split("/")[1])


def _create(files: int, network: int, scoped: int) -> int:
    attributes = struct.pack("=QQQ", files, network, scoped)
    return _call(_CREATE_RULESET, attributes, len(attributes), 0)


def _allow(rules: int, path: str, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        allowed = rights if stat.S_ISDIR(os.fstat(parent).st_mode) else rights & _FOR_FILES
        _call(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", allowed, parent), 0)
    finally:
        os.close(parent)


def _call(number: int, *arguments: int | bytes) -> int:
    passed = [ctypes.c_long(item) if isinstance(item, int) else ctypes.c_char_p(item) for item in arguments]
    result = _LIBC.syscall(ctypes.c_long(number), *passed)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"landlock system call {number} refused")
    return result
