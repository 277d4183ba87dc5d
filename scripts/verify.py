"""Judge the reference solutions of one source on its tests, as one curation asks."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

from deepcoder.curation.outcomes import outcomes
from deepcoder.curation.verify import verify
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.schemas.curated import VERIFIED
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table, write_table
from deepcoder.schemas.tests_store import TestsStore

READS = ("curations.{curation}.verification", "judge")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("problems", type=InputPath, help="manifest of normalise.py")
    parser.add_argument("out", type=OutputPath, help="manifest of the verdicts")
    parser.add_argument("--source", required=True)
    parser.add_argument("--curation", required=True)
    parser.add_argument("--tests-store", required=True, type=Path, help="folder of tests by content")


def work(job: Job) -> None:
    args = job.args
    problems = read_table(read_manifest(args.problems, "problems").file("problems.parquet"), PROBLEM)
    policy = job.read("curations.{curation}.verification")
    train = [row for row in problems if row["split"] == "train"]
    rows = verify(train, policy, job.read("judge"), TestsStore(args.tests_store))
    table = args.out.parent / "verdicts.parquet"
    write_table(table, rows, VERIFIED)
    found = outcomes(rows, policy).values()
    facts = {
        "source": args.source,
        "problems": len(train),
        "verifiable": any(row["solutions"] for row in train),
        "verified": sum(outcome.verified for outcome in found),
        "flaky": sum(outcome.flaky for outcome in found),
        "verdicts": dict(sorted(Counter(row["verdict"] for row in rows).items())),
    }
    write_manifest(args.out, "verified", [table], facts)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
