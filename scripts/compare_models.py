"""Every two models on the same problems: difference, paired error, interval, p-value, and what would tell them apart.

scripts/compare_models.py COMPARISONS_CSV --scores SCORES_JSON...
"""

import argparse

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.report.comparisons import COLUMNS, comparison_rows
from deepcoder.report.csv_files import write_csv
from deepcoder.report.tables import load_scores

READS = ("evaluation.power",)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath)
    parser.add_argument("--scores", type=InputPath, nargs="*", default=[])


def work(job: Job) -> None:
    rows = comparison_rows(load_scores(job.args.scores), job.read("evaluation.power"), job.args.out)
    write_csv(job.args.out, COLUMNS, rows)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
