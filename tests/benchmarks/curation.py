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
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from tests.benchmarks import similarity  # noqa: E402
from tests.benchmarks.corpus import LIGHT_PROBLEMS  # noqa: E402
from tests.benchmarks.harness import peers  # noqa: E402
from tests.benchmarks.harness.raw_rows import SHARES, statement, write_raw  # noqa: E402
from tests.benchmarks.judge import TESTS, groups_of, row, run  # noqa: E402

from deepcoder.manifest import read_manifest, write_manifest  # noqa: E402
from deepcoder.schemas.curated import VERIFIED  # noqa: E402
from deepcoder.schemas.problem import PROBLEM  # noqa: E402
from deepcoder.schemas.table import read_table, write_table  # noqa: E402
from deepcoder.schemas.tests_store import TestsStore  # noqa: E402
from deepcoder.schemas.weak_tests import WEAK_TESTS  # noqa: E402

COPIES = 12  # of each light program
GOALS = {"verify_vs_deepcoder": 50, "dedup_vs_datasketch": 15, "dedup_end_to_end": 4, "recall": 0.95, "precision": 1.0}
PEAK_MB = 4000


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


def verify_rate(folder: Path) -> tuple[float, dict[str, Any]]:
    """Verified problems per CPU-minute of verify.py, and its manifest by number of workers and order of the rows."""
    store = TestsStore(folder / "tests")
    rows = []
    for problem in LIGHT_PROBLEMS:
        tests = problem.tests(TESTS)
        for copy in range(COPIES):
            identity = f"{problem.name}-{copy}"
            rows.append(
                {field.name: None for field in PROBLEM}
                | {"id": identity, "source": "taco_verified", "source_id": identity, "statement": identity}
                | {"kind": problem.kind, "fn_name": problem.fn_name, "tests_ref": store.put(tests)}
                | {"tests_count": TESTS, "solutions": [problem.program], "split": "train", "starter_code": ""}
            )
    manifests = {}
    rate = 0.0
    for workers, order in ((1, "as written"), (2, "shuffled")):
        if order == "shuffled":
            random.Random(4).shuffle(rows)
        source = folder / f"problems-{workers}"
        write_table(source / "problems.parquet", rows, PROBLEM)
        write_manifest(source / "manifest.json", "problems", [source / "problems.parquet"], {"source": "taco_verified"})
        out = folder / f"verified-{workers}" / "manifest.json"
        spent = verified(source / "manifest.json", out, folder, workers)
        found = read_table(read_manifest(out, "verified").file("verdicts.parquet"), VERIFIED)
        assert [row["verdict"] for row in found] == ["AC"] * len(rows), "an honest program failed"
        manifests[f"{workers} worker(s), rows {order}"] = out.read_bytes()
        if workers == 1:
            rate = 60 * len(rows) / spent.cpu_s
    return rate, manifests


def verified(problems: Path, out: Path, folder: Path, workers: int) -> Spent:
    words = ["--source", "taco_verified", "--curation", "strict", "--tests-store", folder / "tests"]
    policy = [f"curations.strict.verification.{key}" for key in ("runs=1", "mutants=0")]
    return door("verify", problems, out, *words, f"judge.workers={workers}", *policy)


def peer_rate() -> float:
    """Verified problems per CPU-minute of a verifier that starts an interpreter with numpy and pandas for each test."""
    groups = {kind: [row(problem) for problem in LIGHT_PROBLEMS if problem.kind == kind] for kind in ("stdin", "call")}
    request = {"groups": groups_of("deepcoder", groups), "workers": 1, "least_cpu_s": 1.0}
    found = run(peers.python(), "deepcoder", request)
    share = len(groups["stdin"]) / len(LIGHT_PROBLEMS)
    test_ms = share * found["stdin"]["cpu_ms"] + (1 - share) * found["call"]["cpu_ms"]
    return 60_000 / (TESTS * test_ms)


def raw_manifests(files: dict[str, Path]) -> dict[str, Path]:
    """A manifest, as fetch.py writes it, beside each source's files."""
    made = {}
    for source, path in files.items():
        folder = path if path.is_dir() else path.parent
        made[source] = folder / "manifest.json"
        payload = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != "manifest.json")
        write_manifest(made[source], "raw", payload, {"source": source})
    return made


def pipeline(raw: dict[str, Path], out: Path) -> dict[str, Spent]:
    """From raw manifests to the training set, without verification; what each door took."""
    spent, problems, verdicts = {}, [], []
    for source, manifest in raw.items():
        found = out / "problems" / source / "manifest.json"
        spent[f"normalise {source}"] = door(
            "normalise", manifest, found, "--source", source, "--tests-store", out / "tests"
        )
        problems.append(found)
        # No source counts as verifiable: what verification costs is measured apart.
        verdicts.append(out / "verified" / source / "manifest.json")
        tables = {"verdicts.parquet": VERIFIED, "weak_tests.parquet": WEAK_TESTS}
        for name, schema in tables.items():
            write_table(verdicts[-1].parent / name, [], schema)
        payload = [verdicts[-1].parent / name for name in tables]
        write_manifest(verdicts[-1], "verified", payload, {"source": source, "verifiable": False})
    benchmark = out / "benchmarks" / "livecodebench" / "manifest.json"
    if "livecodebench" in raw:
        window = "benchmarks.livecodebench.rows_expected=null"
        spent["prepare_benchmark"] = door(
            "prepare_benchmark", problems[-1], benchmark, "--benchmark", "livecodebench", window
        )
    spent["curate"] = door(
        "curate",
        out / "curated" / "manifest.json",
        *("--curation", "strict", "--problems", *problems, "--verified", *verdicts),
        *(("--benchmarks", benchmark) if "livecodebench" in raw else ()),
        *("--tokenizer", tokenizer(out / "tokenizer")),
    )
    return spent


