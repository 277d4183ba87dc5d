"""Select the problems of one benchmark from its normalised source."""

from argparse import ArgumentParser

from deepcoder.curation.normalise import select_benchmark, without_errata, write_problems
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.manifest import read_manifest
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table

READS = ("benchmarks.{benchmark}",)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("problems", type=InputPath, help="manifest of normalise.py of the benchmark's source")
    parser.add_argument("out", type=OutputPath, help="manifest of the benchmark")
    parser.add_argument("--benchmark", required=True)


def work(job: Job) -> None:
    problems = read_table(read_manifest(job.args.problems, "problems").file("problems.parquet"), PROBLEM)
    benchmark = job.read("benchmarks.{benchmark}")
    name = job.args.benchmark
    chosen, dropped = without_errata(benchmark, select_benchmark(name, benchmark, problems))
    facts = {"benchmark": name, "decontaminate": benchmark.decontaminate, "first_day": benchmark.after}
    write_problems(job.args.out, benchmark.source, chosen, dropped, facts)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
