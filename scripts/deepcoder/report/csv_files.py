"""Tables of the report as CSV, and the words that stand in them."""

from __future__ import annotations

from deepcoder.schemas.csv_table import read_csv, write_csv

__all__ = ["NOT_RUN", "RUN", "number", "read_csv", "write_csv"]

NOT_RUN = "not run at this scale"
RUN = "run"


def number(text: str) -> float | None:
    """A cell as a number; None where it is empty."""
    return float(text) if text else None
