"""A program that fights the judge gets no answer, no verdict, no outlet, and leaves nothing behind."""

# Programs under test read best on one line.
# ruff: noqa: E501

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepcoder.judge import JudgePool, Submission

SECRET = "secret-4217"

STEALING = {
    "frames": (
        "import sys\nf = sys._getframe()\nwhile f:\n    print([v for v in map(str, f.f_locals.values()) if 'secret-' in v])\n"
        "    f = f.f_back"
    ),
    "garbage collector": "import gc\nprint([o for o in gc.get_objects() if isinstance(o, (str, dict)) and 'secret-' in str(o)])",
    "own memory": (
        "import re\nfor line in open('/proc/self/maps'):\n    a, b = (int(x, 16) for x in line.split()[0].split('-'))\n"
        "    if 'r' not in line.split()[1] or 'vvar' in line or 'vsyscall' in line: continue\n"
        "    with open('/proc/self/mem', 'rb') as m:\n        m.seek(a)\n        try: data = m.read(b - a)\n"
        "        except OSError: continue\n    for x in re.findall(rb'secret-\\d+', data): print(x.decode())"
    ),
    "parent memory": "import os\nprint(open(f'/proc/{os.getppid()}/mem', 'rb').read(10))",
    "parent descriptors": "import os\nfor n in os.listdir(f'/proc/{os.getppid()}/fd'): print(open(f'/proc/{os.getppid()}/fd/{n}').read())",
    "own descriptors": (
        "import os\nfor n in range(3, 1024):\n    try:\n        os.lseek(n, 0, 0)\n        print(os.read(n, 9999).decode())\n"
        "    except OSError: pass"
    ),
    "environments and arguments": (
        "import os\nfor p in os.listdir('/proc'):\n    for f in ('environ', 'cmdline'):\n"
        "        try: print(open(f'/proc/{p}/{f}').read())\n        except OSError: pass"
    ),
    "files": (
        "import os, sys\nfor d, _, names in os.walk('/'):\n    if d.startswith(('/proc', '/usr', '/dev', '/packages', sys.base_prefix)): continue\n"
        "    for n in names:\n        try:\n            if 'secret-' in open(os.path.join(d, n), errors='replace').read(1 << 20): print(n)\n"
        "        except OSError: pass"
    ),
    "read another process": (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print('ptrace', libc.ptrace(16, 1, 0, 0), 'ok' if ctypes.get_errno() == 0 else 'refused')"
    ),
}


@pytest.mark.parametrize("way", STEALING)
def test_expected_output_is_nowhere_to_be_found(way, pool):
    submission = Submission("thief", "stdin", STEALING[way], [{"input": "x", "output": SECRET}], time_limit_s=8.0)
    assert pool.judge(submission).verdict in ("WA", "RE")
    (out,) = pool.run(STEALING[way], "stdin", ["x"])
    assert SECRET.encode() not in out.stdout


def test_another_submission_is_not_in_memory_either(pool):
    other = Submission("other", "stdin", f"print('{SECRET}')", [{"input": SECRET, "output": SECRET}])
    for _ in range(4):
        assert pool.judge(other).verdict == "AC"
        (out,) = pool.run(STEALING["own memory"], "stdin", ["x"])
        assert b"4217" not in out.stdout


EQUAL_TO_ALL = (
    "class E{base}:\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\n    __hash__ = None\n"
)


@pytest.mark.parametrize("base", ["", "(int)", "(str)", "(float)", "(list)", "(dict)"])
def test_an_object_equal_to_everything_is_compared_as_plain_data(base, call):
    program = EQUAL_TO_ALL.format(base=base) + "def f(): return E()"
    assert call(program, [], "expected").verdict == "WA"


FORGING = {
    "claim a value": "import os, json\nos.pwrite(250, json.dumps({'verdict': 'AC', 'value': 1}).encode(), 0)\nos._exit(0)",
    "poison the encoder": 'import json\njson.dumps = lambda *a, **k: \'{"verdict": "AC"}\'\ndef f(): return 0',
    "exit before returning": "import sys\ndef f(): sys.exit(0)",
    "leave before returning": "import os\ndef f(): os._exit(0)",
    "leave at import": "import os\nos._exit(0)",
    "patch the comparison": "import operator, builtins\nbuiltins.all = builtins.any = lambda *a: True\ndef f(): return 0",
    "raise": "def f(): raise BaseException",
    "endless value": "def f():\n    x = []\n    x.append(x)\n    return x",
    "huge value": "def f():\n    x = [0]\n    for _ in range(60): x = [x, x]\n    return x",
    "generator": "def f(): yield 'expected'",
}


