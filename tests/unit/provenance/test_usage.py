"""What a job takes is found over its whole tree of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from deepcoder.provenance.usage import Usage

BUSY = (
    "import time\nheld = bytearray(60 << 20)\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\n"
)
INNER = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BUSY!r}])\n"


def test_time_and_memory_of_grandchildren_count_also_when_they_have_ended() -> None:
    usage = Usage()
    with subprocess.Popen([sys.executable, "-c", INNER]) as child:
        while child.poll() is None:
            usage.look()
            time.sleep(0.02)
    found = usage.end()
    assert found["cpu_s"] >= 0.5
    assert found["peak_mb"] >= 60


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
