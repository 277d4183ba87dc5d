"""Some problems of each source and outcome of a curation as one self-contained page.

scripts/render_problems.py PROBLEMS_HTML --curated MANIFEST --problems MANIFEST... --verified MANIFEST...
    --tests-store FOLDER
"""

import argparse
from pathlib import Path

from deepcoder.curation.compare import load_curation
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.files import write_text
from deepcoder.manifest import read_manifest
from deepcoder.report.problems import render_problems, shown_problems
from deepcoder.schemas.tests_store import TestsStore


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath)
    parser.add_argument("--curated", type=InputPath, required=True, help="manifest of curate.py")
    parser.add_argument("--problems", type=InputPath, nargs="+", required=True, help="manifests of normalise.py")
    parser.add_argument("--verified", type=InputPath, nargs="+", required=True, help="manifests of verify.py")
    parser.add_argument("--tests-store", required=True, type=Path, help="folder of tests by content")


def work(job: Job) -> None:
    args = job.args
    curation = load_curation(args.curated)
    problems = [read_manifest(path, "problems") for path in args.problems]
    verified = [read_manifest(path, "verified") for path in args.verified]
    shown = shown_problems(curation, problems, verified, TestsStore(args.tests_store))
    write_text(args.out, render_problems(curation.name, shown, "index.html"))


if __name__ == "__main__":
    run_door(work, arguments=arguments)
