"""Measure how often the base model solves each verified training problem: one shard of the samples.

They are graded here and not by whoever gathers the shards (gather_difficulty.py): each job then leaves counts that are
final, and no job has all programs to judge.
"""

from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deepcoder.config.schema import Benchmark, Sampling, Verification
from deepcoder.curation.outcomes import outcomes
from deepcoder.curation.prompt_tokens import token_counter
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.evaluation.grade import Grading, grade
from deepcoder.evaluation.truncation import load_decoder
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.prompts import training_style
from deepcoder.rl.sampling import forget, sample_benchmarks
from deepcoder.schemas.curated import PASS_RATE, VERIFIED
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table, write_table
from deepcoder.schemas.tests_store import TestsStore
from deepcoder.shards import Shard

# Not the whole curation: another band, or another rule, measures nothing again.
READS = (
    "seed",
    "models.{model}",
    "curations.{curation}.difficulty.samples",
    "curations.{curation}.difficulty.shards",
    "curations.{curation}.verification",
    "curations.{curation}.max_prompt_tokens",
    "rollout",
    "judge",
    "stages.{stage}.max_response_tokens",
)

Row = dict[str, Any]


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=InputPath, help="manifest of the base model")
    parser.add_argument("out", type=OutputPath, help="manifest of the counts")
    parser.add_argument("--model", required=True)
    parser.add_argument("--curation", required=True)
    parser.add_argument("--shard", type=int, required=True, help="0 .. curations.*.difficulty.shards - 1")
    parser.add_argument("--stage", required=True, help="whose response length holds: the one that starts from the base")
    parser.add_argument("--problems", type=InputPath, nargs="+", required=True, help="manifests of normalise.py")
    parser.add_argument("--verified", type=InputPath, nargs="+", required=True, help="manifests of verify.py, in order")
    parser.add_argument("--tests-store", type=Path, required=True, help="folder of the tests by content")
    parser.add_argument("--work", type=Path, required=True, help="folder for the samples of an interrupted run")


def work(job: Job) -> None:
    args = job.args
    number, policy = job.read("curations.{curation}.difficulty.samples"), job.read("curations.{curation}.verification")
    rollout, model = job.read("rollout"), job.read("models.{model}")
    limit = job.read("stages.{stage}.max_response_tokens")
    sampling = Sampling(rollout.temperature, rollout.top_p, limit)
    checkpoint = read_manifest(args.checkpoint)
    tokens, longest = token_counter(checkpoint), job.read("curations.{curation}.max_prompt_tokens")
    problems = {
        source: [row for row in rows if tokens(row) <= longest] for source, rows in verified_problems(args, policy)
    }
    shard = Shard(args.shard, job.read("curations.{curation}.difficulty.shards"))
    asked = {source: as_benchmark(source, number, policy.comparator) for source in problems}
    samples = sample_benchmarks(
        checkpoint, problems, asked, model, rollout.engine, sampling, job.read("seed"), args.work, shard
    )
    store, decode = TestsStore(args.tests_store), load_decoder(checkpoint)
    rates: list[Row] = []
    for source, rows in problems.items():
        how = Grading(asked[source], job.read("judge"), limit, model.thinking, shard)
        rates += pass_rates(grade(samples[source], rows, store, decode, how).rows)
    table = args.out.parent / "pass_rates.parquet"
    write_table(table, sorted(rates, key=lambda row: row["problem_id"]), PASS_RATE)
    facts = {"model": args.model, "samples": number, "max_tokens": limit, "shard": shard.number, "of": shard.of}
    write_manifest(args.out, "pass_rates_shard", [table], facts)
    forget(args.work, checkpoint, rollout.engine, sampling, shard)


def verified_problems(args: Namespace, policy: Verification) -> Iterator[tuple[str, list[Row]]]:
    """The training problems of each source that verification keeps: the others leave the set without being sampled."""
    for problems_path, verified_path in zip(args.problems, args.verified, strict=True):
        problems, verified = read_manifest(problems_path, "problems"), read_manifest(verified_path, "verified")
        rows = [r for r in read_table(problems.file("problems.parquet"), PROBLEM) if r["split"] == "train"]
        if verified.facts["verifiable"]:
            found = outcomes(read_table(verified.file("verdicts.parquet"), VERIFIED), policy)
            rows = [r for r in rows if r["id"] in found and found[r["id"]].verified]
        yield verified.facts["source"], rows


def as_benchmark(source: str, samples: int, comparator: str) -> Benchmark:
    """A training source asked as training asks it."""
    return Benchmark(
        title=f"difficulty of {source}",
        source=source,
        metric="pass_at_1",
        comparator=comparator,
        samples=samples,
        prompt=training_style(source),
    )


def pass_rates(graded: Sequence[Row]) -> Iterator[Row]:
    """Rows of PASS_RATE; a fault of the judge is no sample, and a problem without samples has no rate."""
    judged: dict[str, list[str]] = defaultdict(list)
    for row in graded:
        if row["verdict"] != "IE":
            judged[row["problem_id"]].append(row["verdict"])
    for problem_id, verdicts in judged.items():
        yield {"problem_id": problem_id, "samples": len(verdicts), "passed": verdicts.count("AC")}


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
