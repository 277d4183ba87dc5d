"""Write a training set and the benchmarks as a folder for `datasets.load_dataset`, with a data card.

scripts/export_dataset.py DATASET_JSON --curation NAME --curated MANIFEST --verified MANIFEST...
    --benchmarks MANIFEST... --tests-store FOLDER
"""

import argparse
from pathlib import Path

from deepcoder.curation.card import Content, data_card
from deepcoder.curation.curate import FUNNEL
from deepcoder.curation.export import splits_of, write_splits
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.files import atomic_path, sha256_file, write_text
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.report.address import short_address
from deepcoder.schemas.csv_table import read_csv
from deepcoder.schemas.tests_store import TestsStore

READS = ("curations.{curation}", "sources")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath, help="manifest of the folder `dataset` beside it")
    parser.add_argument("--curation", required=True)
    parser.add_argument("--curated", type=InputPath, required=True, help="manifest of curate.py")
    parser.add_argument("--verified", type=InputPath, nargs="+", required=True, help="manifests of verify.py")
    parser.add_argument("--benchmarks", type=InputPath, nargs="*", default=[], help="of prepare_benchmark.py")
    parser.add_argument("--tests-store", required=True, type=Path, help="folder of tests by content")


def work(job: Job) -> None:
    args = job.args
    curated = read_manifest(args.curated, "curated")
    folder = args.out.with_suffix("")
    content = Content(
        args.curation,
        job.read("curations.{curation}"),
        job.read("sources"),
        read_csv(curated.file("funnel.csv"), FUNNEL),
        curated,
        [(f"../{path.relative_to(args.out.parent)}", read_manifest(path)) for path in sorted(args.verified)],
        short_address(f"data/{args.curation}", sha256_file(args.curated)),
    )
    splits = splits_of(curated, [read_manifest(path, "problems") for path in args.benchmarks])
    with atomic_path(folder) as temporary:
        files = write_splits(temporary, splits, TestsStore(args.tests_store))
        write_text(temporary / "README.md", data_card(content, files))
    rows = {f"{split.config}/{split.name}": sum(f.rows for f in files if f.split == split) for split in splits}
    write_manifest(args.out, "dataset", [folder], {"curation": args.curation, "rows": rows})


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
