"""Two training sets from the same problems, problem by problem: what both keep, what one keeps, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from deepcoder.errors import UserError
from deepcoder.manifest import Manifest, read_manifest, write_manifest
from deepcoder.schemas.csv_table import write_csv
from deepcoder.schemas.problem import DROPPED
from deepcoder.schemas.table import read_table, write_table

Row = Mapping[str, Any]
KEPT = ("train", "validation")  # payload files of a curation; what is held back for validation counts as kept
BOTH, NEITHER, ALL = "both", "neither", "all"
PARSE = "parse"  # rows that are no problem in any curation
COLUMNS = ("source", "kept_by", "rule", "problems", "leaked")
NAMES = pa.schema([DROPPED.field(name) for name in ("id", "source", "source_id")])
PAIRS = pa.schema([("rule", pa.string()), ("id", pa.string()), ("benchmark", pa.string())])
LEAKED = "leaked"  # rule of a pair of a kept problem and one of a benchmark, where nothing was removed for it


@dataclass(frozen=True)
class Curation:
    """A training set as it is compared.

    Attributes:
        fates: id -> ("train" or "validation", "") or (rule that dropped it, reason), of every parsed problem.
        names: id -> (source, the source's own id).
        rejected: rows of DROPPED that never became a problem.
        leaks: id of a kept problem -> the benchmarks that hold one like it.
    """

    name: str
    fates: Mapping[str, tuple[str, str]]
    names: Mapping[str, tuple[str, str]]
    rejected: Sequence[Row]
    leaks: Mapping[str, frozenset[str]]

    def keeps(self, identity: str) -> bool:
        return self.fates[identity][0] in KEPT


def load_curation(path: Path) -> Curation:
    """A curation by its manifest; statements and solutions are not read."""
    manifest = read_manifest(path, "curated")
    fates: dict[str, tuple[str, str]] = {}
    names: dict[str, tuple[str, str]] = {}
    for part in KEPT:
        for row in read_table(manifest.file(f"{part}.parquet"), NAMES):
            fates[row["id"]], names[row["id"]] = (part, ""), (row["source"], row["source_id"])
    dropped = read_table(manifest.file("dropped.parquet"), DROPPED)
    for row in (row for row in dropped if row["rule"] != PARSE):
        fates[row["id"]], names[row["id"]] = (row["rule"], row["reason"]), (row["source"], row["source_id"])
    leaks: dict[str, set[str]] = defaultdict(set)
    for row in read_table(manifest.file("pairs.parquet"), PAIRS):
        if row["rule"] == LEAKED and fates.get(row["id"], ("",))[0] in KEPT:
            leaks[row["id"]].add(row["benchmark"] or "")
    rejected = [row for row in dropped if row["rule"] == PARSE]
    return Curation(manifest.facts["curation"], fates, names, rejected, {k: frozenset(v) for k, v in leaks.items()})


def comparison_schema(first: str, second: str) -> pa.Schema:
    """Columns of curations.parquet: a problem, who keeps it, and its fate, reason and leaks in each curation."""
    own = [(f"{name}_{what}", pa.large_string()) for name in (first, second) for what in ("fate", "reason", "leaks")]
    return pa.schema([*NAMES, ("kept_by", pa.string()), *own])


def compare(first: Curation, second: Curation) -> list[dict[str, Any]]:
    """A row of `comparison_schema` for each problem and each rejected row, sorted by id.

    Raises:
        UserError: the two were not made from the same problems.
    """
    if first.names != second.names or first.rejected != second.rejected:
        differing = sorted(set(first.names.items()) ^ set(second.names.items()))[:1]
        raise UserError(
            f"curations {first.name} and {second.name} were made from other problems"
            f"{f' (problem {differing[0][0]})' if differing else ''}; make both again with snakemake"
        )
    rows = [_row(identity, first, second) for identity in first.names]
    for row in first.rejected:
        fates = {f"{name}_{what}": row[key] for name in (first.name, second.name) for what, key in _FATE}
        rows.append({name: row[name] for name in NAMES.names} | {"kept_by": NEITHER} | fates)
    return sorted(rows, key=lambda row: (row["id"], row[f"{first.name}_fate"], row[f"{first.name}_reason"]))


def count(rows: Sequence[Row], first: str, second: str) -> list[dict[str, Any]]:
    """Rows of curations.csv, for each source and for all together.

    For `both` and `neither` the number of problems. For what one keeps the number under rule "", then by the rule by
    which it falls in the other. `leaked` counts those that a benchmark holds too, as far as a curation that removes
    nothing for it has told.
    """
    leaks = (f"{first}_leaks", f"{second}_leaks")
    counts: Counter[tuple[str, str, str]] = Counter()
    leaked: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        other = {first: second, second: first}.get(row["kept_by"])
        for source in (row["source"], ALL):
            for rule in ("", row[f"{other}_fate"]) if other else ("",):
                counts[source, row["kept_by"], rule] += 1
                leaked[source, row["kept_by"], rule] += any(row.get(name) for name in leaks)
    sources = [*sorted({row["source"] for row in rows}), ALL]
    table = []
    for source in sources:
        for kept_by in (BOTH, first, second, NEITHER):
            rules = sorted(rule for name, who, rule in counts if (name, who) == (source, kept_by) and rule)
            for rule in ("", *rules):
                key = (source, kept_by, rule)
                table.append(dict(zip(COLUMNS, (*key, counts[key], leaked[key]), strict=True)))
    return table


def write_comparison(path: Path, first: Curation, second: Curation) -> Manifest:
    """Write curations.parquet, curations.csv and their manifest (artifact "comparison")."""
    rows = compare(first, second)
    table = count(rows, first.name, second.name)
    files = [path.parent / name for name in ("curations.parquet", "curations.csv")]
    write_table(files[0], rows, comparison_schema(first.name, second.name))
    write_csv(files[1], COLUMNS, table)
    totals = {row["kept_by"]: row["problems"] for row in table if row["source"] == ALL and not row["rule"]}
    return write_manifest(path, "comparison", files, {"first": first.name, "second": second.name, "problems": totals})


_FATE = (("fate", "rule"), ("reason", "reason"))


def _row(identity: str, first: Curation, second: Curation) -> dict[str, Any]:
    keeping = [curation.name for curation in (first, second) if curation.keeps(identity)]
    row: dict[str, Any] = dict(zip(NAMES.names, (identity, *first.names[identity]), strict=True))
    row["kept_by"] = BOTH if len(keeping) == 2 else keeping[0] if keeping else NEITHER
    for curation in (first, second):
        fate, reason = curation.fates[identity]
        leaks = ", ".join(sorted(curation.leaks.get(identity, ())))
        own = {"fate": fate, "reason": reason, "leaks": leaks}
        row |= {f"{curation.name}_{name}": value or None for name, value in own.items()}
    return row
