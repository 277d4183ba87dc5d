"""The training as the paper prints it: how each stage began and ended, and what was published of it."""

from __future__ import annotations

from collections.abc import Mapping

from deepcoder.report.address import parse_subject
from deepcoder.report.paper.values import MISSING, Library, Rows, Table, Text, Values, percent

SHOWN = ("reward_mean", "response_length_mean", "clipped_share", "validation_pass_rate")
COLUMNS = ("Stage", "Steps", "Mean reward", "Response tokens", "Truncated, %", "Validation, %")


def training_table(library: Library) -> Table:
    """A row for each stage from its first step to its last, and one for each stage that was published."""
    rows = library.tables.get("curves", ())
    lines = []
    for subject in dict.fromkeys(row["subject"] for row in rows):
        own = [row for row in rows if row["subject"] == subject]
        address = _address(library, subject)
        shown = [_way(own, name, address) for name in SHOWN]
        lines.append([Text(subject), Text(str(len(own)), address), *shown])
    return Table("Training, first step to last", COLUMNS, [*lines, *_published_lines(library)], library.of("curves"))


def training_texts(library: Library) -> Values:
    """Steps of all stages, and reward and response length from the first to the last step."""
    rows = library.tables.get("curves", ())
    address = library.of("curves")
    values: dict[str, Text] = {"training.steps": Text(str(len(rows)), address) if rows else MISSING}
    for key, name in (("reward", "reward_mean"), ("length", "response_length_mean")):
        found = [row for row in rows if row.get(name)]
        for end, row in (("first", found[:1]), ("last", found[-1:])):
            value = Text(_shown(name, row[0][name]), _address(library, row[0]["subject"])) if row else MISSING
            values[f"training.{key}_{end}"] = value
    return values


def _way(rows: Rows, name: str, address: str) -> Text:
    values = [row[name] for row in rows if row.get(name)]
    if not values:
        return MISSING
    return Text(f"{_shown(name, values[0])} → {_shown(name, values[-1])}", address)


def _shown(name: str, value: str) -> str:
    if name in ("clipped_share", "validation_pass_rate"):
        return percent(value)
    return f"{float(value):.2f}" if name == "reward_mean" else f"{float(value):,.1f}"


def _address(library: Library, subject: str) -> str:
    found = [path for path in library.stages if parse_subject(path.parent).label == subject]
    return (library.address(found[0]) if found else "") or library.of("curves")


def _published_lines(library: Library) -> list[list[Text]]:
    rows = library.published.get("training", ())
    found = {(row["stage"], row["quantity"]): row for row in rows}
    address = library.of("published/training")
    lines = []
    for stage in dict.fromkeys(row["stage"] for row in rows if row["stage"]):
        own = {quantity: row for (name, quantity), row in found.items() if name == stage}
        cells = [_published(own, name, address) for name in ("steps", "reward", "response_length")]
        sources = dict.fromkeys(row["source"] for row in own.values())
        label = f"published, {stage} [{', '.join(sources)}]"
        lines.append([Text(label), *cells, Text(""), _published(own, "livecodebench_after", address)])
    return lines


def _published(rows: Mapping[str, Mapping[str, str]], name: str, address: str) -> Text:
    start, end = rows.get(f"{name}_start"), rows.get(f"{name}_end")
    if name in rows:
        text = rows[name]["value"]
    elif start or end:
        text = f"{start['value'] if start else ''} → {end['value'] if end else ''}".strip()
    else:
        return Text("")
    return Text(text, address, published=True)
