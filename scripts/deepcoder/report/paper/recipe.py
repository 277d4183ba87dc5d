"""The recipe as the paper prints it: its switches, the stages, and what other recipes came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deepcoder.report.paper.values import Library, Table, Text, Values, percent, words
from deepcoder.report.recipes import ERROR, POINTER, SCORE, SWITCH

STAGES = "stages"
NOT_SWITCHES = ("title", "batch")  # batches stand with the stages


def recipe_table(library: Library, recipe: str) -> Table:
    """Every switch of the recipe with its value."""
    key = f"recipes.{recipe}"
    switches = {name: value for name, value in library.config[key].items() if name not in NOT_SWITCHES}
    lines = [[Text(words(name)), Text(shown)] for name, shown in _flat(switches)]
    return Table(f"Switches of the recipe {recipe}", ["Switch", "Value"], lines, library.of_key(key))


def stages_table(library: Library, recipe: str) -> Table:
    """Lengths, steps and batches of each stage; a recipe may have a batch of its own."""
    own = library.config[f"recipes.{recipe}"]["batch"]
    samples = library.config["rollout.samples_per_prompt"]
    lines = []
    for name, stage in library.config[STAGES].items():
        batch = own.get(name, stage["batch"])
        size = f"{batch['prompts']} × {samples}"
        limits = (stage["max_prompt_tokens"], stage["max_response_tokens"])
        cells = [name, stage["start"], f"{stage['steps']}", size, f"{batch['minibatch']}", *(f"{n:,}" for n in limits)]
        lines.append([Text(cell) for cell in cells])
    columns = ["Stage", "From", "Steps", "Prompts × samples", "Minibatch", "Prompt tokens", "Response tokens"]
    return Table("Stages of the training", columns, lines, library.of_key(STAGES))


def recipes_table(library: Library) -> Table:
    """Recipes side by side: switches that differ, then scores; no rows where they were not compared."""
    rows = library.tables.get("recipes", ())
    names = [name for name in rows[0] if name not in ("kind", "name")] if rows else []
    found = {(row["kind"], row["name"]): row for row in rows}
    lines = []
    for (kind, name), row in found.items():
        if kind == SWITCH:
            lines.append([Text(words(name)), *(Text(words(row[recipe])) for recipe in names)])
        elif kind == SCORE:
            lines.append([Text(name), *(_score(found, name, recipe, library) for recipe in names)])
    columns = ["Switch or score", *(words(name) for name in names)]
    return Table("Recipes compared", columns, lines, library.of("recipes"))


def configured_texts(library: Library, model: str, recipe: str) -> Values:
    """What was run: model, recipe, seed, and how training and evaluation sample."""
    config = library.config
    sampling, contexts = config["evaluation.sampling"], config["evaluation.contexts"]
    named = config[f"models.{model}"]
    sampled = (
        f"temperature {sampling['temperature']:g}, top_p {sampling['top_p']:g}, "
        f"at most {sampling['max_response_tokens']:,} tokens"
    )
    return {
        "scale": library.setting("scale", config["scale"]),
        "seed": library.setting("seed", str(config["seed"])),
        "model": library.setting(f"models.{model}", named["title"]),
        "parameters": library.setting(f"models.{model}", f"{named['parameters']:,}"),
        "recipe": library.setting(f"recipes.{recipe}", config[f"recipes.{recipe}"]["title"]),
        "learning_rate": library.setting("trainer.learning_rate", f"{config['trainer.learning_rate']:g}"),
        "samples_per_prompt": library.setting("rollout.samples_per_prompt", str(config["rollout.samples_per_prompt"])),
        "sampling": library.setting("evaluation.sampling", sampled),
        "contexts": library.setting("evaluation.contexts", ", ".join(f"{n:,}" for n in contexts.values())),
        "confidence": library.setting("evaluation.confidence", f"{100 * config['evaluation.confidence']:.0f}%"),
    }


def _score(found: Mapping[tuple[str, str], Mapping[str, str]], name: str, recipe: str, library: Library) -> Text:
    value, error, where = (found.get((kind, name), {}).get(recipe, "") for kind in (SCORE, ERROR, POINTER))
    if not where:
        return Text(value)
    text = percent(value) + (f" ± {percent(error)}" if error else "")
    return Text(text, library.of_row("recipes", {"pointer": where}))


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{name}, ") if item else [(f"{prefix}{name}", "none of its own")]
        else:
            shown = {True: "yes", False: "no"}[item] if isinstance(item, bool) else f"{item}"
            yield f"{prefix}{name}", words(shown)
