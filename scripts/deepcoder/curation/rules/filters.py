"""Rules that look at one problem at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from deepcoder.config.schema import Curation
from deepcoder.curation.rules.evidence import Evidence, Removed, Row


def held_out(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems of a benchmark's split or outside the training window."""
    return {row["id"]: f"split {row['split']}" for row in rows if row["split"] != "train"}


def enough_tests(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems with fewer tests than asked."""
    least = config.min_tests
    return {
        row["id"]: f"{row['tests_count']} tests, at least {least} needed" for row in rows if row["tests_count"] < least
    }


def test_size(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose largest test, or all tests together, are more than a judge should hold."""
    limits = {
        "largest_test_bytes": (config.filters.max_test_bytes, "bytes in the largest test"),
        "tests_bytes": (config.filters.max_tests_bytes, "bytes in all tests"),
    }
    removed: Removed = {}
    for column, (most, what) in limits.items():
        for row in rows:
            if most is not None and row[column] > most:
                removed.setdefault(row["id"], f"{row[column]:,} {what}, at most {most:,} allowed")
    return removed


def prompt_length(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose prompt has more tokens of the model's tokenizer than allowed."""
    removed = {}
    for row in rows:
        if (tokens := evidence.prompt_tokens(row)) > config.max_prompt_tokens:
            removed[row["id"]] = f"{tokens} prompt tokens, at most {config.max_prompt_tokens} allowed"
    return removed


def difficulty(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose pass rate is not strictly inside the band."""
    if not config.difficulty.enabled:
        return {}
    rates = evidence.pass_rates or {}
    low, high = config.difficulty.low, config.difficulty.high
    removed = {}
    for row in rows:
        rate = rates.get(row["id"])
        if rate is None:
            removed[row["id"]] = "its pass rate was not measured"
        elif not low < rate < high:
            removed[row["id"]] = f"pass rate {rate:.3f} is not between {low} and {high}"
    return removed


def validation(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems held back for validation, whole families at a time."""
    fraction = config.validation_fraction
    return {row["id"]: "held back for validation" for row in rows if _share(row) < fraction}


def _share(row: Row) -> float:
    """A uniform number from 0 to 1 that depends on the family, or on the id of a problem without one."""
    digest = hashlib.sha256(f"validation\n{row['family'] or row['id']}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
