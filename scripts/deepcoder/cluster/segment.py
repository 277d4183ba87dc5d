"""One job's part of a rule's command, from inside the allocation: signals, Ray across nodes, and a note of the end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from deepcoder.cluster.lease import Ended, has_ended_well, write_end
from deepcoder.cluster.nodes import ray_over_nodes
from deepcoder.errors import TEMPORARY_FAILURE, Resumable, UserError

# SLURM warns by SIGUSR1 before a time limit, and sends SIGTERM when it cancels, preempts or requeues.
WARNINGS = (signal.SIGUSR1, signal.SIGTERM)


def run_segment(desk: Path, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command to its end, with Ray on all nodes of the allocation where there are several, and write that down.

    Whatever SLURM says is handed on as SIGUSR1, which every door takes as: save what you have and end. Nothing is run
    in a job that has ended well before: where a node dies just then, SLURM does not know and starts the job again,
    while others read its output already.

    Returns:
        its exit status.
    """
    if has_ended_well(desk, environment["SLURM_JOB_ID"]):
        return 0
    asked, start = False, time.time()
    child: subprocess.Popen[bytes] | None = None

    def heard(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        if child is not None:
            child.send_signal(signal.SIGUSR1)

    before = {number: signal.signal(number, heard) for number in WARNINGS}
    try:
        with ray_over_nodes(desk / "nodes") as held:
            # A session of its own: SLURM signals the whole group of a batch script, and a second signal means haste.
            child = subprocess.Popen(command, env={**environment, **held.environment}, start_new_session=True)
            if asked:
                child.send_signal(signal.SIGUSR1)
            status = child.wait()
            # Ray ends a process without a word when it finds that process's node lost.
            if status and (lost := held.lost()):
                print(f"error: Ray was lost on node {', '.join(lost)}; run again to resume", file=sys.stderr)
                status = TEMPORARY_FAILURE
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = TEMPORARY_FAILURE if isinstance(error, Resumable) else 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    ended = Ended(status, asked, socket.gethostname(), start, time.time())
    write_end(desk, environment, ended)
    return status
