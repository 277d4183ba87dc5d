"""Score verdicts: pass@k with clustered errors and intervals, counts, and the identity of the measurement.

scripts/score.py VERDICTS_MANIFEST SCORES_JSON --benchmark B --context C --problems BENCHMARK_MANIFEST
    [--standings RAW_MANIFEST]

A benchmark whose metric is codeforces_rating needs the frozen standings of its contests.
"""

import argparse
from pathlib import Path
from typing import Any

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.evaluation.score import score_beside, score_codeforces, score_errata, score_verdicts
from deepcoder.files import sha256_file, write_json
from deepcoder.manifest import read_manifest
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.sample import SAMPLE_VERDICT
from deepcoder.schemas.table import read_table

READS = (
    "benchmarks.{benchmark}.metric",
    "benchmarks.{benchmark}.errata",
    "evaluation.confidence",
    "evaluation.bootstrap",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verdicts", type=InputPath, help="manifest of the verdicts")
    parser.add_argument("out", type=OutputPath, help="scores.json")
    parser.add_argument("--benchmark", required=True)
    parser.add_argument("--context", required=True, help="label of evaluation.contexts")
    parser.add_argument("--problems", type=InputPath, required=True, help="manifest of the benchmark")
    parser.add_argument("--standings", type=InputPath, help="manifest of the frozen standings (Codeforces only)")


def work(job: Job) -> None:
    args = job.args
    metric, confidence = job.read("benchmarks.{benchmark}.metric"), job.read("evaluation.confidence")
    manifest = read_manifest(args.verdicts, "sample_verdicts")
    found = (manifest.facts["benchmark"], manifest.facts["context"]["label"])
    if found != (args.benchmark, args.context):
        raise UserError(f"{args.verdicts}: verdicts of {' at '.join(found)}, not of {args.benchmark} at {args.context}")
    rows = read_table(manifest.file("verdicts.parquet"), SAMPLE_VERDICT)
    scores: dict[str, Any] = {"metric": metric, **score_verdicts(rows, confidence)}
    scores["identity"] = {**manifest.facts, "verdicts_sha256": manifest.files["verdicts.parquet"]["sha256"]}
    benchmark = read_manifest(args.problems)
    problems = read_table(benchmark.file("problems.parquet"), PROBLEM)
    scores["beside"] = score_beside(rows, confidence)
    scores["without_errata"] = score_errata(rows, problems, job.read("benchmarks.{benchmark}.errata"), confidence)
    if metric == "codeforces_rating":
        standings = find_standings(args.standings, args.benchmark)
        draws = job.read("evaluation.bootstrap")
        scores["codeforces"] = score_codeforces(rows, problems, standings, confidence, draws)
        scores["identity"]["standings_sha256"] = sha256_file(standings)
    write_json(args.out, scores)


def find_standings(given: Path | None, benchmark: str) -> Path:
    """The file of frozen standings; without one there is no rating."""
    if given is None:
        raise UserError(
            f"config/benchmark/{benchmark}.yaml: a Codeforces rating needs the frozen standings of its contests; name "
            "their source as `standings` there, or give --standings"
        )
    return read_manifest(given, "raw").file("standings.json")


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
