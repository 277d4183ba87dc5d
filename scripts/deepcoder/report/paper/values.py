"""What the template is given: texts, tables and figures by key, each with the address of the artifact behind it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepcoder.files import sha256_json
from deepcoder.report.address import label_of, short_address
from deepcoder.report.csv_files import NOT_RUN

Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Text:
    """A number or a name as it is printed.

    Attributes:
        address: of the artifact that holds it; "" where there is none, as for a missing one.
        published: it was published by others and not measured here.
        note: of ours, behind a published number.
    """

    text: str
    address: str = ""
    published: bool = False
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table; a cell without an address of its own has that of the table. No rows: it was not run.

    Attributes:
        names: columns from the left that hold names, not numbers.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Text]] = ()
    address: str = ""
    names: int = 1


@dataclass(frozen=True)
class Figure:
    """A drawing; `path` is None where it was not made."""

    path: Path | None
    address: str = ""


Value = Text | Table | Figure | list[Table]
Values = Mapping[str, Value]
MISSING = Text(NOT_RUN)


@dataclass(frozen=True)
class Library:
    """Everything that the paper is made from.

    Attributes:
        hashes: sha256 of each input by its path.
        tables: rows of each report/*.csv by its name.
        paths: of these tables and of config/published/*.csv (as `published/<name>`), of figures (`figures/<name>`).
        stages: manifests of the trained stages in their order.
        config: values of configuration keys without settings of how jobs run.
    """

    hashes: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Rows] = field(default_factory=dict)
    published: Mapping[str, Rows] = field(default_factory=dict)
    paths: Mapping[str, Path] = field(default_factory=dict)
    stages: Sequence[Path] = ()
    curation: Path | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    def address(self, path: Path | None) -> str:
        """Short address of an input; "" for what is none."""
        name = "" if path is None else os.path.normpath(path)
        return short_address(label_of(Path(name)), self.hashes[name]) if name in self.hashes else ""

    def of(self, name: str) -> str:
        """Short address of a table, a published table or a figure by its name."""
        return self.address(self.paths.get(name))

    def of_row(self, table: str, row: Mapping[str, str]) -> str:
        """Short address of the artifact that a row points at; of its table where that is no input."""
        target = row.get("pointer", "").partition("#")[0]
        return (self.address(self.paths[table].parent / target) if target else "") or self.of(table)

    def of_key(self, key: str) -> str:
        """Short address of a configuration key: `config/recipes.strict · a1b2c3`."""
        return short_address(f"config/{key}", sha256_json(self.config[key]))

    def setting(self, key: str, text: str) -> Text:
        """A text from the configuration."""
        return Text(text, self.of_key(key))


def without_settings(value: Any) -> Any:
    """A configuration value as plain Python values, without what says only how a job runs (schema.setting)."""
    if dataclasses.is_dataclass(value):
        fields = [entry.name for entry in dataclasses.fields(value) if not entry.metadata.get("setting")]
        return {name: without_settings(getattr(value, name)) for name in fields}
    if isinstance(value, Mapping):
        return {str(name): without_settings(item) for name, item in value.items()}
    return [without_settings(item) for item in value] if isinstance(value, list) else value


def percent(share: str | float) -> str:
    """A share as a percentage with one decimal, without its sign."""
    return f"{100 * float(share):.1f}"


def words(name: str) -> str:
    """A name of the configuration as words."""
    return name.replace("_", " ")


def to_json(values: Values) -> dict[str, Any]:
    """The values as JSON; figures by the names of their files."""
    return {key: _plain(value) for key, value in values.items()}


def _plain(value: Value) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Figure):
        return {"file": value.path.name if value.path else None, "address": value.address, "text": NOT_RUN}
    if isinstance(value, Table):
        rows = [[_plain(cell) for cell in row] for row in value.rows]
        head = {"title": value.title, "columns": list(value.columns), "text": NOT_RUN, "names": value.names}
        return head | {"rows": rows, "address": value.address}
    return dataclasses.asdict(value)
