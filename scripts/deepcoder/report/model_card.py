"""The card of a released model: what it is, how it was made and how it scored, every number with its address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deepcoder.config.schema import Model, Source
from deepcoder.manifest import Manifest, read_manifest
from deepcoder.report.address import Subject, parse_subject
from deepcoder.report.csv_files import RUN
from deepcoder.report.paper.recipe import recipe_table, stages_table
from deepcoder.report.paper.results import RATING, contexts_table, main_table, published_table
from deepcoder.report.paper.training import training_table
from deepcoder.report.paper.values import Library, Table, Text
from deepcoder.report.paper.writers import markdown, markdown_text
from deepcoder.report.published import PAPER

LOAD = """```python
{imports}from transformers import AutoModelForCausalLM{more}

folder = "path/to/this/folder"
model = AutoModelForCausalLM.from_pretrained(folder)
{tokenizer}
```"""
# AutoTokenizer picks a class by the architecture, which for Qwen2 replaces the file's own pre-tokenizer.
PLAIN = LOAD.format(
    imports="from tokenizers import Tokenizer\n",
    more="",
    tokenizer='tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")',
)
CHAT = LOAD.format(imports="", more=", AutoTokenizer", tokenizer="tokenizer = AutoTokenizer.from_pretrained(folder)")
USE = (
    "To write a program in Python for a problem that its statement tells in full, and to reproduce the scores below."
    " Run what it writes in a sandbox only: a program of a model is an untrusted program."
)
LIMITS = (
    "It was rewarded for programs that pass tests, and for nothing else: style, safety, speed beyond the time limit and"
    " explanations were never looked at, and answers to anything but such problems were not trained.",
    "Its scores hold for the sampling, the context lengths and the judge that the score files name. Other samplings"
    " score otherwise, and an interval over problems says nothing of other benchmarks.",
    "Training and evaluation problems are compared by the words of their statements: a translation or a retelling that"
    " is in both is not found. What the base model has seen before is not known here.",
    "One training run with one seed is one draw.",
)
Row = Mapping[str, str]
SMALL = (
    "> This is the **{scale}** scale: a model of {parameters} parameters that shows that the machinery works, not how"
    " good DeepCoder is. Nothing here is comparable with a published number."
)


@dataclass(frozen=True)
class Content:
    """What a card is written from.

    Attributes:
        subject: the released model.
        exported: manifest of its weights.
        library: tables of the report with the hashes of all inputs, as the paper has them.
        base: the model that was trained.
        sources: configuration of the training sources by name.
    """

    subject: Subject
    exported: Manifest
    library: Library
    base: Model
    sources: Mapping[str, Source]


def model_card(content: Content) -> str:
    """The text of README.md: YAML that the hub reads, then the card in Markdown."""
    front = yaml.safe_dump(front_matter(content), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n\n".join(part.strip() for part in _body(content)) + "\n"


def front_matter(content: Content) -> dict[str, Any]:
    """What the hub reads, in its fields and with measured scores alone."""
    base, hubs = content.base, [source.hub_id for source in content.sources.values() if source.hub_id]
    return {
        "license": base.licence.lower(),
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        **({"base_model": base.hub_id, "base_model_relation": "finetune"} if base.hub_id else {}),
        **({"datasets": sorted(hubs)} if hubs else {}),
        "tags": ["code", "reinforcement-learning"],
        "model-index": [{"name": name_of(content), "results": [_result(row, content) for row in own_rows(content)]}],
    }


def own_rows(content: Content) -> list[Row]:
    """Rows of benchmarks.csv that were measured on the released model."""
    label, rows = content.subject.label, content.library.tables["benchmarks"]
    return [row for row in rows if row["subject"] == label and row["status"] == RUN]


def name_of(content: Content) -> str:
    """Name of the released model: its base, recipe and last stage."""
    subject = content.subject
    return f"{subject.model}-{subject.recipe}-{subject.stage}"


def _result(row: Row, content: Content) -> dict[str, Any]:
    rating = row["metric"] == RATING
    value = float(row["value"]) if rating else round(100 * float(row["value"]), 2)
    samples = {"samples_per_problem": int(row["samples_per_problem"])}
    metric = {
        "type": "elo" if rating else row["metric"],
        "value": value,
        "name": "rating" if rating else "pass@1, percent",
        "args": content.library.config["evaluation.sampling"] | samples,
    }
    told = {"context": row["context"], "response_tokens": int(row["context_tokens"]), "problems": int(row["problems"])}
    dataset = {"type": row["benchmark"], "name": row["title"], "args": told}
    return {"task": {"type": "text-generation"}, "dataset": dataset, "metrics": [metric]}


def _body(content: Content) -> Iterator[str]:
    library, base = content.library, content.base
    yield f"# {name_of(content)}"
    if library.config["scale"] != PAPER:
        yield SMALL.format(scale=library.config["scale"], parameters=f"{base.parameters:,}")
    yield (
        f"{markdown_text(base.title)}, trained by reinforcement learning on coding problems with verified tests. The"
        f" recipe is {markdown_text(library.config[f'recipes.{content.subject.recipe}']['title'])}, the weights are"
        f" those after stage {content.subject.stage}. This card was generated together with them."
    )
    yield from _section("Load", CHAT if base.prompt == "chat" else PLAIN, _sampling(library))
    yield from _section("Use", USE)
    yield from _section("Scores", *_scores(content))
    yield from _section("Training", *_training(content))
    yield from _section("Data", *_data(content))
    yield from _section("Limits", "\n".join(f"- {line}" for line in LIMITS))
    yield from _section("Licences", *_licences(content))
    yield from _section("Files", *_files(content))
    yield from _section("Addresses", _addresses(content))


def _section(title: str, *parts: str) -> list[str]:
    return [f"## {title}", *parts]


def _sampling(library: Library) -> str:
    sampling = library.config["evaluation.sampling"]
    told = ", ".join(f"{name} {value}" for name, value in sampling.items())
    return f"It was sampled with {markdown_text(told)} (`{library.of_key('evaluation.sampling')}`)."


def _scores(content: Content) -> Iterator[str]:
    library = content.library
    yield "Percentages of samples that pass all tests (pass@1) with their standard errors clustered by problem."
    yield markdown(main_table(library))
    yield markdown(contexts_table(library))
    if any(row["published"] for row in library.tables["benchmarks"]) or library.config["scale"] == PAPER:
        yield markdown(published_table(library))


def _training(content: Content) -> Iterator[str]:
    library, subject = content.library, content.subject
    steps = [read_manifest(path, "checkpoint") for path in library.stages]
    rows = [
        [
            Text(parse_subject(manifest.path.parent).label, library.address(manifest.path)),
            Text(str(manifest.facts["steps"])),
            Text(str(manifest.facts.get("chosen_step", manifest.facts["steps"]))),
        ]
        for manifest in steps
    ]
    yield f"With seed {library.config['seed']} (`{library.of_key('seed')}`)."
    yield markdown(Table("Stages as they were run", ["Stage", "Steps", "Step whose weights were kept"], rows))
    yield markdown(stages_table(library, subject.recipe))
    yield markdown(training_table(library))
    yield markdown(recipe_table(library, subject.recipe))


def _data(content: Content) -> Iterator[str]:
    library = content.library
    assert library.curation is not None
    curated = read_manifest(library.curation, "curated")
    facts, train = curated.facts, curated.files.get("train.parquet", {})
    yield (
        f"{facts['train']:,} problems of the curation `{library.curation.parent.name}`"
        f" (`{library.address(library.curation)}`)"
        + (f", sha256 of train.parquet `{train['sha256']}`" if train else "")
        + ". The folder `dataset` beside that curation holds them with their tests and a card of their own."
    )
    counts = facts.get("train_by_source", {})
    rows = [
        [Text(name), Text(" ".join(filter(None, [source.hub_id, source.revision]))), Text(source.licence),
         Text(f"{counts.get(name, 0):,}")]
        for name, source in content.sources.items()
    ]  # fmt: skip
    yield markdown(Table("Sources", ["Source", "From", "Licence", "Problems"], rows, names=3))


def _licences(content: Content) -> Iterator[str]:
    base = content.base
    where = f" ({base.hub_id}, revision {base.revision})" if base.hub_id else ", which was made by the same workflow"
    yield (
        f"The weights are under the licence of the base model, {base.licence}{where}. The licence of a source is that"
        " of the dataset that carries its rows; whose the statements are is for the contest sites to say."
    )


def _files(content: Content) -> Iterator[str]:
    rows = [
        [Text(Path(name).name), Text(f"{entry['bytes']:,}"), Text(str(entry["sha256"]))]
        for name, entry in sorted(content.exported.files.items())
    ]
    yield markdown(Table("Weights and tokenizer", ["File", "Bytes", "sha256"], rows))


def _addresses(content: Content) -> str:
    row = next(iter(own_rows(content)), None)
    example = content.library.of_row("benchmarks", row) if row else content.library.of("benchmarks")
    return (
        "What stands in code behind a number is the address of the artifact that holds it. In the checkout that made"
        f' it, `python scripts/audit.py path/to/this/README.md --address "{example}"` hashes every file from there to'
        " the raw data again."
    )
