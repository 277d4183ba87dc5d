"""Judge the reference solutions of one source on its tests, as one curation asks, and the tests on wrong programs."""

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from deepcoder.curation.outcomes import outcomes
from deepcoder.curation.shards import Shards
from deepcoder.curation.verify import Verified, made_from, verify_in_shards
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.files import remove
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.provenance.identity import module_digests
from deepcoder.schemas.curated import VERIFIED
from deepcoder.schemas.mutant import MUTANT
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table, write_table
from deepcoder.schemas.tests_store import TestsStore
from deepcoder.schemas.weak_tests import WEAK_TESTS

READS = ("curations.{curation}.verification", "judge")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("problems", type=InputPath, help="manifest of normalise.py")
    parser.add_argument("out", type=OutputPath, help="manifest of the verdicts")
    parser.add_argument("--source", required=True)
    parser.add_argument("--curation", required=True)
    parser.add_argument("--tests-store", required=True, type=Path, help="folder of tests by content")
    parser.add_argument("--work", type=Path, help="folder of this job alone for what an interrupted run has finished")


def work(job: Job) -> None:
    args = job.args
    problems = read_table(read_manifest(args.problems, "problems").file("problems.parquet"), PROBLEM)
    policy, judge = job.read("curations.{curation}.verification"), job.read("judge")
    train = [row for row in problems if row["split"] == "train"]
    shards = Shards(args.work, [made_from(policy, judge), module_digests(Path(__file__))])
    found = verify_in_shards(train, policy, judge, TestsStore(args.tests_store), shards)
    print(f"shards found finished: {shards.found}; {told_of_time(found, judge.time_limit_s)}", flush=True)
    tables = {
        "verdicts.parquet": (found.verdicts, VERIFIED),
        "mutants.parquet": (found.mutants, MUTANT),
        "weak_tests.parquet": (found.weak, WEAK_TESTS),
    }
    for name, (rows, schema) in tables.items():
        write_table(args.out.parent / name, rows, schema)
    said = outcomes(found.verdicts, policy).values()
    facts = {
        "source": args.source,
        "problems": len(train),
        "verifiable": any(row["solutions"] for row in train),
        "verified": sum(outcome.verified for outcome in said),
        "flaky": sum(outcome.flaky for outcome in said),
        "disagreeing": sum(bool(outcome.disagreement) for outcome in said),
        "weak": sum(row["weak"] for row in found.weak),
        "verdicts": dict(sorted(Counter(row["verdict"] for row in found.verdicts).items())),
        "mutants": dict(sorted(Counter(row["verdict"] for row in found.mutants).items())),
    }
    write_manifest(args.out, "verified", [args.out.parent / name for name in tables], facts)
    if args.work:
        remove(args.work)


def told_of_time(found: Verified, limit_s: float) -> str:
    """What references took, for the log: a measurement, so no part of any output."""
    if not found.cpu_s:
        return "no reference passed"
    slowest: list[tuple[str, Any]] = sorted(found.cpu_s.items(), key=lambda item: -item[1])[:5]
    long = sum(seconds > limit_s / 2 for seconds in found.cpu_s.values())
    named = ", ".join(f"{problem} {seconds:g}" for problem, seconds in slowest)
    return (
        f"CPU seconds of the slowest references over all their tests: {named}; "
        f"{long} of {len(found.cpu_s)} took more than half of {limit_s:g} s, the limit of one test"
    )


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
