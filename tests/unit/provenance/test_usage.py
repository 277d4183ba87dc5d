"""What a job takes is found over its whole tree of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from deepcoder.provenance.usage import Usage

BUSY = (
    "import time\nheld = bytearray(60 << 20)\nend = time.process_time() + 1.0\nwhile time.process_time() < end: pass\n"
)
INNER = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}])\n"


def test_time_and_memory_of_grandchildren_count_also_when_they_have_ended() -> None:
    usage = Usage()
    usage.look()
    before = usage.cpu_s
    with subprocess.Popen([sys.executable, "-c", INNER]) as child:
        while child.poll() is None:
            usage.look()
            time.sleep(0.1)
    found = usage.end()
    assert 0.9 <= found["cpu_s"] - before < 1.8
    assert found["peak_mb"] >= 60


def test_time_of_what_ended_without_being_waited_for_counts() -> None:
    usage = Usage()
    usage.look()
    before = usage.cpu_s
    # It waits without reaping, so that the time goes to nobody.
    wait = "os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)\nos._exit(0)\n"
    inner = f"import os, subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', {BUSY!r}])\n{wait}"
    with subprocess.Popen([sys.executable, "-c", inner]) as child:
        while child.poll() is None:
            usage.look()
            time.sleep(0.1)
    assert usage.end()["cpu_s"] - before >= 0.7


def test_what_was_seen_and_then_waited_for_counts_once() -> None:
    usage = Usage()
    usage.look()
    before = usage.cpu_s
    with subprocess.Popen([sys.executable, "-c", BUSY]) as child:
        while child.poll() is None:
            usage.look()
            time.sleep(0.1)
    usage.look()
    assert 0.9 <= usage.cpu_s - before < 1.8


def test_what_others_take_does_not_count() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import time; held = bytearray(60 << 20); time.sleep(30)"], start_new_session=True
    ) as stranger:
        command = "from deepcoder.provenance.usage import Usage; print(Usage().end()['peak_mb'])"
        path = os.pathsep.join(sys.path)
        own = subprocess.run(
            [sys.executable, "-c", command], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
        )
        stranger.kill()
    assert 0 < float(own.stdout) < 60
