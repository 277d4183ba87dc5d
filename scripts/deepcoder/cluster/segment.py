"""One job's part of a rule's command, from inside the allocation: signals, Ray across nodes, and a note of the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from deepcoder.cluster.lease import Ended, write_end

# SLURM warns by SIGUSR1 before a time limit, and sends SIGTERM when it cancels, preempts or requeues.
WARNINGS = (signal.SIGUSR1, signal.SIGTERM)


def run_segment(desk: Path, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end and write that down.

    Whatever SLURM says is handed on as SIGUSR1, which every door takes as: save what you have and end.

    Returns:
        its exit status.
    """
    asked, start = False, time.time()
    child: subprocess.Popen[bytes] | None = None

    def heard(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        if child is not None:
            child.send_signal(signal.SIGUSR1)

    before = {number: signal.signal(number, heard) for number in WARNINGS}
    try:
        # A session of its own: SLURM signals the whole group of a batch script, and a second signal means haste.
        child = subprocess.Popen(command, env=dict(environment), start_new_session=True)
        if asked:
            child.send_signal(signal.SIGUSR1)
        status = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    ended = Ended(status, asked, socket.gethostname(), start, time.time())
    write_end(desk, os.environ, ended)
    return status
