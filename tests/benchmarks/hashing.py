"""What hashing costs a finished run: every file that its records name is hashed again, as often as they name it.

Last line: {"hashing_seconds": ..., "run_seconds": ..., "share": ...}; the run's seconds are those of its jobs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from deepcoder.files import sha256_files  # noqa: E402
from deepcoder.provenance.record import payload_of  # noqa: E402
from deepcoder.provenance.why import jobs_below  # noqa: E402


def hashed(record: Mapping[str, Any]) -> Iterator[Path]:
    """Files that a job has hashed: its inputs and outputs, and what the manifests it wrote list."""
    yield from (Path(item["path"]) for item in record["inputs"] if "sha256" in item)
    for item in record["outputs"]:
        yield Path(item["path"])
        yield from payload_of(Path(item["path"]))


def main(results: Path) -> None:
    jobs = jobs_below(results)
    if not jobs:
        sys.exit(f"error: {results} has no records; run make smoke first")
    spans = [datetime.fromisoformat(job["end"]) - datetime.fromisoformat(job["start"]) for job in jobs]
    run = sum(span.total_seconds() for span in spans)
    files = [list(hashed(job)) for job in jobs]
    start = time.perf_counter()
    for paths in files:
        sha256_files(paths)
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for paths in files for path in paths)
    print(f"{len(jobs)} jobs, {sum(map(len, files))} hashes of {size / 1e6:,.0f} MB")
    print(json.dumps({"hashing_seconds": round(seconds, 3), "run_seconds": round(run, 1), "share": seconds / run}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results/smoke"))
    main(parser.parse_args().results)
