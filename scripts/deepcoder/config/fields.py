"""Fields of the typed configuration that are more than a type and a default."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from omegaconf import MISSING


def choice(*values: str | int, default: str | int = MISSING) -> Any:
    """A field that must be one of `values`."""
    return field(default=default, metadata={"choices": values})


def setting(default: Any = MISSING, choices: tuple[str, ...] = ()) -> Any:
    """A field that says how a job runs, not what it computes: never part of a rule's identity."""
    return field(default=default, metadata={"setting": True, "choices": choices})