@pytest.mark.parametrize("way", FORGING)
def test_a_verdict_cannot_be_forged(way, call):
    assert call(FORGING[way], [], "expected").verdict in ("WA", "RE", "MLE", "TLE", "OLE")


ATTACKS = {
    "kill the parent": "import os, signal\nfor p in (os.getppid(), 1, -1):\n    os.kill(p, signal.SIGKILL)",
    "stop the parent": "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)",
    "write to the parent": "import os\nopen(f'/proc/{os.getppid()}/mem', 'wb').write(b'x')",
    "limit the parent": "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "slow the parent": "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "thread bomb": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
    "memory bomb of many": "import os\nfor _ in range(40): os.fork()\nx = bytearray(b'x' * (200 << 20))\nwhile True: pass",
    "shared memory bomb": "i = 0\nwhile True:\n    i += 1\n    open(f'/dev/shm/{i}', 'wb').write(b'x' * (1 << 24))",
    "disk bomb": "i = 0\nwhile True:\n    i += 1\n    open(f'{i}', 'wb').write(b'x' * (1 << 24))",
    "folders": "import os\nwhile True:\n    os.mkdir('a')\n    os.chdir('a')",
    "delete everything": "import os, shutil\nshutil.rmtree('/', ignore_errors=True)\nprint(os.path.exists('/judge/zygote.py'))\n1 / 0",
    "overwrite the judge": "open('/judge/zygote.py', 'w').write('x')",
    "overwrite the library": "import os\nopen(os.__file__, 'w').write('x')",
    "new namespace": "import os, ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "mount": "import ctypes\nassert ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, 0) == 0",
    "tcp": "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)",
    "abstract unix socket": "import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0x')",
    "shared memory of old": "import ctypes\nassert ctypes.CDLL(None).shmget(1, 4096, 0o1666) >= 0",
    "ignore all signals": (
        "import signal\nfor s in range(1, 64):\n    try: signal.signal(s, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass"
    ),
    "fake the clock": "import time\ntime.time = time.monotonic = time.perf_counter = time.process_time = lambda: 0\nwhile True: pass",
    "raise the limit": "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (999, 999))\nwhile True: pass",
}


@pytest.mark.parametrize("way", ATTACKS)
def test_an_attack_fails_and_the_next_program_is_judged(way, stdin):
    verdict = stdin(ATTACKS[way], "", "right", time_limit_s=0.7, memory_limit_mb=256)
    assert verdict.verdict in ("WA", "RE", "TLE", "MLE", "OLE")
    for _ in range(2):
        assert stdin("print('right')", "", "right").verdict == "AC"


LEAVING = {
    "daemon": (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(77)\n    os._exit(0)\nprint(1)"
    ),
    "stubborn child": (
        "import os, signal, time\nif os.fork() == 0:\n    signal.signal(15, signal.SIG_IGN)\n    time.sleep(77)\nprint(1)\nos._exit(0)"
    ),
}


@pytest.mark.parametrize("way", LEAVING)
def test_no_process_outlives_its_test(way, level):
    with JudgePool(workers=1, isolation=level) as pool:
        pool.run("pass", "stdin", [""])
        before = descendants(os.getpid())
        (out,) = pool.run(LEAVING[way], "stdin", [""])
        assert out.status == "OK"
        assert descendants(os.getpid()) == before


def test_state_and_files_of_one_test_do_not_reach_the_next(level):
    folders = ["/tmp", "/dev/shm"] if level == "bwrap" else ["."]
    program = (
        f"import builtins, os, sys, math\nfolders = {folders}\n"
        "print([os.listdir(f) for f in folders], hasattr(builtins, 'x'), hasattr(math, 'x'))\nbuiltins.x = math.x = 1\n"
        "os.umask(0o777)\nfor f in folders: open(f + '/x', 'w').write('x')\n"
        "os.mkdir(folders[0] + '/locked')\nos.umask(0)\nos.makedirs(folders[0] + '/a/b/c')\n"
        "open(folders[0] + '/a/b/c/x', 'w').write('x')\nos.mkdir(folders[0] + '/a/b/read-only', 0o500)"
    )
    with JudgePool(workers=1, isolation=level) as single:
        outputs = single.run(program, "stdin", [""] * 3)
    assert {(out.status, out.stdout) for out in outputs} == {("OK", f"{[[] for _ in folders]} False False\n".encode())}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for temporary files like /tmp, but nobody else's; pytest's own is closed to other users."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o1777)
    yield made
    shutil.rmtree(made)


