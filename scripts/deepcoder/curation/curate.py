"""Apply the rules in order and write the training set, what was dropped, and the funnel."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.config.schema import Curation, Verification
from deepcoder.curation.checkers import checker_for
from deepcoder.curation.normalise import dropped_row
from deepcoder.curation.rules import COMPARING, READING, RULES, Evidence, Rule
from deepcoder.errors import UserError
from deepcoder.manifest import Manifest, write_manifest
from deepcoder.schemas.csv_table import write_csv
from deepcoder.schemas.pair import PAIR
from deepcoder.schemas.problem import DROPPED, PROBLEM
from deepcoder.schemas.table import in_groups, write_table

Row = Mapping[str, Any]
FUNNEL = ("source", "rule", "rows_in", "removed", "rows_out")
ROWS_AT_ONCE = 1024
ALL = "all"  # the funnel's rows over all sources
# By what problems are compared, named and counted; the rest of a row, nearly all of it, is let go once it was read.
COMPARED = ("id", "source", "source_id", "tests_count", "statement_digest", "family", "date", "url", "contest_problem")


@dataclass(frozen=True)
class Curated:
    """The result; every list is sorted by id, `funnel` by source and the order of the rules.

    Problems that stay are rows of COMPARED and `test_digests`.
    """

    train: list[Row]
    validation: list[Row]
    dropped: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    funnel: list[dict[str, Any]]


def curate(problems: Iterable[Row], rejected: Sequence[Row], config: Curation, evidence: Evidence) -> Curated:
    """The training set; the same for any order of the input.

    Args:
        problems: rows of PROBLEM of all training sources; a few of them are held at a time.
        rejected: rows of DROPPED that normalise wrote for them.
        config: thresholds and switches.
        evidence: what the rules know beside the problems.

    Raises:
        UserError: a pass rate is asked for and none was given.
    """
    if config.difficulty.enabled and evidence.pass_rates is None:
        raise UserError("difficulty.enabled asks for pass rates: give curate.py --pass-rates MANIFEST, or turn it off")
    sieve = _Sieve(config, evidence)
    totals = Counter(row["source"] for row in rejected)
    left: list[Row] = []
    for rows in in_groups(problems, ROWS_AT_ONCE):
        totals.update(row["source"] for row in rows)
        stay = sieve.apply(READING, rows)
        for words in {config.deduplication.shingle_words, config.decontamination.shingle_words}:
            evidence.shingles.meet(stay, words)
        left += map(_compact, stay)
    left = sieve.apply(COMPARING, sorted(left, key=lambda row: row["id"]))
    parsed = {("parse", name): number for name, number in Counter(row["source"] for row in rejected).items()}
    return Curated(
        left,
        sieve.validation,
        sorted([*map(dict, rejected), *sieve.dropped], key=lambda row: (row["id"], row["rule"], row["reason"])),
        sorted(evidence.pairs, key=lambda row: (row["rule"], row["id"], row["other_id"], row["benchmark"] or "")),
        funnel(sorted(totals), totals, sieve.removed | parsed),
    )


class _Sieve:
    """Rules applied in their order, and what they have removed so far."""

    def __init__(self, config: Curation, evidence: Evidence) -> None:
        self.config, self.evidence = config, evidence
        self.removed: Counter[tuple[str, str]] = Counter()  # rule and source -> rows
        self.dropped: list[dict[str, Any]] = []
        self.validation: list[Row] = []

    def apply(self, rules: Iterable[tuple[str, Rule]], rows: list[Row]) -> list[Row]:
        """The rows that stay."""
        for name, rule in rules:
            reasons = rule(rows, self.config, self.evidence)
            gone = [row for row in rows if row["id"] in reasons]
            rows = [row for row in rows if row["id"] not in reasons]
            self.removed.update((name, row["source"]) for row in gone)
            if name == "validation":
                self.validation += gone
            else:
                self.dropped += [
                    dropped_row(r["id"], r["source"], r["source_id"], name, reasons[r["id"]]) for r in gone
                ]
        return rows


def _with_checker(row: Row, policy: Verification) -> Row:
    checker = checker_for(row, policy)
    return {**row, "checker": None if checker is None else checker.source}


def _compact(row: Row) -> Row:
    return {name: row[name] for name in COMPARED} | {"test_digests": array("Q", row["test_digests"])}


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


def write_curated(path: Path, name: str, policy: Verification, curated: Curated, problems: Iterable[Row]) -> Manifest:
    """Write the five payload files and their manifest (artifact "curated").

    Args:
        path: of the manifest; the others go beside it.
        name: of the curation.
        policy: by which the problems were verified: a checker that it allows them goes with them.
        curated: what to write.
        problems: the rows that were curated, sorted by id; they are iterated over twice.

    Raises:
        UserError: no problem is left to train on.
    """
    if not curated.train:
        worst = "; ".join(f"{n} by {rule}" for rule, n in Counter(r["rule"] for r in curated.dropped).most_common(3))
        raise UserError(
            f"curation {name}: no problem is left to train on ({worst}); loosen config/curation/{name}.yaml"
        )
    root = path.parent
    for part, kept in (("train", curated.train), ("validation", curated.validation)):
        ids = {row["id"] for row in kept}
        rows = (_with_checker(row, policy) for row in problems if row["id"] in ids)
        write_table(root / f"{part}.parquet", rows, PROBLEM)
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
