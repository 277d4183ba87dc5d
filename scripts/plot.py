"""Figures of the report as SVG and PNG, by name: reward, response_length, validation, contexts, funnel, systems.

scripts/plot.py --curves CSV --contexts CSV --funnel CSV --systems CSV --published config/published/*.csv
    --output FIGURE.svg...

The published numbers stand in panels or notes of their own that say so. The same rows give the same bytes.
"""

import argparse

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.report import systems
from deepcoder.report.csv_files import read_csv
from deepcoder.report.figures import FIGURES, draw
from deepcoder.report.published import load_published
from deepcoder.report.style import save
from deepcoder.report.tables import CURVE_KEYS, FUNNEL_COLUMNS, SCORE_COLUMNS

READS = ("scale",)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--curves", type=InputPath, required=True)
    parser.add_argument("--contexts", type=InputPath, required=True)
    parser.add_argument("--funnel", type=InputPath, required=True)
    parser.add_argument("--systems", type=InputPath, required=True)
    parser.add_argument("--published", type=InputPath, nargs="*", default=[], help="config/published/*.csv")
    parser.add_argument("--output", type=OutputPath, nargs="+", required=True, help="NAME.svg or NAME.png")


def work(job: Job) -> None:
    args = job.args
    published = load_published(args.published, job.read("scale")).tables
    tables = {
        "curves": read_csv(args.curves, CURVE_KEYS),
        "contexts": read_csv(args.contexts, SCORE_COLUMNS),
        "funnel": read_csv(args.funnel, FUNNEL_COLUMNS),
        "systems": read_csv(args.systems, systems.COLUMNS),
        "published_contexts": published.get("contexts", []),
        "validation_curve": published.get("validation_curve", []),
        "training": published.get("training", []),
    }
    for path in args.output:
        if path.stem not in FIGURES or path.suffix not in (".svg", ".png"):
            raise UserError(f"{path}: figures are {', '.join(FIGURES)}, each as .svg or .png")
        save(draw(path.stem, tables), path)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
