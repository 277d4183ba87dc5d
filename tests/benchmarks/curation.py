"""What does curation cost, and is it the same whoever does it? The doors themselves, each in a process of its own.

    .venv/bin/python tests/benchmarks/curation.py [--full | --statements N --tests-mb MB] [--data FOLDER]

1. Verified problems per CPU-minute: verify.py on light programs with 15 tests each, start and imports included, and a
   verifier that starts an interpreter with numpy and pandas for each test, as DeepCoder's does [rllm@18e446c
   rllm/rewards/code_utils]; the same program, the same tests, each once. The peer judges two tests of every sixth
   program, because each costs the same import.
2. Similar statements against datasketch, in one run (similarity.py).
3. From raw files of true shape to the training set, at 1/4, 1/2 and all of the statements: CPU time and peak memory of
   each door. `--full` is 200,000 statements and 5 GB of tests, which takes about half an hour and 20 GB of disk.
4. The same bytes from rows in another order, from another number of workers, and after a kill.

With `--data FOLDER`, which holds a folder of raw files for each training source, part 3 runs on those.
The last line is one JSON object; memory is of the largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from deepcoder.files import sha256_files  # noqa: E402
from deepcoder.manifest import read_manifest, write_manifest  # noqa: E402
from deepcoder.schemas.curated import VERIFIED  # noqa: E402
from deepcoder.schemas.problem import PROBLEM  # noqa: E402
from deepcoder.schemas.table import read_table, write_table  # noqa: E402
from deepcoder.schemas.tests_store import TestsStore  # noqa: E402
from tests.benchmarks import similarity  # noqa: E402
from tests.benchmarks.corpus import LIGHT_PROBLEMS  # noqa: E402
from tests.benchmarks.harness import peers  # noqa: E402
from tests.benchmarks.harness.raw_rows import SHARES, statement, write_raw  # noqa: E402
from tests.benchmarks.judge import TESTS, groups_of, row, run  # noqa: E402

COPIES = 12  # of each light program
GOALS = {"verify_vs_deepcoder": 50, "dedup_vs_datasketch": 15, "dedup_end_to_end": 4, "recall": 0.95, "precision": 1.0}
PEAK_MB = 4000
Found = dict[str, Any]


@dataclass(frozen=True)
class Spent:
    """What a door's process and its children took."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def door(name: str, *words: object, env: dict[str, str] | None = None) -> Spent:
    """Run a door to its end."""
    start = time.monotonic()
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *map(str, words), "scale=paper"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, **(env or {})})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {' '.join(command)} ended with {process.returncode}")
    return Spent(usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss / 1000)
