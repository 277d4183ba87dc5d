"""The report as one self-contained page.

scripts/render.py INDEX_HTML --tables benchmarks.csv contexts.csv funnel.csv curves.csv [NAME.csv...]
    --figures FIGURE.svg... --scores SCORES_JSON... --stages STAGE_MANIFEST... --curation CURATION_MANIFEST
    --published config/published/*.csv
"""

import argparse
import json
import os
from pathlib import Path

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.files import write_text
from deepcoder.provenance.freeze import git_state
from deepcoder.provenance.record import GIT_VARIABLE
from deepcoder.report.address import relative
from deepcoder.report.page import (
    benchmark_grid,
    beside_grid,
    collect_evidence,
    comparison_grid,
    context_grid,
    funnel_grid,
    pointed_scores,
    recipe_grid,
    training_lines,
)
from deepcoder.report.page_rules import rule_lines
from deepcoder.report.page_samples import shown_samples
from deepcoder.report.page_trail import Sources, pictures
from deepcoder.report.paper import beside
from deepcoder.report.paper.library import read_library
from deepcoder.report.render import inline_figures, published_funnel, published_grid, render_page

READS = ("scale", "seed", "model", "models", "recipes.{recipe}", "evaluation")
TABLES = ("benchmarks", "contexts", "funnel", "curves")
SECTIONS = {
    "benchmarks": "Benchmarks", "comparisons": "Models compared", "grader": "The grader", "contexts": "Context length",
    "training": "Training", "systems": "Systems", "cost": "Cost", "funnel": "Data", "curations": "Two training sets",
    "recipes": "Recipes", "samples": "Sample responses", "provenance": "Provenance",
}  # fmt: skip
CUT = "One sampling at the longest context; the shorter ones are scored by cutting the same samples."


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath)
    parser.add_argument("--recipe", required=True, help="the recipe that the page is about")
    parser.add_argument("--tables", type=InputPath, nargs="+", required=True)
    parser.add_argument("--figures", type=InputPath, nargs="*", default=[], help="SVG files by figure name")
    parser.add_argument("--scores", type=InputPath, nargs="*", default=[])
    parser.add_argument("--stages", type=InputPath, nargs="*", default=[])
    parser.add_argument("--curation", type=InputPath)
    parser.add_argument("--comparison", type=InputPath, help="manifest of compare_curations.py")
    parser.add_argument("--dataset", type=InputPath, help="manifest of export_dataset.py")
    parser.add_argument("--problems", type=InputPath, help="page of render_problems.py")
    parser.add_argument("--published", type=InputPath, nargs="*", default=[])


def work(job: Job) -> None:
    args = job.args
    paths = {path.stem: path for path in args.tables}
    if missing := [name for name in TABLES if name not in paths]:
        raise UserError(f"--tables: {missing[0]}.csv is missing; make it with scripts/summarise.py")
    library = read_library(
        scale=job.read("scale"), tables=args.tables, published=args.published, scores=args.scores, stages=args.stages
    )
    rows, published = library.tables, library.published
    manifests = [*args.stages, *filter(None, (args.curation, args.comparison, args.dataset))]
    compared = pointed_scores(rows.get("recipes", []), paths.get("recipes", Path()))
    scores = list(dict.fromkeys([*map(Path, map(os.path.normpath, args.scores)), *compared]))
    linked = [paths[name] for name in beside.TABLES if name in paths]
    evidence = collect_evidence(scores, manifests, args.out, linked)
    contexts = job.read("evaluation").contexts
    content = {
        "run": run_facts(job),
        "benchmarks": benchmark_grid(rows["benchmarks"], evidence, paths["benchmarks"]),
        "contexts": context_grid(rows["contexts"], evidence, paths["contexts"]),
        "training": training_lines(rows["curves"], args.stages, evidence),
        "funnel": funnel_grid(rows["funnel"], evidence, args.curation),
        "comparison": comparison_grid(args.comparison, evidence),
        "beside": {name: beside_grid(make(library), evidence) for name, make in beside.TABLES.items()},
        "products": products(args),
        "recipes": recipe_grid(rows.get("recipes", []), evidence, paths.get("recipes", Path())),
        "samples": shown_samples(args.scores, max(contexts, key=contexts.__getitem__), evidence),
        "pictures": pictures(
            rows["benchmarks"],
            evidence,
            Sources(args.out, paths["benchmarks"], args.stages, args.curation, rows["funnel"]),
        ),
        "rules": rule_lines(behind(args), "render"),
        "sections": SECTIONS,
        "evidence": list(evidence.values()),
        "published": published_grid(
            published.get("main", []), {row["benchmark"]: row["title"] for row in rows["benchmarks"]}
        ),
        "published_funnel": published_funnel(published.get("funnel", [])),
        "sources": [(row["key"], row["where"]) for row in published.get("sources", [])],
        "figures": inline_figures([path for path in args.figures if path.suffix == ".svg"]),
    }
    write_text(args.out, render_page(content))


def behind(args: argparse.Namespace) -> list[Path]:
    """Everything that this page is made from but what people have written."""
    one = (args.curation, args.comparison, args.dataset, args.problems)
    return [*args.tables, *args.figures, *args.scores, *args.stages, *filter(None, one)]


def products(args: argparse.Namespace) -> list[tuple[str, str]]:
    """Links to what was made of the training set, with words."""
    folder = args.dataset.with_suffix("") / "README.md" if args.dataset else None
    found = ((args.problems, "problems of each source and outcome, kept and dropped"),
             (folder, "the data as a folder for datasets.load_dataset, with its card"))  # fmt: skip
    return [(relative(path, args.out.parent), words) for path, words in found if path]


def run_facts(job: Job) -> dict[str, object]:
    """What ran, for the head of the page."""
    model = job.read("models")[job.read("model")]
    recipe = job.read("recipes.{recipe}")
    git = json.loads(os.environ[GIT_VARIABLE]) if GIT_VARIABLE in os.environ else git_state(Path.cwd())
    evaluation = job.read("evaluation")
    facts = {
        "scale": job.read("scale"),
        "model": f"{model.title}, {model.parameters:,} parameters",
        "recipe": recipe.title,
        "seed": str(job.read("seed")),
        "commit": (git["commit"] or "not a git checkout") + (" with uncommitted changes" if git["dirty"] else ""),
        "sampling": f"temperature {evaluation.sampling.temperature}, top_p {evaluation.sampling.top_p}",
    }
    return {
        "scale": job.read("scale"),
        "parameters": f"{model.parameters:,}",
        "sampled": "Sampled at each context's own length." if evaluation.resample else CUT,
        "confidence": f"{100 * evaluation.confidence:.0f}%",
        "facts": facts,
    }


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
