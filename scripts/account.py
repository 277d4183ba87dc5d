"""What the run took: systems.csv (a step of each stage, by its parts) and cost.csv (the jobs of each rule).

scripts/account.py --records RECORD... --stages STAGE_MANIFEST... --published config/published/*.csv
    --output systems.csv cost.csv

Both are made from what jobs leave of themselves: the record beside each output, and timings.parquet beside a stage, for
whose bytes the stage's record vouches. The same records give the same tables, so that an audit makes them again; the
times themselves it cannot give again, since no job takes as long twice. It shows that they are those that the records
had when the lock was made. The jobs are all that come before the tables of the report: this one, and those that draw
and print, cannot be in a table that they wait for.
"""

import argparse

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.manifest import read_manifest
from deepcoder.report import cost, systems
from deepcoder.report.csv_files import write_csv
from deepcoder.report.published import load_published

READS = ("scale", "stages", "resources")
TABLES = ("systems", "cost")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--records", type=InputPath, nargs="*", default=[], help="one of each job, in order of need")
    parser.add_argument("--stages", type=InputPath, nargs="*", default=[], help="manifests of the trained stages")
    parser.add_argument("--published", type=InputPath, nargs="*", default=[], help="config/published/*.csv")
    parser.add_argument("--output", type=OutputPath, nargs=2, required=True, metavar="CSV", help=", ".join(TABLES))


def work(job: Job) -> None:
    args = job.args
    outputs = {path.stem: path for path in args.output}
    if set(outputs) != set(TABLES):
        raise UserError(f"--output: expected files named {', '.join(TABLES)}, got {', '.join(outputs)}")
    published = load_published(args.published, job.read("scale"))
    order = list(job.read("stages"))
    stages = sorted(map(read_manifest, args.stages), key=lambda manifest: order.index(manifest.path.parent.name))
    table = outputs["systems"]
    write_csv(table, systems.COLUMNS, systems.systems_rows(stages, published, table))
    table, jobs = outputs["cost"], [cost.load_job(path) for path in args.records]
    rows = cost.cost_rows(jobs, job.read("stages"), job.read("resources"), published, table)
    write_csv(table, cost.COLUMNS, rows)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