def test_closing_the_pool_leaves_no_process_no_descriptor_and_no_file(level, folder, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with JudgePool(workers=1, isolation=level) as pool:
        pool.run("pass", "stdin", [""])
    before, descriptors = descendants(os.getpid()), len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        with JudgePool(workers=2, isolation=level) as pool:
            pool.map([Submission(str(n), "stdin", "import numpy", [{"input": "", "output": ""}]) for n in range(4)])
    assert descendants(os.getpid()) == before
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert list(folder.iterdir()) == []


def test_a_killed_judge_takes_its_sandboxes_and_their_files_along(level, folder):
    code = (
        f"import time\nfrom deepcoder.judge import JudgePool, Submission\npool = JudgePool(1, {level!r})\n"
        "pool.submit(Submission('s', 'stdin', 'import time\\ntime.sleep(60)', [{'input': '', 'output': ''}], time_limit_s=60))\n"
        "time.sleep(0.7)\nprint('started', flush=True)\ntime.sleep(60)"
    )
    paths = os.pathsep.join(sys.path)
    environment = {"PYTHONPATH": paths, "TMPDIR": str(folder)}
    judge = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
    assert judge.stdout is not None
    assert judge.stdout.readline() == b"started\n"
    started = descendants(judge.pid)
    assert len(started) >= (3 if level == "bwrap" else 2)
    judge.kill()
    judge.wait()
    judge.stdout.close()
    deadline = time.monotonic() + 10
    while alive(started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(started)
    assert list(folder.iterdir()) == []


def test_the_sandbox_runs_as_a_user_of_its_own_without_capabilities(pool):
    program = (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nheader, sets = (ctypes.c_uint32 * 2)(0x20080522), (ctypes.c_uint32 * 6)()\n"
        "libc.capget(header, sets)\nprint(any(sets), sum(libc.prctl(23, n, 0, 0, 0) == 1 for n in range(64)))\n"
        "print(libc.prctl(39, 0, 0, 0, 0), libc.prctl(21, 0, 0, 0, 0))\nprint(*os.getresuid(), *os.getresgid(), *os.getgroups())"
    )
    (out,) = pool.run(program, "stdin", [""])
    capabilities, walls, users = out.stdout.decode().splitlines()
    effective, bounding = capabilities.split()
    assert effective == "False"
    # Without privileges, and without a namespace, the bounding set cannot be changed; it gives nothing.
    assert bounding == "0" or (pool.isolation.level == "landlock" and os.geteuid() != 0)
    assert walls == "1 2"
    assert "0" not in users.split()


def test_the_sandbox_shows_little_more_than_python(pool):
    program = (
        "import os\nprint(*sorted(os.environ))\nfor f in (lambda: print(*os.listdir('/')), lambda: print(os.listdir('/etc')),\n"
        "    lambda: print(open('/bin/sh', 'rb')), lambda: os.execv('/bin/sh', ['sh', '-c', 'echo yes'])):\n"
        "    try: f()\n    except OSError as e: print('none')"
    )
    (out,) = pool.run(program, "stdin", [""])
    environment, root, etc, shell, run = out.stdout.decode().splitlines()
    assert set(environment.split()) <= {
        "HOME", "LANG", "LC_ALL", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PWD", "PYTHONDONTWRITEBYTECODE",
        "PYTHONHASHSEED", "TMPDIR", "TZ",
    }  # fmt: skip
    assert "etc" not in root.split()
    assert "home" not in root.split()
    assert (etc, shell, run) == ("none", "none", "none")


def descendants(root: int) -> set[int]:
    """Ids of the living processes below `root`, in whatever namespace they run."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found, stack = set(), [root]
    while stack:
        below = children.get(stack.pop(), [])
        found.update(below)
        stack += below
    return found


def alive(pids: set[int]) -> set[int]:
    """Those of the processes that still exist (no process is started meanwhile that could take their ids)."""
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}
