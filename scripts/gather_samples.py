"""Put the shards of a model's samples together: for each benchmark one table, the same for any number of shards."""

from argparse import ArgumentParser

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.evaluation.gather import gather_samples
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table

READS = ("benchmarks.{benchmark}.samples",)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--shards", type=InputPath, nargs="+", required=True, help="manifests of sample.py")
    parser.add_argument("--benchmark", nargs="+", required=True, help="names, in the order of --problems and --output")
    parser.add_argument("--problems", type=InputPath, nargs="+", required=True, help="of prepare_benchmark.py")
    parser.add_argument("--context", nargs="?", help="where they were sampled for this one alone")
    parser.add_argument("--output", type=OutputPath, nargs="+", required=True, help="manifests of the samples")


def work(job: Job) -> None:
    args = job.args
    if not len(args.benchmark) == len(args.problems) == len(args.output):
        raise UserError("give as many --benchmark as --problems and --output, in the same order")
    shards = [read_manifest(path, "samples_shard") for path in args.shards]
    for name, problems, output in zip(args.benchmark, args.problems, args.output, strict=True):
        ids = [row["id"] for row in read_table(read_manifest(problems, "problems").file("problems.parquet"), PROBLEM)]
        table = output.parent / "samples.parquet"
        parts = [shard.file(f"{name}.parquet") for shard in shards]
        count = gather_samples(table, parts, ids, job.read(f"benchmarks.{name}.samples"))
        own = {"context": args.context} if args.context else {}
        write_manifest(output, "samples", [table], {"benchmark": name, "samples": count, **own})


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
