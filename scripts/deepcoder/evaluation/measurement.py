"""What a score was measured with, in short digests that stand in every score."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deepcoder.files import sha256_json

# What decides a verdict: the sandbox and the comparators, and what finds program or answer in a response.
JUDGES = (
    "deepcoder.judge",
    "deepcoder.evaluation.grade",
    "deepcoder.evaluation.answers",
    "deepcoder.evaluation.truncation",
)


def judge_modules(digests: Mapping[str, str]) -> dict[str, str]:
    """The modules that decide a verdict, of all that a door imports, each with the digest of its syntax tree."""
    return {name: digest for name, digest in digests.items() if any(f"{name}.".startswith(f"{j}.") for j in JUDGES)}


def prompts_digest(samples: Iterable[Mapping[str, Any]]) -> str:
    """Hex digest of the prompts as the model saw them, chat format included, whatever the order of the samples."""
    return sha256_json(sorted({(row["problem_id"], row["prompt"]) for row in samples}))
