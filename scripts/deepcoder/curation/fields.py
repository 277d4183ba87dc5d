"""Fields of raw rows as the values that a problem has; every function rejects what it cannot read."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import Any

from deepcoder.curation.rows import Reject

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def text(value: Any, name: str) -> str:
    """A text that must be there."""
    if not isinstance(value, str) or not value.strip():
        raise Reject(f"{name} is empty")
    return value


def text_or_none(value: Any) -> str | None:
    """A text, or None for anything empty."""
    return value if isinstance(value, str) and value.strip() else None


def texts(value: Any) -> list[str]:
    """The texts among the items of a list."""
    return [item for item in value if text_or_none(item)] if isinstance(value, list) else []


def day(value: Any) -> str | None:
    """YYYY-MM-DD at the start of a date in ISO form, else None."""
    found = _DAY.match(str(value)) if value is not None else None
    try:
        return date.fromisoformat(found.group()).isoformat() if found else None
    except ValueError:  # no such day
        return None


def seconds(value: Any) -> float | None:
    """A time limit such as `2`, `2.5` or "2.5 seconds", else None."""
    if isinstance(value, bool) or value is None:
        return None
    found = _NUMBER.match(str(value).strip())
    number = float(found.group()) if found else 0.0
    return number if 0 < number < math.inf else None
