"""The published numbers, `config/published/*.csv`: data with a source each, never mixed with ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.report.address import Subject
from deepcoder.report.csv_files import number, read_csv

COLUMNS = {
    "main": ("model", "subjects", "benchmark", "metric", "value", "unit", "source", "evidence"),
    "contexts": ("model", "subjects", "benchmark", "context", "value", "unit", "source", "evidence"),
    "validation_curve": ("stage", "step", "pass_rate", "reading_error", "source", "evidence"),
    "training": ("quantity", "stage", "value", "unit", "source", "evidence"),
    "funnel": ("dataset", "source", "rule", "rows_in", "rows_out", "note", "source_key", "evidence"),
    "remeasured": ("model", "benchmark", "context", "value", "unit", "protocol", "source", "evidence"),
    "protocol": (
        "table", "model", "benchmark", "context", "problems", "samples_per_problem", "temperature", "top_p",
        "max_tokens", "window", "source", "evidence",
    ),
    "systems": (
        "workload", "system", "setting", "sampler_s", "trainer_s", "reward_s", "total_s", "speed_up", "source",
        "evidence",
    ),
    "sources": ("key", "kind", "where"),
}  # fmt: skip
PAPER = "paper"
MAIN_CONTEXT = "64k"  # of the main table [blog]


@dataclass(frozen=True)
class Figure:
    """A published number: its value in our unit (a share for percentages) and where it was published."""

    value: float
    source: str
    evidence: str


@dataclass(frozen=True)
class Published:
    """Rows by table name, and the scale of the run: at another scale than the paper's nothing is comparable."""

    tables: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    scale: str = PAPER

    def main(self, subject: Subject, benchmark: str, metric: str, context: str) -> Figure | None:
        """The main table's value for one of our subjects at the context that it was measured at."""
        if context != MAIN_CONTEXT:
            return None
        rows = [row for row in self._of(subject, benchmark, "main") if row["metric"] == metric]
        return _figure(rows)

    def context(self, subject: Subject, benchmark: str, context: str) -> Figure | None:
        """The context table's value for one of our subjects."""
        return _figure([row for row in self._of(subject, benchmark, "contexts") if row["context"] == context])

    def funnel(self, source: str, rule: str, column: str) -> Figure | None:
        """Published row count of a training source, `rows_in` or `rows_out`: of one rule, or of all for rule ""."""
        if self.scale != PAPER:
            return None
        for row in self.tables.get("funnel", []):
            if (row["dataset"], row["source"], row["rule"]) == ("train", source, rule) and row[column]:
                return Figure(float(row[column]), row["source_key"], row["evidence"])
        return None

    def _of(self, subject: Subject, benchmark: str, table: str) -> list[dict[str, str]]:
        if self.scale != PAPER:
            return []
        name = f"{subject.model}/{subject.stage}"
        rows = self.tables.get(table, [])
        return [row for row in rows if row["benchmark"] == benchmark and name in row["subjects"].split()]


def load_published(paths: Sequence[Path], scale: str) -> Published:
    """Read the files by their names; each source key must be in sources.csv when that is among them.

    Raises:
        UserError: a file of unknown form or a source that is nowhere explained.
    """
    tables = {path.stem: read_csv(path, COLUMNS.get(path.stem, ())) for path in map(Path, paths)}
    known = {row["key"] for row in tables.get("sources", [])}
    for name, rows in tables.items():
        column = "source_key" if name == "funnel" else "source"
        for line, row in enumerate(rows, start=2):
            if known and column in row and row[column] not in known:
                raise UserError(f"{name}.csv: line {line} names source {row[column]!r}, which sources.csv lacks")
    return Published(tables, scale)


def _figure(rows: list[dict[str, str]]) -> Figure | None:
    if not rows:
        return None
    value = number(rows[0]["value"])
    assert value is not None, "a published row without a value"
    return Figure(value / 100 if rows[0]["unit"] == "percent" else value, rows[0]["source"], rows[0]["evidence"])
