"""Apply the rules in order and write the training set, what was dropped, and the funnel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.config.schema import Curation
from deepcoder.curation.normalise import dropped_row
from deepcoder.curation.rules import RULES, Evidence
from deepcoder.errors import UserError
from deepcoder.manifest import Manifest, write_manifest
from deepcoder.schemas.csv_table import write_csv
from deepcoder.schemas.pair import PAIR
from deepcoder.schemas.problem import DROPPED, PROBLEM
from deepcoder.schemas.table import write_table

Row = Mapping[str, Any]
FUNNEL = ("source", "rule", "rows_in", "removed", "rows_out")
ALL = "all"  # the funnel's rows over all sources


@dataclass(frozen=True)
class Curated:
    """The result; every list is sorted by id, `funnel` by source and the order of the rules."""

    train: list[Row]
    validation: list[Row]
    dropped: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    funnel: list[dict[str, Any]]


def curate(problems: Sequence[Row], rejected: Sequence[Row], config: Curation, evidence: Evidence) -> Curated:
    """The training set; the same for any order of the input.

    Args:
        problems: rows of PROBLEM of all training sources.
        rejected: rows of DROPPED that normalise wrote for them.
        config: thresholds and switches.
        evidence: what the rules know beside the problems.

    Raises:
        UserError: a pass rate is asked for and none was given.
    """
    if config.difficulty.enabled and evidence.pass_rates is None:
        raise UserError("difficulty.enabled asks for pass rates: give curate.py --pass-rates MANIFEST, or turn it off")
    left = sorted(problems, key=lambda row: row["id"])
    validation: list[Row] = []
    dropped = [dict(row) for row in rejected]
    counts = {("parse", name): number for name, number in Counter(row["source"] for row in rejected).items()}
    for rule, apply in RULES:
        removed = apply(left, config, evidence)
        gone = [row for row in left if row["id"] in removed]
        left = [row for row in left if row["id"] not in removed]
        counts |= {(rule, name): number for name, number in Counter(row["source"] for row in gone).items()}
        if rule == "validation":
            validation = gone
        else:
            dropped += [dropped_row(r["id"], r["source"], r["source_id"], rule, removed[r["id"]]) for r in gone]
    sources = sorted({row["source"] for row in [*problems, *rejected]})
    totals = Counter(row["source"] for row in [*problems, *rejected])
    return Curated(
        left,
        validation,
        sorted(dropped, key=lambda row: (row["id"], row["rule"], row["reason"])),
        sorted(evidence.pairs, key=lambda row: (row["rule"], row["id"], row["other_id"], row["benchmark"] or "")),
        funnel(sources, totals, counts),
    )


def funnel(
    sources: Sequence[str], totals: Mapping[str, int], removed: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """Rows in, removed and out, for each source and rule in order, and for all sources together.

    Args:
        totals: rows of each source before any rule.
        removed: (rule, source) -> rows removed.
    """
    table = []
    for name in [*sources, ALL]:
        members = sources if name == ALL else [name]
        rows_in = sum(totals[member] for member in members)
        for rule in ("parse", *(rule for rule, _ in RULES)):
            gone = sum(removed.get((rule, member), 0) for member in members)
            row = (name, rule, rows_in, gone, rows_in - gone)
            table.append(dict(zip(FUNNEL, row, strict=True)))
            rows_in -= gone
    return table


def write_curated(path: Path, name: str, curated: Curated) -> Manifest:
    """Write the five payload files and their manifest (artifact "curated").

    Raises:
        UserError: no problem is left to train on.
    """
    if not curated.train:
        worst = "; ".join(f"{n} by {rule}" for rule, n in Counter(r["rule"] for r in curated.dropped).most_common(3))
        raise UserError(
            f"curation {name}: no problem is left to train on ({worst}); loosen config/curation/{name}.yaml"
        )
    root = path.parent
    write_table(root / "train.parquet", curated.train, PROBLEM)
    write_table(root / "validation.parquet", curated.validation, PROBLEM)
    write_table(root / "dropped.parquet", curated.dropped, DROPPED)
    write_table(root / "pairs.parquet", curated.pairs, PAIR)
    write_csv(root / "funnel.csv", FUNNEL, curated.funnel)
    files = ["train.parquet", "validation.parquet", "dropped.parquet", "pairs.parquet", "funnel.csv"]
    facts = {
        "curation": name,
        "train": len(curated.train),
        "validation": len(curated.validation),
        "dropped": len(curated.dropped),
        "train_by_source": dict(sorted(Counter(row["source"] for row in curated.train).items())),
    }
    return write_manifest(path, "curated", [root / file for file in files], facts)
