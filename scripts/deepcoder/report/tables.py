"""Rows of the tables from score files, funnels and metrics: pure functions of what is on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json
from deepcoder.manifest import Manifest
from deepcoder.report.address import Address, Subject, parse_scores_path, parse_subject, pointer
from deepcoder.report.csv_files import NOT_RUN, RUN, read_csv
from deepcoder.report.published import PAPER, Published
from deepcoder.schemas.metrics import METRICS
from deepcoder.schemas.table import read_table

SCORE_COLUMNS = (
    "subject", "model", "recipe", "stage", "benchmark", "title", "context", "context_tokens", "metric", "value",
    "standard_error", "interval_low", "interval_high", "problems", "samples_per_problem", "samples", "truncated",
    "no_code", "internal_errors", "comparator", "published", "published_source", "published_inside_interval", "status",
    "pointer",
)  # fmt: skip
FUNNEL_COLUMNS = (
    "source", "rule", "rows_in", "removed", "rows_out", "published_in", "published_out", "published_source", "pointer",
)  # fmt: skip
FUNNEL_INPUT = ("source", "rule", "rows_in", "removed", "rows_out")
UNPUBLISHED = "unpublished"
HELD_BACK = "validation"  # a rule that holds problems back and removes none
CURVE_KEYS = ("subject", "recipe", "model", "stage", "step", "total_step")

Row = dict[str, Any]


@dataclass(frozen=True)
class Scored:
    """A score file with its address."""

    address: Address
    path: Path
    scores: Mapping[str, Any]


def load_scores(paths: Sequence[Path]) -> dict[Address, Scored]:
    """Score files by address.

    Raises:
        UserError: a file that is no score file, or two for one address.
    """
    found: dict[Address, Scored] = {}
    for path in paths:
        address, scores = parse_scores_path(path), read_json(path)
        if not isinstance(scores, dict) or "value" not in scores or "identity" not in scores:
            raise UserError(f"{path}: not a score file; delete it and score again")
        if address in found:
            raise UserError(f"{path}: the same score as {found[address].path}; give it once")
        found[address] = Scored(address, Path(path), scores)
    return found


def score_row(scored: Scored | None, address: Address, title: str, published: Published, table: Path) -> Row:
    """One row of benchmarks.csv or contexts.csv; without a score file it says that it was not run."""
    subject = address.subject
    row: Row = {
        "subject": subject.label, "model": subject.model, "recipe": subject.recipe, "stage": subject.stage,
        "benchmark": address.benchmark, "title": title, "context": address.context, "status": NOT_RUN,
    }  # fmt: skip
    if scored is None:
        return row
    scores, counts = scored.scores, scored.scores["counts"]
    row |= {name: scores["counts"][name] for name in ("truncated", "no_code", "internal_errors")}
    row |= {
        "context_tokens": scores["identity"]["context"]["tokens"],
        "metric": scores["metric"],
        "problems": counts["problems"] - counts["problems_unscored"],
        "samples_per_problem": counts["samples_per_problem"],
        "samples": counts["samples"],
        "comparator": scores["identity"]["comparator"],
        "status": RUN,
    }
    if scores["metric"] == "codeforces_rating":
        rating = scores["codeforces"]
        row |= {"value": rating["rating"], "pointer": pointer(scored.path, "/codeforces/rating", table)}
        low, high = rating["rating_interval"]
    else:
        row |= {"value": scores["value"], "standard_error": scores["standard_error"]}
        row["pointer"] = pointer(scored.path, "/value", table)
        low, high = scores["interval"]
    return row | {"interval_low": low, "interval_high": high} | _published(row, address, published, low, high)


def _published(row: Row, address: Address, published: Published, low: float, high: float) -> Row:
    figure = published.context(address.subject, address.benchmark, address.context)
    figure = figure or published.main(address.subject, address.benchmark, row["metric"], address.context)
    if figure is None:
        return {}
    inside = "yes" if low <= figure.value <= high else "no"
    return {"published": figure.value, "published_source": figure.source, "published_inside_interval": inside}


def benchmark_rows(
    scored: Mapping[Address, Scored],
    subjects: Sequence[Subject],
    titles: Mapping[str, str],
    context: str,
    published: Published,
    table: Path,
) -> list[Row]:
    """A row for each subject and declared benchmark at the longest context, run or not."""
    addresses = [Address(subject, benchmark, context) for subject in subjects for benchmark in titles]
    return [score_row(scored.get(a), a, titles[a.benchmark], published, table) for a in addresses]


def context_rows(
    scored: Mapping[Address, Scored],
    subjects: Sequence[Subject],
    titles: Mapping[str, str],
    contexts: Sequence[str],
    published: Published,
    table: Path,
) -> list[Row]:
    """A row for each subject, benchmark with any score, and context."""
    ran = {address.benchmark for address in scored}
    return [
        score_row(scored.get(address), address, titles[address.benchmark], published, table)
        for subject in subjects
        for benchmark in titles
        if benchmark in ran
        for context in contexts
        for address in [Address(subject, benchmark, context)]
    ]


def funnel_rows(manifest: Manifest, published: Published, table: Path) -> list[Row]:
    """The curation's funnel, with the published counts beside it.

    What is published of a source as a whole stands at its first rule and at the last one that removes anything for
    good. At the paper's scale a count that nobody has published is said to be UNPUBLISHED.
    """
    rows = read_csv(manifest.file("funnel.csv"), FUNNEL_INPUT)
    target = manifest.path.parent / "funnel.csv"
    ends: dict[str, list[int]] = {}
    for line, row in enumerate(rows):
        if row["rule"] != HELD_BACK:
            ends.setdefault(row["source"], []).append(line)
    result: list[Row] = []
    for line, row in enumerate(rows):
        own: Row = {name: row[name] for name in FUNNEL_INPUT} | {"pointer": pointer(target, f"/{line}", table)}
        lines = ends.get(row["source"], [])
        whole = {"rows_in": lines[:1] == [line], "rows_out": lines[-1:] == [line]}
        result.append(own | _published_counts(row["source"], row["rule"], whole, published))
    return result


def _published_counts(source: str, rule: str, whole: Mapping[str, bool], published: Published) -> Row:
    if published.scale != PAPER:
        return {}
    sources = []
    row: Row = {}
    for column, name in (("rows_in", "published_in"), ("rows_out", "published_out")):
        figure = published.funnel(source, rule, column)
        figure = figure or (published.funnel(source, "", column) if whole[column] else None)
        if figure:
            row[name] = int(figure.value)
            sources.append(figure.source)
    return row | {"published_source": " ".join(dict.fromkeys(sources)) or UNPUBLISHED}


def curve_rows(stages: Sequence[Manifest], table: Path) -> tuple[list[str], list[Row]]:
    """Columns and rows of curves.csv: every metric of every step, with the step counted over all stages.

    Args:
        stages: manifests of the stages in their order of training.
        table: where the rows will stand; pointers are relative to it.
    """
    metrics: dict[str, None] = {}
    rows: list[Row] = []
    done: dict[tuple[str, str], int] = {}
    for manifest in stages:
        subject = parse_subject(manifest.path.parent)
        before = done.get((subject.recipe, subject.model), 0)
        own = _metric_rows(manifest, table)
        for line in own:
            keys = {"subject": subject.label, "recipe": subject.recipe, "model": subject.model, "stage": subject.stage}
            rows.append(keys | line | {"total_step": before + line["step"]})
            metrics |= dict.fromkeys(name for name in line if name not in (*CURVE_KEYS, "pointer"))
        done[subject.recipe, subject.model] = before + max((line["step"] for line in own), default=0)
    return [*CURVE_KEYS, *metrics, "pointer"], rows


def _metric_rows(manifest: Manifest, table: Path) -> list[Row]:
    file = manifest.file("metrics.parquet")
    rows = [row | {"pointer": pointer(file, f"/{line}", table)} for line, row in enumerate(read_table(file, METRICS))]
    return sorted(rows, key=lambda row: row["step"])
