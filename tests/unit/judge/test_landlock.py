"""The level `landlock`: chosen where bubblewrap cannot start, with its own walls in the place of namespaces."""

# Programs under test read best on one line.
# ruff: noqa: E501

import os
from collections.abc import Iterator

import pytest

from deepcoder.errors import UserError
from deepcoder.judge import JudgePool, Submission, isolation, isolation_level
from deepcoder.judge.inside import folder
from deepcoder.judge.model import Limits
from deepcoder.judge.sandbox import Job, RawRun, Sandbox

pytestmark = pytest.mark.skipif(isolation.landlock_abi() == 0, reason="this kernel offers no Landlock")


@pytest.fixture
def no_bubblewrap(monkeypatch) -> None:
    monkeypatch.setattr(isolation, "bwrap_failure", lambda: "user namespaces are forbidden")


@pytest.fixture(scope="module")
def landlock() -> Iterator[JudgePool]:
    with JudgePool(1, isolation="landlock") as pool:
        yield pool


@pytest.mark.usefixtures("no_bubblewrap")
def test_auto_takes_landlock_where_bubblewrap_fails_and_every_record_says_so():
    found = isolation_level("auto")
    assert found.level == "landlock"
    assert any("sampled" in gap for gap in found.not_enforced)
    with JudgePool(1) as pool:
        tests = [{"input": "", "output": "1"}]
        verdicts = [pool.judge(Submission("s", "stdin", f"print({n})", tests)) for n in (1, 2)]
    assert [(verdict.verdict, verdict.isolation) for verdict in verdicts] == [("AC", "landlock"), ("WA", "landlock")]


@pytest.mark.usefixtures("no_bubblewrap")
def test_an_error_names_what_both_levels_miss_and_the_remedy(monkeypatch):
    with pytest.raises(UserError, match=r"bwrap: user namespaces .* Allow"):
        isolation_level("bwrap")
    monkeypatch.setattr(isolation, "landlock_failure", lambda: "this kernel offers no Landlock")
    with pytest.raises(UserError, match=r"bwrap: user .*; landlock: this kernel .*judge.isolation=process") as caught:
        JudgePool(1)
    assert "apparmor_restrict_unprivileged_userns" in str(caught.value)
    with pytest.raises(UserError, match="landlock: this kernel"):
        isolation_level("landlock")


@pytest.mark.usefixtures("no_bubblewrap")
def test_a_sandbox_whose_walls_do_not_stand_is_not_used(monkeypatch):
    monkeypatch.setattr(isolation, "filter_program", lambda *abi: b"\x06\x00\x00\x00\x00\x00\xff\x7f")
    isolation.landlock_failure.cache_clear()
    try:
        with pytest.raises(UserError, match="it changes files outside"):
            isolation_level("auto")
    finally:
        isolation.landlock_failure.cache_clear()


LEFT_TO_SECCOMP = {
    "mode of its own file": "open('x', 'w').close()\nos.chmod('x', 0o600)",
    "mode by descriptor": "os.fchmod(os.open('x', os.O_CREAT), 0o600)",
    "owner": "os.chown('.', -1, -1)",
    "times": "os.utime('.')",
    "attributes": "os.setxattr('.', 'user.x', b'x')",
    "notice of changes": "import ctypes\nif ctypes.CDLL(None, use_errno=True).inotify_init1(0) < 0: raise OSError(ctypes.get_errno(), '')",
    "datagrams from a pair": "import socket\nsocket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "a name for a pair": "import socket\nsocket.socketpair()[0].bind('\\0x')",
    "another's priority": "os.setpriority(os.PRIO_PROCESS, os.getppid(), 1)",
    "all one's processes": "os.setpriority(os.PRIO_USER, 0, 1)",
    "another's processors": "os.sched_setaffinity(os.getppid(), {0})",
    "another's limits": "import resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "another's signals": "os.kill(os.getppid(), 0)",
    "a socket": "import socket\nsocket.socket()",
}


@pytest.mark.parametrize("way", LEFT_TO_SECCOMP)
def test_what_landlock_does_not_govern_is_refused(way, landlock):
    (out,) = landlock.run(f"import os\n{LEFT_TO_SECCOMP[way]}", "stdin", [""])
    assert (out.status, "[Errno 1]" in out.detail) == ("RE", True), out


LEFT_TO_LANDLOCK = {
    "the password file": "open('/etc/passwd')",
    "its own process": "open('/proc/self/status')",
    "packages beside numpy": "import numpy\nos.listdir(os.path.dirname(os.path.dirname(os.path.realpath(numpy.__file__))))",
    "shared memory": "os.open('/dev/shm/x', os.O_CREAT)",
    "the folder of temporary files": "open(os.path.join(os.path.dirname(os.path.dirname(os.getcwd())), 'x'), 'w')",
    "beside its folder": "os.mkdir('../x')",
    "Python's library": "open(os.__file__, 'a')",
    "a link out": "os.symlink('/etc', 'e')\nopen('e/passwd')",
    "moving out": "open('x', 'w').close()\nos.rename('x', '../x')",
    "another program": "os.execv('/bin/true', ['true'])",
    "a device": "open('/dev/null', 'w').close()\nopen('/dev/tty')",
}


@pytest.mark.parametrize("way", LEFT_TO_LANDLOCK)
def test_nothing_outside_is_opened(way, landlock):
    (out,) = landlock.run(f"import os\n{LEFT_TO_LANDLOCK[way]}", "stdin", [""])
    assert out.status == "RE"
    assert "PermissionError" in out.detail or "Invalid cross-device link" in out.detail


