"""What an address in a document stands for, by the record of the job that made the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json, sha256_json
from deepcoder.provenance.record import record_path
from deepcoder.report.address import label_of, parse_short, short_address

CONFIG = "config/"  # begins the label of a configuration key
VALUES = "paper.json"  # output beside the document with all that it prints


@dataclass(frozen=True)
class Resolved:
    """One meaning of an address.

    Attributes:
        address: as the document prints it.
        path: the artifact; None for a configuration key.
        key: the configuration key; "" for an artifact.
        value: what was read at the key.
        printed: key of the template -> what is printed there.
    """

    address: str
    sha256: str
    path: Path | None = None
    key: str = ""
    value: Any = None
    printed: Mapping[str, str] = field(default_factory=dict)


def resolve(document: Path, text: str) -> list[Resolved]:
    """Inputs and configuration keys of a document that an address names.

    Raises:
        UserError: no record beside the document, a text that is no address, or one that names nothing here.
    """
    path = record_path(document)
    if not path.exists():
        raise UserError(f"{path}: no such record; without it nobody knows what {document.name} was made from")
    record = read_json(path)
    label, digits = parse_short(text)
    try:
        named = [item for item in _everything(record) if item[0] == label]
        values = _values(record)
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: not a record ({error}); make the document again") from error
    found = [Resolved(short_address(label, sha), sha, *rest) for _, sha, *rest in named if sha.startswith(digits)]
    if not found:
        known = ", ".join(sorted(short_address(label, sha) for _, sha, *_ in named)[:6])
        raise UserError(f"{document}: was made from nothing with the address {text!r}" + _hint(label, known))
    return [Resolved(**{**vars(item), "printed": dict(_printed(values, item.address))}) for item in found]


def _everything(record: Mapping[str, Any]) -> Iterator[tuple[str, str, Path | None, str, Any]]:
    """Label, hash, path, configuration key and its value, of all that a document was made from."""
    for item in record["inputs"]:
        if "sha256" in item:
            yield label_of(Path(item["path"])), item["sha256"], Path(item["path"]), "", None
    for key, value in record["identity"]["config"].items():
        yield f"{CONFIG}{key}", sha256_json(value), None, key, value


def _values(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the document prints, by key; nothing where it has no file of that."""
    found = (Path(item["path"]) for item in record["outputs"] if Path(item["path"]).name == VALUES)
    path = next(found, None)
    return {} if path is None else dict(read_json(path))


def _hint(label: str, known: str) -> str:
    return f"; of {label} there are {known}" if known else f"; it prints nothing of {label}"


def _printed(values: Mapping[str, Any], address: str) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        tables = value if isinstance(value, list) else [value] if "rows" in value else []
        for table in tables:
            yield from _in_table(key, table, address)
        if isinstance(value, dict) and not tables and value["address"] == address:
            yield key, value.get("file") or value["text"]


def _in_table(key: str, table: Mapping[str, Any], address: str) -> Iterator[tuple[str, str]]:
    if table["address"] == address:
        yield key, table["title"]
    for number, row in enumerate(table["rows"], start=1):
        for column, cell in zip(table["columns"], row, strict=True):
            if cell["address"] == address:
                yield f"{key}, row {number}, {column}", cell["text"]
