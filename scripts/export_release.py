"""Put a trained model into a folder to be published: its weights and tokenizer, with a model card.

scripts/export_release.py RELEASE_JSON --recipe NAME --model NAME --exported MODEL_MANIFEST --tables TABLE.csv...
    --scores SCORES_JSON... --stages STAGE_MANIFEST... --curation CURATION_MANIFEST --published config/published/*.csv
"""

import argparse
from pathlib import Path

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.files import atomic_path, link_or_copy, write_text
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.report.address import parse_subject
from deepcoder.report.model_card import Content, model_card
from deepcoder.report.paper.library import read_library
from deepcoder.report.paper.values import Library, without_settings

READS = (
    "scale",
    "seed",
    "models.{model}",
    "recipes.{recipe}",
    "stages",
    "sources",
    "train_sources",
    "rollout.samples_per_prompt",
    "evaluation.sampling",
    "evaluation.confidence",
)
TABLES = ("benchmarks", "contexts", "curves")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath, help="manifest of the folder of the same name beside it")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--model", required=True, help="the model that was trained")
    parser.add_argument("--exported", type=InputPath, required=True, help="manifest of export_model.py")
    parser.add_argument("--tables", type=InputPath, nargs="+", required=True, help=", ".join(TABLES))
    parser.add_argument("--scores", type=InputPath, nargs="*", default=[])
    parser.add_argument("--stages", type=InputPath, nargs="+", required=True, help="manifests in order of training")
    parser.add_argument("--curation", type=InputPath, required=True)
    parser.add_argument("--published", type=InputPath, nargs="*", default=[], help="config/published/*.csv")


def work(job: Job) -> None:
    args, sources = job.args, job.read("sources")
    exported = read_manifest(args.exported, "model")
    exported.check()
    subject = parse_subject(args.exported.parent.parent)
    content = Content(
        subject=subject,
        exported=exported,
        library=library_of(job),
        base=job.read("models.{model}"),
        sources={name: sources[name] for name in job.read("train_sources")},
    )
    card, folder = model_card(content), args.out.with_suffix("")
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        for name in exported.files:
            link_or_copy(exported.file(name), temporary / Path(name).name)
        write_text(temporary / "README.md", card)
    write_manifest(args.out, "release", [folder], {"model": subject.label, "recipe": args.recipe})


def library_of(job: Job) -> Library:
    """What the tables of the card are made from."""
    args = job.args
    named = {path.stem for path in args.tables}
    if missing := [name for name in TABLES if name not in named]:
        raise UserError(f"--tables: {missing[0]}.csv is missing; make it with scripts/summarise.py")
    return read_library(
        scale=job.read("scale"),
        tables=args.tables,
        published=args.published,
        scores=args.scores,
        stages=args.stages,
        curation=args.curation,
        config={key: without_settings(job.read(key)) for key in job.keys},
    )


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
