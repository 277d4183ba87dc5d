"""Bring the raw rows of one source into the schema of problems; rows that cannot be read are counted."""

from argparse import ArgumentParser
from importlib import import_module
from pathlib import Path

from deepcoder.curation.normalise import normalise, write_problems
from deepcoder.curation.sandbox import Sandbox
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.manifest import read_manifest
from deepcoder.schemas.tests_store import TestsStore

READS = ("sources.{source}", "judge")
LOADS = ("deepcoder.curation.sources.{source}",)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("raw", type=InputPath, help="manifest of fetch.py")
    parser.add_argument("out", type=OutputPath, help="manifest of the problems")
    parser.add_argument("--source", required=True)
    parser.add_argument("--tests-store", required=True, type=Path, help="folder of tests by content")


def work(job: Job) -> None:
    name = job.args.source
    source = job.read("sources.{source}")
    raw = read_manifest(job.args.raw, "raw")
    files = [raw.file(file) for file in sorted(raw.files)]
    module = import_module(f"deepcoder.curation.sources.{name}")
    with Sandbox(job.read("judge")) as sandbox:
        rows = module.parse(files, source, sandbox)
        problems, dropped = normalise(name, source, rows, TestsStore(job.args.tests_store))
    write_problems(job.args.out, name, problems, dropped, {})


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
