"""Addresses of numbers: which model, trained how, on which benchmark at which context; and where it is written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError

BASE = "base"
SHORT = 6  # hex digits of a hash in an address that is printed
PRINTED = re.compile(r"^\s*(\S+?)\s*[·@\s]\s*([0-9a-f]{6,64})\s*$")


@dataclass(frozen=True, order=True)
class Subject:
    """A model under test.

    Attributes:
        model: name of the base model in the configuration.
        recipe: how it was trained; "" for a base model.
        stage: after which stage; "base" for a base model.
    """

    model: str
    recipe: str = ""
    stage: str = BASE

    @property
    def label(self) -> str:
        """`strict/32k` for what was trained, `base/<model>` for what was not."""
        return f"{self.recipe}/{self.stage}" if self.recipe else f"{BASE}/{self.model}"


@dataclass(frozen=True, order=True)
class Address:
    """A score: subject, benchmark and context label."""

    subject: Subject
    benchmark: str
    context: str


def parse_subject(folder: Path) -> Subject:
    """`models/base/<model>` or `<recipe>/<model>/<stage>`, from the end of a path.

    Raises:
        UserError: fewer than three parts.
    """
    parts = Path(folder).parts[-3:]
    if len(parts) < 3:
        raise UserError(f"{folder}: not the folder of a model; expected <recipe>/<model>/<stage>")
    return Subject(parts[2]) if parts[:2] == ("models", BASE) else Subject(parts[1], parts[0], parts[2])


def parse_scores_path(path: Path) -> Address:
    """Address of `<subject>/eval/<benchmark>/<context>/scores.json`.

    Raises:
        UserError: a path of another form.
    """
    path = Path(path)
    folder = path.parent.parent.parent
    if path.name != "scores.json" or folder.name != "eval":
        raise UserError(f"{path}: expected <subject>/eval/<benchmark>/<context>/scores.json")
    return Address(parse_subject(folder.parent), path.parent.parent.name, path.parent.name)


def samples_path(scores: Path, identity: Mapping[str, Any]) -> Path:
    """Manifest of the samples behind a score file with that identity: of its own context, or those that all share."""
    own = "context" in identity.get("samples", {})
    return (scores.parent if own else scores.parent.parent) / "samples.json"


def pointer(target: Path, value: str, table: Path) -> str:
    """Where a number is written: path of the file relative to the table's folder, `#`, JSON pointer."""
    return f"{relative(target, table.parent)}#{value}"


def relative(target: Path, folder: Path) -> str:
    """Relative path with forward slashes, the same from any working directory."""
    return Path(os.path.relpath(target, folder)).as_posix()


def label_of(path: Path) -> str:
    """What a short address calls an artifact: its subject, or the end of its path.

    >>> label_of(Path("results/smoke/strict/tiny/32k/eval/easy/64k/scores.json"))
    'strict/32k'
    >>> label_of(Path("config/published/main.csv"))
    'published/main'
    """
    if path.name == "scores.json":
        return parse_scores_path(path).subject.label
    if path.name != "manifest.json":
        return f"{path.parent.name}/{path.stem}"
    folder = path.parent
    return f"data/{folder.name}" if folder.parent.name == "data" else parse_subject(folder).label


def short_address(label: str, sha256: str) -> str:
    """The address that a document prints beside a number: `strict/32k · a1b2c3`."""
    return f"{label} · {sha256[:SHORT]}"


def parse_short(text: str) -> tuple[str, str]:
    """Label and the first digits of the hash of a printed address; for the dot, `@` or a space does as well.

    Raises:
        UserError: a text of another form.
    """
    found = PRINTED.match(text)
    if found is None:
        raise UserError(f"{text!r} is no address; write it as printed, for example 'strict/32k · a1b2c3'")
    return found[1], found[2]
