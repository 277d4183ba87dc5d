"""Does the judge last? Many mixed submissions in a row, and what they left behind.

    .venv/bin/python tests/benchmarks/judge_endurance.py [--count 10000] [--workers 2] [--quick]

Honest, wrong, crashing and endless programs, memory hogs, floods, and programs that leave files, children, daemons
and open descriptors. Each must get its verdict; afterwards the judge and its sandboxes must hold what they held
after the first hundred, and nothing at all when closed. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.harness.endurance import endure, growth, holdings, settled

from deepcoder.judge import JudgePool

WARM_UP = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a twentieth of it")
    args = parser.parse_args()
    count = args.count // 20 if args.quick else args.count
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder  # so that files of other judges on this machine are not taken for ours
        run(count, args.workers)


def run(count: int, workers: int) -> None:
    """Judge, and print what happened."""
    nothing = holdings()
    with JudgePool(workers) as pool:
        wrong = endure(pool, WARM_UP)
        settled(pool)
        warm = holdings()
        start = time.monotonic()
        wrong += endure(pool, count)
        seconds = time.monotonic() - start
        grown = growth(warm, pool)
    left = growth(nothing)
    print("\n".join(wrong[:50]))
    print(f"after {count} submissions in {seconds:.0f} s the open judge holds, beyond the first {WARM_UP}: {grown}")
    print(f"closed, it has left: {left}")
    found = {
        "submissions": count,
        "wrong_verdicts": len(wrong),
        "grown": asdict(grown),
        "left": {key: asdict(left)[key] for key in ("processes", "descriptors", "files")},
        "submissions_per_s": round(count / seconds, 1),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
