"""The paper as PDF with all its values as JSON, and its tables as Markdown and LaTeX.

scripts/typeset.py PAPER_PDF --values PAPER_JSON --written NAME.md... NAME.tex... --template config/paper/*.typ
    --recipe NAME --model NAME --tables TABLE.csv... --figures FIGURE.svg... --scores SCORES_JSON...
    --stages STAGE_MANIFEST... --curation CURATION_MANIFEST --published config/published/*.csv

Every number comes from these inputs and carries the address of one; what is not given is "not run at this scale".
"""

import argparse

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.files import atomic_path, write_json, write_text
from deepcoder.report.paper.build import build, named_tables
from deepcoder.report.paper.library import read_library
from deepcoder.report.paper.pdf import compile_paper
from deepcoder.report.paper.values import Library, Table, to_json, without_settings
from deepcoder.report.paper.writers import latex, markdown

READS = (
    "scale",
    "seed",
    "models.{model}",
    "recipes.{recipe}",
    "stages",
    "rollout.samples_per_prompt",
    "trainer.learning_rate",
    "evaluation.sampling",
    "evaluation.contexts",
    "evaluation.confidence",
)
WRITERS = {".md": markdown, ".tex": latex}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath)
    parser.add_argument("--values", type=OutputPath, required=True, help="all values with their addresses, as JSON")
    parser.add_argument("--written", type=OutputPath, nargs="*", default=[], help="TABLE.md or TABLE.tex")
    parser.add_argument("--template", type=InputPath, nargs="+", required=True, help="config/paper/*.typ")
    parser.add_argument("--recipe", required=True, help="the recipe that the paper is about")
    parser.add_argument("--model", required=True, help="the model that was trained")
    parser.add_argument("--tables", type=InputPath, nargs="*", default=[])
    parser.add_argument("--figures", type=InputPath, nargs="*", default=[], help="SVG files by figure name")
    parser.add_argument("--scores", type=InputPath, nargs="*", default=[])
    parser.add_argument("--stages", type=InputPath, nargs="*", default=[], help="manifests in order of training")
    parser.add_argument("--curation", type=InputPath)
    parser.add_argument("--published", type=InputPath, nargs="*", default=[], help="config/published/*.csv")


def work(job: Job) -> None:
    args = job.args
    library = library_of(job)
    tables = named_tables(library, args.recipe)
    for path in args.written:
        if path.suffix not in WRITERS:
            raise UserError(f"{path}: a table is written as {' or '.join(WRITERS)}")
        # A table that other rules make on request alone need not be there.
        write_text(path, WRITERS[path.suffix](tables.get(path.stem, Table(path.stem.replace("_", " "), []))))
    values = build(library, args.model, args.recipe)
    write_json(args.values, to_json(values))
    pages = compile_paper(args.template, values)
    with atomic_path(args.out) as temporary:
        temporary.write_bytes(pages)


def library_of(job: Job) -> Library:
    """Everything that was given, with its hashes."""
    args = job.args
    return read_library(
        scale=job.read("scale"),
        tables=args.tables,
        published=args.published,
        scores=args.scores,
        stages=args.stages,
        figures=args.figures,
        curation=args.curation,
        config={key: without_settings(job.read(key)) for key in job.keys},
    )


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
