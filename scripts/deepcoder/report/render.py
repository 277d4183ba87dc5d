"""The page as one file: no script, style, font or picture is fetched from anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from deepcoder.errors import UserError
from deepcoder.report.csv_files import NOT_RUN
from deepcoder.report.page_template import BODY, MACROS, SCRIPT, STYLE

IDENTIFIER = re.compile(r'(\bid="|xlink:href="#|url\(#)')
SUFFIXES = {"codeforces_rating": ", rating", "codeforces_percentile": ", percentile"}
UNITS = {"percent": "{:.1f}", "rating": "{:.0f}"}


def render_page(content: Mapping[str, Any]) -> str:
    """The page for `content`, whose keys are the sections of page_template.BODY.

    Markup in any value is escaped, since responses of a model are anything.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(MACROS + BODY).render(**content, style=STYLE, script=SCRIPT, not_run=NOT_RUN)


def inline_figures(paths: Sequence[Path]) -> dict[str, str]:
    """SVG elements by figure name, with ids of their own so that several can stand on one page.

    Raises:
        UserError: a file that holds no SVG element.
    """
    figures = {}
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        start = text.find("<svg")
        if start < 0:
            raise UserError(f"{path}: holds no <svg> element; draw it again")
        body = IDENTIFIER.sub(rf"\g<1>{path.stem}-", text[start:])
        figures[path.stem] = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    return figures


def published_funnel(rows: Sequence[Mapping[str, str]]) -> list[tuple[str, list[str], str]]:
    """Published counts of the training sets and of what later work kept: name, rows before and after, a note."""
    return [
        (
            " ".join(filter(None, [row["source"].replace("_", " "), row["rule"]])),
            [f"{int(row[column]):,}" if row[column] else "unpublished" for column in ("rows_in", "rows_out")],
            f"{row['note']} ({row['evidence']})".strip(),
        )
        for row in rows
        if row["dataset"] in ("train", "later")
    ]


def published_grid(rows: Sequence[Mapping[str, str]], titles: Mapping[str, str]) -> dict[str, Any] | None:
    """The published main table, models by (benchmark, metric); `titles` names the benchmarks."""
    if not rows:
        return None
    columns = dict.fromkeys((row["benchmark"], row["metric"]) for row in rows)
    cells = {
        (row["model"], row["benchmark"], row["metric"]): UNITS[row["unit"]].format(float(row["value"])) for row in rows
    }
    models = dict.fromkeys(row["model"] for row in rows)
    return {
        "titles": [titles.get(benchmark, benchmark) + SUFFIXES.get(metric, "") for benchmark, metric in columns],
        "lines": [(model, [cells.get((model, *column), "") for column in columns]) for model in models],
    }
