"""All values of the paper: a pure function of the tables, the hashes and the configuration."""

from __future__ import annotations

import re
from pathlib import Path

from deepcoder.report.csv_files import number
from deepcoder.report.paper import beside, data, recipe, results, training
from deepcoder.report.paper.values import Figure, Library, Rows, Table, Text, Value, Values, words

FIGURES = ("reward", "response_length", "validation", "contexts", "funnel", "systems")
KNOWN = (
    "benchmarks",
    "contexts",
    "funnel",
    "curves",
    "recipes",
    *beside.TABLES,
)  # tables that have a place of their own
KEY = re.compile(r"\[([^\[\]]+)\]")  # of a source, as it is printed
FURTHER_ROWS, FURTHER_COLUMNS = 20, 8  # of a table without a place of its own


def build(library: Library, model: str, recipe_name: str) -> Values:
    """Values by key; the keys are the same whatever was run."""
    tables = named_tables(library, recipe_name)
    further = [tables.pop(name) for name in list(tables) if name in _others(library)]
    values: dict[str, Value] = {
        **recipe.configured_texts(library, model, recipe_name),
        **results.result_texts(library),
        **data.data_texts(library),
        **training.training_texts(library),
        **{f"table.{name}": table for name, table in tables.items()},
        "tables.further": further,
    }
    values["table.sources"] = results.sources_table(library, cited(values))
    return values | {f"figure.{name}": _figure(name, library) for name in FIGURES}


def cited(values: Values) -> set[str]:
    """Keys in brackets in any text of the paper."""
    texts = [value.text for value in values.values() if isinstance(value, Text)]
    tables = [value for value in values.values() if isinstance(value, Table)]
    texts += [cell.text for table in tables for row in table.rows for cell in row]
    return {key for text in texts for found in KEY.findall(text) for key in found.split(", ")}


def named_tables(library: Library, recipe_name: str) -> dict[str, Table]:
    """Tables by the names of their Markdown and LaTeX files."""
    return {
        "main": results.main_table(library),
        "contexts": results.contexts_table(library),
        "published": results.published_table(library),
        "funnel": data.funnel_table(library),
        "training": training.training_table(library),
        "recipe": recipe.recipe_table(library, recipe_name),
        "stages": recipe.stages_table(library, recipe_name),
        "recipes": recipe.recipes_table(library),
        **{name: make(library) for name, make in beside.TABLES.items()},
        **{name: further_table(name, library) for name in _others(library)},
    }


def further_table(name: str, library: Library) -> Table:
    """A table of the report that has no place of its own, as it is, cut where it is too large for a page."""
    rows: Rows = library.tables[name]
    columns = [column for column in (rows[0] if rows else ()) if column != "pointer"][:FURTHER_COLUMNS]
    lines = []
    for row in rows[:FURTHER_ROWS]:
        first, *others = [_rounded(row[column]) for column in columns]
        lines.append([Text(words(first)), *(Text(cell) for cell in others[:-1])])
        lines[-1] += [Text(cell, library.of_row(name, row)) for cell in others[-1:]]
    more = f", {len(lines)} of {len(rows)} rows" if len(rows) > len(lines) else ""
    return Table(f"{words(name).capitalize()}{more}", [words(column) for column in columns], lines, library.of(name))


def _others(library: Library) -> list[str]:
    return [name for name in library.tables if name not in KNOWN]


def _rounded(cell: str) -> str:
    try:
        value = number(cell)
    except ValueError:
        return cell
    return cell if value is None or cell.lstrip("-").isdigit() else f"{value:.4g}"


def _figure(name: str, library: Library) -> Figure:
    path: Path | None = library.paths.get(f"figures/{name}")
    return Figure(path, library.address(path))
