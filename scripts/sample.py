"""Sample a model on several benchmarks, with one start of the engine: one shard of all samples (gather_samples.py)."""

from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.rl.sampling import forget, sample_benchmarks
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.sample import SAMPLE
from deepcoder.schemas.table import read_table, write_table
from deepcoder.shards import Shard

# The number of shards, too: what is decoded together may round otherwise on a GPU, and so draw another token.
READS = (
    "seed",
    "models.{model}",
    "benchmarks.{benchmark}",
    "rollout.engine",
    "evaluation.sampling",
    "evaluation.shards",
    "evaluation.contexts.{context}",
)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=InputPath, help="manifest of the model to sample")
    parser.add_argument("out", type=OutputPath, help="manifest of the shard: a table for each benchmark")
    parser.add_argument("--model", required=True)
    parser.add_argument("--shard", type=int, required=True, help="0 .. evaluation.shards - 1")
    parser.add_argument("--benchmark", nargs="+", required=True, help="names, in the order of --problems")
    parser.add_argument("--problems", type=InputPath, nargs="+", required=True, help="of prepare_benchmark.py")
    parser.add_argument("--context", nargs="*", default=[], help="sample for this one alone, not to be cut for others")
    parser.add_argument("--work", type=Path, required=True, help="folder for the samples of an interrupted run")


def work(job: Job) -> None:
    args = job.args
    if len(args.benchmark) != len(args.problems):
        raise UserError("give as many --benchmark as --problems, in the same order")
    checkpoint = read_manifest(args.checkpoint, "model")
    engine, sampling = job.read("rollout.engine"), job.read("evaluation.sampling")
    for context in args.context:
        sampling = replace(sampling, max_response_tokens=job.read(f"evaluation.contexts.{context}"))
    shard = Shard(args.shard, job.read("evaluation.shards"))
    tables = [read_manifest(path, "problems").file("problems.parquet") for path in args.problems]
    rows = sample_benchmarks(
        checkpoint=checkpoint,
        problems={name: read_table(table, PROBLEM) for name, table in zip(args.benchmark, tables, strict=True)},
        benchmarks={name: job.read(f"benchmarks.{name}") for name in args.benchmark},
        model=job.read("models.{model}"),
        engine=engine,
        sampling=sampling,
        seed=job.read("seed"),
        work=args.work,
        shard=shard,
    )
    paths = {name: args.out.parent / f"{name}.parquet" for name in args.benchmark}
    counts = {name: write_table(path, rows[name], SAMPLE) for name, path in paths.items()}
    facts = {"shard": shard.number, "of": shard.of, "samples": counts}
    write_manifest(args.out, "samples_shard", paths.values(), facts)
    forget(args.work, checkpoint, engine, sampling, shard)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
