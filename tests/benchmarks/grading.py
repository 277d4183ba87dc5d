"""How much of grading a benchmark is the programs' own work? CPU time of the whole against the programs run bare.

    .venv/bin/python tests/benchmarks/grading.py [--problems 24] [--samples 8] [--test-ms 20]

LiveCodeBench has 279 problems with 8 samples each and 15 to 40 tests a problem; `--problems 279` grades as many, the
default a twelfth of them, because the share does not depend on their number. The problems are those of the corpus,
with as many tests; what a test costs by itself is put on by a loop in each program, because the corpus' inputs are far
smaller than a contest's: `--test-ms` is the mean over tests, of which half cost nothing more and some ten times as
much. Five samples of eight are right; the others print a word too much and stop at the first test. Graded is by
evaluation.grade, from responses to verdicts, with a sandbox for each core; its CPU time is that of this process and
all its descendants. The bound is the CPU time of the same tests run one after the other in one bare process,
before and after. The last line is one JSON object.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from tests.benchmarks.corpus import LIGHT_PROBLEMS, Problem
from tests.benchmarks.harness import meter
from tests.benchmarks.harness.harnesses import floor

Row = dict[str, Any]
TESTS = (15, 40)
RIGHT = 5  # of eight samples
SPREAD = (0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 1.0, 2.0, 6.25)  # shares of the mean cost by test: most tests are small
GOAL = 0.70
CPU_S = 60.0


def programs(problem: Problem, loops: int, samples: int) -> list[str]:
    """Samples of a problem, each of its own text; the loop of a test depends on its input alone."""
    shares = [int(loops * share) for share in SPREAD]
    name = problem.fn_name
    word = f"_right = {name}\ndef {name}(*given):\n    return [_right(*given), 'x']" if name else "print('x')"
    if name is None:
        right = (
            "import io, sys\n_given = sys.stdin.read()\nsys.stdin = io.StringIO(_given)\n"
            f"for _ in range({shares}[len(_given) % 10]):\n    pass\n{problem.program}"
        )
    else:
        right = (
            f"{problem.program}\n_own = {name}\ndef {name}(*given):\n"
            f"    for _ in range({shares}[len(repr(given)) % 10]):\n        pass\n    return _own(*given)\n"
        )
    return [f"{right}\n# sample {k}\n" if k % 8 < RIGHT else f"{right}\n{word}\n# sample {k}\n" for k in range(samples)]


def loops_of(milliseconds: float) -> int:
    """Turns of an empty loop that cost so much CPU time here."""
    start, turns = time.process_time(), 5_000_000
    for _ in range(turns):
        pass
    return int(turns * milliseconds / 1000 / (time.process_time() - start))


def made(problems: int, samples: int, test_ms: float) -> Iterator[tuple[Problem, list[Row], list[str]]]:
    """Problems with their tests and samples."""
    loops, rng = loops_of(test_ms), random.Random(0)
    for number in range(problems):
        problem = LIGHT_PROBLEMS[number % len(LIGHT_PROBLEMS)]
        tests = problem.tests(rng.randint(*TESTS))
        yield problem, tests, programs(problem, loops, samples)


def bare(work: list[tuple[Problem, list[Row], list[str]]]) -> tuple[float, int]:
    """CPU seconds and number of the tests that grading has to run, in this process."""
    passes, start, count = floor(), time.process_time(), 0
    for problem, tests, texts in work:
        for number, text in enumerate(texts):
            ran = tests if number % 8 < RIGHT else tests[:1]
            row = {"name": problem.name, "kind": problem.kind, "fn_name": problem.fn_name, "program": text}
            assert passes(row | {"tests": ran}) == (number % 8 < RIGHT), problem.name
            count += len(ran)
    return time.process_time() - start, count


def graded(work: list[tuple[Problem, list[Row], list[str]]], folder: Path) -> float:
    """CPU seconds of grading all samples, the start of its sandboxes included."""
    from deepcoder.config.schema import Benchmark, Judge
    from deepcoder.evaluation.grade import Grading, grade
    from deepcoder.schemas.tests_store import TestsStore

    store = TestsStore(folder)
    problems = [
        {"id": f"{n:016x}", "source": "corpus", "source_id": str(n), "kind": problem.kind, "fn_name": problem.fn_name,
         "tests_ref": store.put(tests), "tests_count": len(tests), "time_limit_s": None}
        for n, (problem, tests, _) in enumerate(work)
    ]  # fmt: skip
    samples = [
        {"problem_id": row["id"], "sample": k, "prompt": "", "response": f"```python\n{text}\n```", "token_ids": [0],
         "finish": "stop"}
        for row, (_, _, texts) in zip(problems, work, strict=True)
        for k, text in enumerate(texts)
    ]  # fmt: skip
    store.flush()
    per_problem = len(work[0][2])
    benchmark = Benchmark(
        title="corpus", source="corpus", metric="pass_at_1", comparator="livecodebench", samples=per_problem,
        prompt="livecodebench_released", time_limit_s=CPU_S,
    )  # fmt: skip
    judge = Judge(workers=os.cpu_count() or 1, isolation="auto", time_limit_s=CPU_S, memory_limit_mb=1024)
    before = meter.cpu_s()
    rows = grade(samples, problems, store, lambda ids: "", Grading(benchmark, judge, 1 << 16, False)).rows
    spent = meter.cpu_s() - before
    wrong = [row for row in rows if (row["verdict"] == "AC") != (row["sample"] % 8 < RIGHT)]
    assert not wrong, wrong[:1]
    return spent


def _bare_apart(command: list[str]) -> tuple[float, int]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, count = json.loads(done.stdout.splitlines()[-1])
    return seconds, count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=24)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--test-ms", type=float, default=20.0, help="mean CPU time of a test by itself")
    parser.add_argument("--bare", action="store_true", help="only run the tests here and print their cost")
    args = parser.parse_args()
    work = list(made(args.problems, args.samples, args.test_ms))
    if args.bare:
        print(json.dumps(bare(work)))
        return
    # A process of its own, so that neither disturbs the other's time.
    command = [sys.executable, __file__, *sys.argv[1:], "--bare"]
    bounds = [_bare_apart(command)]
    with tempfile.TemporaryDirectory() as folder:
        spent = graded(work, Path(folder))
    # Before and after, because a machine with other work on it is not equally fast all the time.
    bounds.append(_bare_apart(command))
    bound, tests = sum(seconds for seconds, _ in bounds) / 2, bounds[0][1]
    beside, samples = 1000 * (spent - bound), args.problems * args.samples
    print(f"{args.problems} problems x {args.samples} samples, {tests} tests to run")
    print(f"core-seconds: {spent:.1f} graded, {bound:.1f} for the programs bare ({1000 * bound / tests:.1f} ms a test)")
    print(f"beside the programs' own work: {beside / tests:.2f} ms a test, {beside / samples:.1f} ms a sample")
    share = round(bound / spent, 3)
    print(json.dumps({"grading_efficiency": share, "goal": GOAL, "overhead_ms_per_test": round(beside / tests, 3)}))


if __name__ == "__main__":
    main()
