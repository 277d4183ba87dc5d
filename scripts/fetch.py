"""Get the raw files of one source at its pinned revision."""

from argparse import ArgumentParser
from importlib import import_module

from deepcoder.curation.fetching import write_raw
from deepcoder.door import Job, OutputPath, run_door

READS = ("sources.{source}",)
LOADS = ("deepcoder.curation.sources.{source}",)


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath, help="manifest of the raw files, which lie beside it")
    parser.add_argument("--source", required=True)


def work(job: Job) -> None:
    name = job.args.source
    source = job.read("sources.{source}")
    module = import_module(f"deepcoder.curation.sources.{name}")
    job.args.out.parent.mkdir(parents=True, exist_ok=True)
    write_raw(job.args.out, name, source, module.fetch(source, job.args.out.parent))


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