def test_programs_may_use_modules_devices_folders_and_each_other(landlock):
    program = (
        "import os, signal, random, tempfile, xml.dom.minidom, encodings.shift_jis\nos.urandom(8), open('/dev/urandom', 'rb').read(1)\n"
        "print('x', file=open('/dev/null', 'w'))\nwith tempfile.TemporaryDirectory() as f:\n    os.makedirs(f + '/a/b')\n"
        "    open(f + '/a/b/c', 'w').write('x')\n    os.rename(f + '/a/b/c', f + '/c')\n    print(sorted(os.listdir(f)), len(os.listdir()))\n"
        "child = os.fork()\nif child == 0: signal.pause()\nos.kill(child, 9)\nprint(os.waitpid(child, 0)[1])\nimport sortedcontainers"
    )
    (out,) = landlock.run(program, "stdin", [""])
    assert (out.status, out.detail) == ("OK", "")
    assert out.stdout == b"['a', 'c'] 1\n9\n"


def run_once(sandbox: Sandbox, program: str, cpu_s: float = 2.0) -> RawRun:
    job = Job("stdin", program, None)
    try:
        (raw,) = sandbox.run(job, [b""], Limits(cpu_s))
        return raw
    finally:
        job.close()


def test_nested_and_locked_folders_are_emptied_without_a_new_sandbox():
    program = (
        "import os\nassert os.listdir() == []\nos.umask(0o777)\nos.mkdir('locked')\nos.umask(0)\nos.makedirs('a/b/c')\n"
        "open('a/b/x', 'w').close()\nos.mkdir('a/b/empty', 0)\nos.symlink('/', 'a/link')\nos.mkfifo('a/fifo')\n"
        "import time\ntime.sleep(0.1)"
    )
    with Sandbox("landlock") as sandbox:
        assert [run_once(sandbox, program).status for _ in range(3)] == [0, 0, 0]
        assert sandbox.alive
        left = str(sandbox._folder)
        assert os.path.isdir(left)
    assert not os.path.exists(left)


FILLING = {
    "bytes": "i = 0\nwhile True:\n    i += 1\n    open(str(i), 'wb').write(b'x' * (1 << 24))",
    "depth": "import os\nwhile True:\n    os.mkdir('a')\n    os.chdir('a')",
    "hidden": "import os, time\nos.mkdir('a', 0o300)\nfor i in range(9): open(f'a/{i}', 'wb').write(b'x' * (1 << 24))\nwhile True: time.sleep(1)",
}


@pytest.mark.parametrize("way", FILLING)
def test_a_folder_that_grows_too_large_ends_the_program_and_is_removed(way):
    with Sandbox("landlock") as sandbox:
        left = str(sandbox._folder)
        assert run_once(sandbox, FILLING[way], 5.0).reason == "disk"
    assert not os.path.exists(left)


def test_too_many_files_are_told_as_the_reason(landlock):
    program = "i = 0\nwhile True:\n    i += 1\n    open(str(i), 'w').close()"
    (out,) = landlock.run(program, "stdin", [""], time_limit_s=5.0)
    assert (out.status, out.detail) == ("RE", "too many or too large files in the scratch folder")


OLDER = {
    "signal": "os.kill(os.getppid(), 0)",
    "signal to all": "os.kill(-1, 0)",
    "signal to a thread": "import ctypes\nif ctypes.CDLL(None, use_errno=True).syscall({'x86_64': 234}.get(os.uname().machine, 131), os.getppid(), os.getppid(), 0): raise OSError(ctypes.get_errno(), '')",
    "signal by descriptor": "import signal\nsignal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)",
    "owner of a descriptor": "import fcntl\nfcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, os.getppid())",
}
OLDEST = {
    "emptying by name": "os.truncate(os.__file__, 0)",
    "emptying by opening": "os.open(os.__file__, os.O_RDONLY | os.O_TRUNC)",
    "emptying by opening without access": "os.open(os.__file__, 3 | os.O_TRUNC)",
}


@pytest.mark.parametrize("abi", [1, 4])
def test_an_older_kernel_is_helped_by_the_filter(abi, monkeypatch):
    real = isolation.landlock_abi()
    monkeypatch.setattr(isolation, "landlock_abi", lambda: min(abi, real))
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    with JudgePool(1, isolation="landlock") as pool:
        for code in {**OLDER, **(OLDEST if abi < 3 else {})}.values():
            (out,) = pool.run(f"import os\n{code}", "stdin", [""])
            assert (out.status, "[Errno 1]" in out.detail) == ("RE", True), (code, out)
        own = "import os, signal\nprint(1, file=open('x', 'w'))\nos.kill(os.getpid(), 0)\nprint(open('x').read())\nos.abort()"
        (out,) = pool.run(own, "stdin", [""])
        assert out.detail == "killed by SIGABRT"
        assert pool.run(bomb, "stdin", [""], time_limit_s=0.5)[0].status == "TLE"
        assert pool.run("print(1)", "stdin", [""])[0].stdout == b"1\n"


def test_a_folder_is_measured_and_emptied_without_following_links(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "a" / "b").mkdir(parents=True)
    (inside / "a" / "b" / "link").symlink_to(outside)
    assert not folder.exceeds(str(inside), 1 << 20, 4)
    assert folder.exceeds(str(inside), 1 << 20, 3)
    assert not folder.empty(str(inside), 2)
    assert folder.empty(str(inside), 100)
    folder.remove(str(inside))
    assert not inside.exists()
    assert (outside / "kept").read_text() == "x"
