"""Filter, deduplicate and decontaminate the problems of all training sources; write the training set and the funnel."""

from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import chain
from typing import Any

from deepcoder.curation.curate import curate, write_curated
from deepcoder.curation.outcomes import outcomes
from deepcoder.curation.problems import Problems
from deepcoder.curation.prompt_tokens import token_counter
from deepcoder.curation.rules import Evidence
from deepcoder.curation.rules.evidence import windows
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.manifest import Manifest, read_manifest
from deepcoder.schemas.curated import PASS_RATE, VERIFIED
from deepcoder.schemas.problem import DROPPED, PROBLEM
from deepcoder.schemas.table import iter_table
from deepcoder.schemas.weak_tests import WEAK_TESTS

READS = ("curations.{curation}",)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath, help="manifest of the training set")
    parser.add_argument("--curation", required=True)
    parser.add_argument("--problems", type=InputPath, nargs="+", required=True, help="manifests of normalise.py")
    parser.add_argument("--verified", type=InputPath, nargs="+", required=True, help="manifests of verify.py")
    parser.add_argument("--benchmarks", type=InputPath, nargs="*", default=[], help="of prepare_benchmark.py")
    parser.add_argument("--tokenizer", type=InputPath, required=True, help="manifest of tokenizer.py")
    parser.add_argument("--pass-rates", type=InputPath, help="manifest of a model's pass rates (difficulty)")


def work(job: Job) -> None:
    args = job.args
    config = job.read("curations.{curation}")
    sources = [read_manifest(path, "problems") for path in args.problems]
    problems = Problems([manifest.file("problems.parquet") for manifest in sources])
    verified = [read_manifest(path, "verified") for path in args.verified]
    benchmarks = [read_manifest(path, "problems") for path in args.benchmarks]
    evidence = Evidence(
        outcomes=outcomes(_rows(verified, "verdicts.parquet", VERIFIED), config.verification),
        verifiable=frozenset(manifest.facts["source"] for manifest in verified if manifest.facts["verifiable"]),
        prompt_tokens=token_counter(read_manifest(args.tokenizer)),
        benchmarks={
            manifest.facts["benchmark"]: list(_rows([manifest], "problems.parquet", PROBLEM))
            for manifest in benchmarks
            if manifest.facts["decontaminate"]
        },
        windows=windows([manifest.facts for manifest in benchmarks]),
        pass_rates=_pass_rates(read_manifest(args.pass_rates, "pass_rates")) if args.pass_rates else None,
        weak={row["problem_id"]: row for row in _rows(verified, "weak_tests.parquet", WEAK_TESTS)},
    )
    curated = curate(problems, list(_rows(sources, "dropped.parquet", DROPPED)), config, evidence)
    write_curated(args.out, args.curation, config.verification, curated, problems)


def _rows(manifests: list[Manifest], name: str, schema: Any) -> Iterator[dict[str, Any]]:
    return chain.from_iterable(iter_table(manifest.file(name), schema) for manifest in manifests)


def _pass_rates(manifest: Manifest) -> dict[str, float]:
    rows = iter_table(manifest.file("pass_rates.parquet"), PASS_RATE)
    return {row["problem_id"]: row["passed"] / row["samples"] for row in rows}


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
