"""What a stage has done so far, a line of JSON each, for whoever watches it; the stage itself never reads it.

Lines are only ever added: a start names the steps that it goes on from, and what was done after them is void. A reader
(progress/stage.py) thus sees no step twice, and sees what each interruption has cost.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepcoder.files import writing

NAME = "progress.jsonl"


class ProgressLog:
    """The file in a stage's work folder."""

    def __init__(self, work: Path) -> None:
        self.path = work / NAME

    def started(self, done: int) -> None:
        """This process goes on after `done` steps."""
        job = os.environ.get("SLURM_JOB_ID", "")
        self._append({"start": done, "host": socket.gethostname(), "pid": os.getpid(), "job": job})

    def finished(self, metrics: Mapping[str, Any], timings: Mapping[str, Any]) -> None:
        """A step's rows (schemas.metrics.METRICS, TIMINGS)."""
        self._append({"metrics": metrics, "timings": timings})

    def _append(self, value: Mapping[str, Any]) -> None:
        line = json.dumps({"at": time.time(), **value}) + "\n"
        # The first newline ends what a killed process left half-written.
        with writing(self.path), open(self.path, "ab", buffering=0) as handle:
            handle.write(f"\n{line}".encode() if "start" in value else line.encode())
