"""Tables of the report: benchmarks, contexts, funnel, curves and judges compared as CSV, each number with its pointer.

scripts/summarise.py --scores SCORES_JSON... --stages STAGE_MANIFEST... --curation CURATION_MANIFEST
    --comparison MANIFEST --published config/published/*.csv
    --output benchmarks.csv contexts.csv funnel.csv curves.csv grader.csv
"""

import argparse

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.manifest import read_manifest
from deepcoder.report import grader
from deepcoder.report.address import Subject, parse_subject
from deepcoder.report.csv_files import write_csv
from deepcoder.report.published import load_published
from deepcoder.report.tables import (
    FUNNEL_COLUMNS,
    SCORE_COLUMNS,
    benchmark_rows,
    context_rows,
    curve_rows,
    funnel_rows,
    load_scores,
)

READS = ("scale", "model", "reference_models", "benchmarks", "evaluation.contexts", "stages")
TABLES = ("benchmarks", "contexts", "funnel", "curves", "grader")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scores", type=InputPath, nargs="*", default=[])
    parser.add_argument("--stages", type=InputPath, nargs="*", default=[], help="manifests of the trained stages")
    parser.add_argument("--curation", type=InputPath, help="manifest of the training set")
    parser.add_argument("--comparison", type=InputPath, help="manifest of compare_curations.py")
    parser.add_argument("--published", type=InputPath, nargs="*", default=[], help="config/published/*.csv")
    parser.add_argument("--output", type=OutputPath, nargs=5, required=True, metavar="CSV", help=", ".join(TABLES))


def work(job: Job) -> None:
    args = job.args
    outputs = {path.stem: path for path in args.output}
    if set(outputs) != set(TABLES):
        raise UserError(f"--output: expected files named {', '.join(TABLES)}, got {', '.join(outputs)}")
    published = load_published(args.published, job.read("scale"))
    scored = load_scores(args.scores)
    stages = sorted(map(read_manifest, args.stages), key=lambda m: list(job.read("stages")).index(m.path.parent.name))
    subjects = [Subject(name) for name in (job.read("model"), *job.read("reference_models"))]
    subjects += [parse_subject(manifest.path.parent) for manifest in stages]
    subjects += sorted({address.subject for address in scored} - set(subjects))
    titles = {name: benchmark.title for name, benchmark in job.read("benchmarks").items()}
    contexts = job.read("evaluation.contexts")
    longest = max(contexts, key=contexts.__getitem__)
    table = outputs["benchmarks"]
    write_csv(table, SCORE_COLUMNS, benchmark_rows(scored, subjects, titles, longest, published, table))
    table = outputs["contexts"]
    write_csv(table, SCORE_COLUMNS, context_rows(scored, subjects, titles, list(contexts), published, table))
    table = outputs["funnel"]
    curation = read_manifest(args.curation) if args.curation else None
    write_csv(table, FUNNEL_COLUMNS, funnel_rows(curation, published, table) if curation else [])
    write_csv(outputs["curves"], *curve_rows(stages, outputs["curves"]))
    table = outputs["grader"]
    judged = grader.response_rows(scored, subjects, job.read("benchmarks"), longest, table)
    if args.comparison and curation:
        judged += grader.reference_rows(read_manifest(args.comparison, "comparison"), curation, table)
    write_csv(table, grader.COLUMNS, judged)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