def tokenizer(folder: Path) -> Path:
    """A tokenizer's manifest."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    made, texts = Tokenizer(BPE()), (statement(random.Random(number)) for number in range(300))
    made.pre_tokenizer = ByteLevel()
    made.train_from_iterator(texts, BpeTrainer(vocab_size=2000, show_progress=False))
    folder.mkdir(parents=True)
    made.save(str(folder / "tokenizer.json"))
    write_manifest(folder / "manifest.json", "tokenizer", [folder / "tokenizer.json"])
    return folder / "manifest.json"


def growth(folder: Path, statements: int, tests_mb: float) -> tuple[float, bool]:
    """Print what each door took at 1/4, 1/2 and 1; the peak of memory, and whether order changed a byte at 1/4."""
    sizes: dict[float, dict[str, Spent]] = {}
    curated = []
    for part, shuffled in ((0.25, False), (0.25, True), (0.5, False), (1.0, False)):
        with tempfile.TemporaryDirectory(dir=folder) as place:
            # In a process of its own: a door's peak memory is never below that of the process that starts it.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
                size = (int(statements * part), tests_mb * part)
                raw = raw_manifests(apart.submit(write_raw, Path(place, "raw"), *size, shuffled).result())
            spent = pipeline(raw, Path(place))
            if part == 0.25:
                curated.append(tree_of(Path(place)))
            if not shuffled:
                sizes[part] = spent
                print(f"{int(statements * part):,} statements, {tests_mb * part:,.0f} MB of tests", flush=True)
                for name, item in spent.items():
                    print(f"  {name:26}{item.cpu_s:9.1f} CPU s{item.wall_s:9.1f} s{item.peak_mb:9.0f} MB", flush=True)
    total = {part: sum(item.cpu_s for item in spent.values()) for part, spent in sizes.items()}
    told = ", ".join(f"{part:g}: {total[part]:.0f}" for part in total)
    print(f"CPU seconds by size: {told}; the last doubling took {total[1.0] / total[0.5]:.2f} times")
    return max(item.peak_mb for item in sizes[1.0].values()), curated[0] == curated[1]


def tree_of(folder: Path) -> dict[str, bytes]:
    """Manifests below a folder, which hold the hashes of everything that curation wrote."""
    kinds = ("problems", "benchmarks", "curated")
    paths = sorted(path for kind in kinds for path in (folder / kind).rglob("manifest.json"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=16_000)
    parser.add_argument("--tests-mb", type=float, default=400.0)
    parser.add_argument("--full", action="store_true", help="200,000 statements and 5 GB of tests")
    parser.add_argument("--data", type=Path, help="a folder of raw files for each training source")
    parser.add_argument("--work", type=Path, help="folder for what is made and deleted (default: the system's)")
    args = parser.parse_args()
    statements, tests_mb = (200_000, 5_000.0) if args.full else (args.statements, args.tests_mb)
    with tempfile.TemporaryDirectory(dir=args.work) as place:
        folder = Path(place)
        ours, manifests = verify_rate(folder / "verify")
        peer = peer_rate()
        same = len(set(manifests.values())) == 1
        print(f"verified problems per CPU-minute: {ours:,.0f}; an interpreter for each test: {peer:,.1f}")
        print(f"verdicts alike from {', '.join(manifests)}: {'yes' if same else 'NO'}", flush=True)
        if args.data:
            raw = raw_manifests({source: args.data / source for source in SHARES if (args.data / source).is_dir()})
            spent = pipeline(raw, folder / "data")
            for name, item in spent.items():
                print(f"  {name:26}{item.cpu_s:9.1f} CPU s{item.wall_s:9.1f} s{item.peak_mb:9.0f} MB")
            peak, ordered = max(item.peak_mb for item in spent.values()), True
        else:
            peak, ordered = growth(folder, statements, tests_mb)
            print(f"training set alike from rows in another order: {'yes' if ordered else 'NO'}")
    similar = similarity.dedup_against_datasketch(10_000)
    found = {
        "verify_vs_deepcoder": round(ours / peer, 1),
        **{key: similar[key] for key in ("dedup_vs_datasketch", "dedup_end_to_end", "recall", "precision")},
        "peak_mb": round(peak),
    }
    print("goals: " + ", ".join(f"{key} {found[key]:g} of {goal:g}" for key, goal in GOALS.items()), end=", ")
    print(f"peak_mb {found['peak_mb']} of at most {PEAK_MB}")
    print(json.dumps(found))
    if not (same and ordered):
        sys.exit("error: the same problems gave different bytes")


if __name__ == "__main__":
    main()
