"""A few responses with their verdicts, so that a reader sees what was scored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.files import read_json
from deepcoder.manifest import read_manifest
from deepcoder.report.address import BASE, Address, parse_scores_path, samples_path
from deepcoder.report.page import VERDICTS, Evidence
from deepcoder.schemas.sample import SAMPLE, SAMPLE_VERDICT
from deepcoder.schemas.table import read_table

SHOWN_CHARACTERS = 2000
SAMPLES_SHOWN = 2  # passed and failed ones for each benchmark
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML and HTML cannot hold


@dataclass(frozen=True)
class Shown:
    """A sampled response."""

    title: str
    verdict: str
    meaning: str
    passed: str
    prompt: str
    response: str
    evidence: str


def shown_samples(scores: Sequence[Path], context: str, evidence: Mapping[str, Evidence]) -> list[Shown]:
    """Passed and failed responses for each benchmark at `context`, of the last trained model among the scores.

    The verdicts lie beside a score file, and where the samples lie its identity says.
    """
    chosen: dict[str, tuple[Address, Path]] = {}
    for path in scores:
        address = parse_scores_path(path)
        known = chosen.get(address.benchmark)
        trained = address.subject.stage != BASE or known is None or known[0].subject.stage == BASE
        if address.context == context and trained:
            chosen[address.benchmark] = (address, path)
    return [shown for address, path in chosen.values() for shown in _of(address, path, evidence[str(path.resolve())])]


def printable(text: str) -> str:
    """Text that a page can hold: control characters become visible replacements."""
    return FORBIDDEN.sub("\ufffd", text)


def _of(address: Address, path: Path, evidence: Evidence) -> list[Shown]:
    verdicts = read_table(read_manifest(path.parent / "verdicts.json").file("verdicts.parquet"), SAMPLE_VERDICT)
    drawn = read_manifest(samples_path(path, read_json(path)["identity"]))
    samples = read_table(drawn.file("samples.parquet"), SAMPLE)
    by_key = {(row["problem_id"], row["sample"]): row for row in samples}
    title = f"{address.subject.label} on {address.benchmark}"
    return [_shown(title, row, by_key[row["problem_id"], row["sample"]], evidence) for row in _few(verdicts)]


def _few(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    passed = {row["problem_id"]: row for row in reversed(verdicts) if row["verdict"] == "AC"}
    failed = {row["problem_id"]: row for row in reversed(verdicts) if row["verdict"] != "AC"}
    ordered = [sorted(group.values(), key=lambda row: row["problem_id"]) for group in (passed, failed)]
    return [row for group in ordered for row in group[:SAMPLES_SHOWN]]


def _shown(title: str, row: Mapping[str, Any], sample: Mapping[str, Any], evidence: Evidence) -> Shown:
    return Shown(
        f"{title}, problem {row['problem_id']}, sample {row['sample']}",
        row["verdict"],
        VERDICTS.get(row["verdict"], row["verdict"]) + (", truncated" if row["truncated"] else ""),
        f"{row['passed']} of {row['total']} tests",
        printable(sample["prompt"][-SHOWN_CHARACTERS:]),
        printable(sample["response"][-SHOWN_CHARACTERS:]),
        evidence.id,
    )
