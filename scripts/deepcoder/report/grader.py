"""grader.csv: the same responses, and the same reference solutions, by a strict and by more lenient judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from deepcoder.config.schema import Benchmark
from deepcoder.manifest import Manifest
from deepcoder.report.address import Address, Subject, pointer
from deepcoder.report.csv_files import NOT_RUN, RUN, read_csv
from deepcoder.report.tables import FUNNEL_INPUT, Scored

COLUMNS = (
    "kind", "subject", "benchmark", "title", "context", "judge", "value", "standard_error", "interval_low",
    "interval_high", "difference", "only_here_correct", "only_here_wrong", "samples", "status", "pointer",
)  # fmt: skip
RESPONSES, REFERENCES = "responses", "references"
KEPT = ("train", "validation")  # fates of a problem that no rule has removed
REFUSED = ("flaky", "verified")  # rules by which a problem falls for what its references did in the judge

Row = dict[str, Any]


def response_rows(
    scored: Mapping[Address, Scored],
    subjects: Sequence[Subject],
    benchmarks: Mapping[str, Benchmark],
    context: str,
    table: Path,
) -> list[Row]:
    """For each model and benchmark pass@1 by the benchmark's own comparator and by each one beside it.

    `difference` and `only_here_*` (samples) are against the benchmark's own. Benchmarks without a comparator beside are
    left out; of one that was not run a row says so.
    """
    rows = []
    for name, benchmark in benchmarks.items():
        if not benchmark.comparators_beside:
            continue
        keys = {"kind": RESPONSES, "benchmark": name, "title": benchmark.title, "context": context}
        found = [scored[a] for subject in subjects if (a := Address(subject, name, context)) in scored]
        rows += [keys | row for score in found for row in _of_score(score, table)]
        rows += [] if found else [keys | {"status": NOT_RUN}]
    return rows


def _of_score(scored: Scored, table: Path) -> list[Row]:
    scores = scored.scores
    row = {"subject": scored.address.subject.label, "samples": scores["counts"]["samples"], "status": RUN}
    judged = [(scores["identity"]["comparator"], "", scores)]
    judged += [(name, f"/beside/{name}", told) for name, told in scores.get("beside", {}).items()]
    return [
        row
        | {"judge": name, "value": told["value"], "standard_error": told["standard_error"]}
        | dict(zip(("interval_low", "interval_high"), told["interval"], strict=True))
        | ({"difference": told["value"] - scores["value"]} if place else {})
        | {key: told[key] for key in ("only_here_correct", "only_here_wrong") if place}
        | {"pointer": pointer(scored.path, f"{place}/value", table)}
        for name, place, told in judged
    ]


def reference_rows(comparison: Manifest, curation: Manifest, table: Path) -> list[Row]:
    """The share of problems with an accepted reference by the rules of either curation, the first being the base.

    A problem counts if it got as far as its references in both: it was kept, fell to REFUSED, or to a rule after these
    in the funnel. The rules differ in the comparator and in how many tests and runs they ask for.

    Args:
        comparison: of curation/compare.py, problem by problem.
        curation: whose funnel has the rules in their order.
    """
    order = list(dict.fromkeys(row["rule"] for row in read_csv(curation.file("funnel.csv"), FUNNEL_INPUT)))
    later = {*KEPT, *order[order.index(REFUSED[-1]) + 1 :]} if REFUSED[-1] in order else set(KEPT)
    names = [comparison.facts[name] for name in ("first", "second")]
    fates = parquet.read_table(
        comparison.file("curations.parquet"), columns=[f"{name}_fate" for name in names]
    ).to_pylist()
    judged = [[row[f"{name}_fate"] for name in names] for row in fates]
    accepted = [[fate in later for fate in pair] for pair in judged if all(f in later or f in REFUSED for f in pair)]
    rows: list[Row] = []
    for place, name in enumerate(names):
        right = sum(pair[place] for pair in accepted)
        row: Row = {"kind": REFERENCES, "title": "References of the training problems", "judge": f"rules {name}"}
        row |= {"value": right / len(accepted)} if accepted else {}
        row |= {"samples": len(accepted), "status": RUN, "pointer": pointer(comparison.path, "/facts", table)}
        if rows and accepted:
            row["difference"] = row["value"] - rows[0]["value"]
            row["only_here_correct"] = sum(pair == [False, True] for pair in accepted)
            row["only_here_wrong"] = sum(pair == [True, False] for pair in accepted)
        rows.append(row)
    return rows
