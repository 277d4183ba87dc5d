"""Sample a model on several benchmarks, with one start of the engine."""

from argparse import ArgumentParser
from pathlib import Path

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.rl.sampling import forget, sample_benchmarks
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.sample import SAMPLE
from deepcoder.schemas.table import read_table, write_table

READS = ("seed", "models.{model}", "benchmarks.{benchmark}", "rollout.engine", "evaluation.sampling")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=InputPath, help="manifest of the model to sample")
    parser.add_argument("--model", required=True)
    parser.add_argument("--benchmark", nargs="+", required=True, help="names, in the order of --problems and --output")
    parser.add_argument("--problems", type=InputPath, nargs="+", required=True, help="of prepare_benchmark.py")
    parser.add_argument("--output", type=OutputPath, nargs="+", required=True, help="manifests of the samples")
    parser.add_argument("--work", type=Path, required=True, help="folder for the samples of an interrupted run")


def work(job: Job) -> None:
    args = job.args
    if not len(args.benchmark) == len(args.problems) == len(args.output):
        raise UserError("give as many --benchmark as --problems and --output, in the same order")
    checkpoint = read_manifest(args.checkpoint, "model")
    engine, sampling = job.read("rollout.engine"), job.read("evaluation.sampling")
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
    )
    for name, output in zip(args.benchmark, args.output, strict=True):
        table = output.parent / "samples.parquet"
        count = write_table(table, rows[name], SAMPLE)
        write_manifest(output, "samples", [table], {"benchmark": name, "samples": count})
    forget(args.work, checkpoint, engine, sampling)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
