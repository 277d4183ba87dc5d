"""Raw rows to the one schema of problems, and the selection of a benchmark from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from deepcoder.config.schema import Benchmark, Source
from deepcoder.curation.rows import Parsed, Rejected, in_window, to_problem
from deepcoder.errors import UserError
from deepcoder.manifest import Manifest, write_manifest
from deepcoder.schemas.problem import DROPPED, PROBLEM, problem_id
from deepcoder.schemas.table import write_table
from deepcoder.schemas.tests_store import TestsStore

Row = dict[str, Any]
MOST_REASONS = 50  # that a manifest names; each row's own is in dropped.parquet


def normalise(
    name: str, source: Source, rows: Iterable[Parsed | Rejected], store: TestsStore
) -> tuple[list[Row], list[Row]]:
    """Problems and rejections of a source, each sorted by id; tests go to the store.

    Raises:
        UserError: no row became a problem.
    """
    problems: dict[str, Row] = {}
    dropped: list[Row] = []
    for row in islice(rows, source.limit):
        if isinstance(row, Parsed) and problem_id(name, row.source_id) in problems:
            row = Rejected(row.source_id, "the source has an earlier row with this id")
        if isinstance(row, Parsed):
            problem = to_problem(row, name, source, store)
            problems[problem["id"]] = problem
        else:
            dropped.append(dropped_row(problem_id(name, row.source_id), name, row.source_id, "parse", row.reason))
    store.flush()
    if not problems:
        reasons = "; ".join(f"{n} x {reason}" for reason, n in Counter(r["reason"] for r in dropped).most_common(3))
        raise UserError(f"source {name}: none of {len(dropped)} rows became a problem ({reasons or 'no rows'})")
    return sorted(problems.values(), key=lambda r: r["id"]), sorted(dropped, key=lambda r: (r["id"], r["reason"]))


def dropped_row(identity: str, source: str, source_id: str, rule: str, reason: str) -> Row:
    """A row of schemas.problem.DROPPED."""
    return {"id": identity, "source": source, "source_id": source_id, "rule": rule, "reason": reason}


def write_problems(
    path: Path, name: str, problems: Sequence[Row], dropped: Sequence[Row], facts: Mapping[str, Any]
) -> Manifest:
    """Write problems.parquet, dropped.parquet and their manifest (artifact "problems"), `facts` added to its counts."""
    root = path.parent
    write_table(root / "problems.parquet", problems, PROBLEM)
    write_table(root / "dropped.parquet", dropped, DROPPED)
    facts = {
        **facts,
        "source": name,
        "rows": len(problems),
        "dropped": len(dropped),
        "splits": dict(sorted(Counter(row["split"] for row in problems).items())),
        "dropped_by_reason": count_reasons([row["reason"] for row in dropped]),
    }
    return write_manifest(path, "problems", [root / "problems.parquet", root / "dropped.parquet"], facts)


def count_reasons(reasons: Sequence[str]) -> dict[str, int]:
    """How often each reason was given; those beyond the commonest are counted together, so that the sum is all."""
    ranked = sorted(Counter(reasons).items(), key=lambda item: (-item[1], item[0]))
    counts = dict(sorted(ranked[:MOST_REASONS]))
    if rest := sum(number for _, number in ranked[MOST_REASONS:]):
        counts["other reasons"] = rest
    return counts


def select_benchmark(name: str, benchmark: Benchmark, problems: Sequence[Row]) -> list[Row]:
    """The benchmark's problems: held-out or test split, inside its dates, of its subset; sorted by id.

    Raises:
        UserError: a subset id that the source lacks, no problem left, or another number than expected.
    """
    chosen = [row for row in problems if row["split"] in ("heldout", "test")]
    chosen = [row for row in chosen if in_window(row["date"], benchmark.after, benchmark.before)]
    if benchmark.subset:
        missing = sorted(set(benchmark.subset) - {row["source_id"] for row in chosen})
        if missing:
            raise UserError(
                f"config/benchmark/{name}.yaml: subset names {', '.join(missing)}, which source "
                f"{benchmark.source} does not have as a test problem; take them out"
            )
        chosen = [row for row in chosen if row["source_id"] in set(benchmark.subset)]
    if benchmark.rows_expected is not None and len(chosen) != benchmark.rows_expected:
        raise UserError(
            f"config/benchmark/{name}.yaml: rows_expected is {benchmark.rows_expected}, source "
            f"{benchmark.source} gives {len(chosen)}; correct the dates or the number"
        )
    if not chosen:
        raise UserError(f"config/benchmark/{name}.yaml: no problem of source {benchmark.source} is left; widen it")
    return sorted(chosen, key=lambda row: row["id"])


def without_errata(benchmark: Benchmark, chosen: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The benchmark's problems but for those that its errata exclude, and a row of DROPPED for each of these."""
    excluded = benchmark.errata if benchmark.errata_policy == "exclude" else {}
    faults = {source_id: fault for fault, ids in excluded.items() for source_id in ids}
    kept = [row for row in chosen if row["source_id"] not in faults]
    dropped = [
        dropped_row(row["id"], row["source"], row["source_id"], "errata", faults[row["source_id"]])
        for row in chosen
        if row["source_id"] in faults
    ]
    return kept, dropped
