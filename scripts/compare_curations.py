"""Compare two training sets problem by problem: kept by both, by one, by none, and by which rule.

scripts/compare_curations.py MANIFEST --curations MANIFEST MANIFEST
"""

import argparse

from deepcoder.curation.compare import load_curation, write_comparison
from deepcoder.door import InputPath, Job, OutputPath, run_door


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath, help="manifest of the comparison")
    parser.add_argument("--curations", type=InputPath, nargs=2, required=True, help="manifests of curate.py")


def work(job: Job) -> None:
    write_comparison(job.args.out, *map(load_curation, job.args.curations))


if __name__ == "__main__":
    run_door(work, arguments=arguments)
