"""What the page shows, gathered from tables and artifacts; page_template.py says how."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepcoder.files import read_json, sha256_file
from deepcoder.manifest import read_manifest
from deepcoder.provenance.record import record_path
from deepcoder.report.address import label_of, parse_scores_path, parse_subject, relative, short_address
from deepcoder.report.csv_files import NOT_RUN, RUN, read_csv
from deepcoder.report.paper.values import Table, Text

VERDICTS = {
    "AC": "accepted", "WA": "wrong answer", "TLE": "time limit", "MLE": "memory limit", "RE": "runtime error",
    "OLE": "output limit", "CE": "does not compile", "NF": "no code found", "IE": "fault of the judge",
}  # fmt: skip
COMPARED = ("source", "kept_by", "rule", "problems", "leaked")
Rows = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Evidence:
    """A file behind a number: links relative to the page, content hash, and facts worth reading."""

    id: str
    title: str
    link: str
    sha256: str
    record: str | None
    facts: Mapping[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass(frozen=True)
class Cell:
    """A number on the page with the evidence it links to; `text` says why where there is no number."""

    text: str
    evidence: str | None = None
    note: str = ""
    published: str = ""


def collect_evidence(
    scores: Sequence[Path], manifests: Sequence[Path], page: Path, tables: Sequence[Path] = ()
) -> dict[str, Evidence]:
    """Evidence by resolved path, for score files, manifests and tables, in the order given."""
    found: dict[str, Evidence] = {}
    for number, path in enumerate([*scores, *manifests, *tables], start=1):
        record, sha256 = record_path(path), sha256_file(path)
        if path in tables:
            title, facts = f"table {path.stem}", dict[str, str]()
        else:
            title, facts = _describe_scores(path) if path in scores else _describe_manifest(path)
        found[str(path.resolve())] = Evidence(
            f"e{number}",
            title,
            relative(path, page.parent),
            sha256,
            relative(record, page.parent) if record.exists() else None,
            facts,
            short_address(label_of(path), sha256),
        )
    return found


def score_cell(row: Mapping[str, str], evidence: Mapping[str, Evidence], table: Path) -> Cell:
    """The value of a row of benchmarks.csv or contexts.csv, as a percentage with its error, or a rating."""
    if row["status"] != RUN:
        return Cell(NOT_RUN, published=_published(row))
    rating = row["metric"] == "codeforces_rating"
    error = f" ± {100 * float(row['standard_error']):.1f}" if row["standard_error"] else ""
    low, high = float(row["interval_low"]), float(row["interval_high"])
    spread = f"{low:.0f} to {high:.0f}" if rating else f"{100 * low:.1f} to {100 * high:.1f}"
    note = f"{spread}; {row['problems']} problems × {row['samples_per_problem']}"
    text = f"{float(row['value']):.0f}" if rating else f"{100 * float(row['value']):.1f}{error}"
    return Cell(text, of_pointer(row["pointer"], evidence, table), note, _published(row))


def benchmark_grid(rows: Rows, evidence: Mapping[str, Evidence], table: Path) -> dict[str, Any]:
    """Subjects by benchmarks; benchmarks without any score are listed apart."""
    ran = dict.fromkeys(row["benchmark"] for row in rows if row["status"] == RUN)
    titles = {row["benchmark"]: row["title"] for row in rows}
    cells = {(row["subject"], row["benchmark"]): score_cell(row, evidence, table) for row in rows}
    subjects = dict.fromkeys(row["subject"] for row in rows)
    return {
        "titles": [titles[name] for name in ran],
        "lines": [(subject, [cells[subject, name] for name in ran]) for subject in subjects],
        "not_run": [title for name, title in titles.items() if name not in ran],
        "context": next((row["context"] for row in rows), ""),
    }


def context_grid(rows: Rows, evidence: Mapping[str, Evidence], table: Path) -> list[dict[str, Any]]:
    """For each benchmark, subjects by contexts."""
    grids = []
    for name in dict.fromkeys(row["benchmark"] for row in rows):
        own = [row for row in rows if row["benchmark"] == name]
        contexts = {row["context"]: row["context_tokens"] for row in own}
        contexts |= {row["context"]: row["context_tokens"] for row in own if row["context_tokens"]}
        cells = {(row["subject"], row["context"]): score_cell(row, evidence, table) for row in own}
        lines = [
            (subject, [cells[subject, context] for context in contexts])
            for subject in dict.fromkeys(row["subject"] for row in own)
        ]
        grids.append({"title": own[0]["title"], "contexts": contexts, "lines": lines})
    return grids


def training_lines(rows: Rows, stages: Sequence[Path], evidence: Mapping[str, Evidence]) -> list[dict[str, Any]]:
    """First and last value of the main metrics for each stage."""
    by_subject = {parse_subject(path.parent).label: evidence[str(path.resolve())].id for path in stages}
    lines = []
    for subject in dict.fromkeys(row["subject"] for row in rows):
        own = [row for row in rows if row["subject"] == subject]
        cells = [Cell(str(len(own)), by_subject.get(subject))]
        for name in ("reward_mean", "response_length_mean", "clipped_share", "validation_pass_rate"):
            values = [float(row[name]) for row in own if row.get(name)]
            text = f"{values[0]:.3g} → {values[-1]:.3g}" if values else NOT_RUN
            cells.append(Cell(text, by_subject.get(subject) if values else None))
        lines.append({"subject": subject, "cells": cells})
    return lines


def funnel_grid(rows: Rows, evidence: Mapping[str, Evidence], curation: Path | None) -> list[dict[str, Any]]:
    """For each source its rules with rows in, removed and out; `all` of them last."""
    known = evidence[str(curation.resolve())].id if curation else None
    grids = []
    for source in dict.fromkeys(row["source"] for row in rows):
        own = [row for row in rows if row["source"] == source]
        lines = [
            (
                row["rule"].replace("_", " "),
                [Cell(f"{int(row[name]):,}", known) for name in ("rows_in", "removed", "rows_out")],
                _published_counts(row),
            )
            for row in own
        ]
        grids.append(
            {
                "source": source.replace("_", " "),
                "lines": lines,
                "kept": f"{int(own[-1]['rows_out']):,} of {int(own[0]['rows_in']):,} left",
                "published": any(published for _, _, published in lines),
            }
        )
    return grids


def comparison_grid(path: Path | None, evidence: Mapping[str, Evidence]) -> dict[str, Any] | None:
    """Two training sets: problems by who keeps them, for each source, and why the other does not keep them."""
    if path is None:
        return None
    manifest, known = read_manifest(path, "comparison"), evidence[str(path.resolve())].id
    rows = read_csv(manifest.file("curations.csv"), COMPARED)
    first, second = manifest.facts["first"], manifest.facts["second"]
    counts = {(row["source"], row["kept_by"], row["rule"]): row for row in rows}
    sources = list(dict.fromkeys(row["source"] for row in rows))

    def line(kept_by: str, rule: str = "") -> list[Cell]:
        found = [counts.get((source, kept_by, rule)) for source in sources]
        return [
            Cell(f"{int(row['problems']):,}" if row else "0", known, _leaked(row["leaked"] if row else "0"))
            for row in found
        ]

    lines = []
    for kept_by in ("both", first, second, "neither"):
        title = f"kept by {kept_by} only" if kept_by in (first, second) else f"kept by {kept_by}"
        lines.append((title, line(kept_by), False))
        other = second if kept_by == first else first
        for rule in dict.fromkeys(row["rule"] for row in rows if row["kept_by"] == kept_by and row["rule"]):
            lines.append((f"{other}: {rule.replace('_', ' ')}", line(kept_by, rule), True))
    return {"sources": [source.replace("_", " ") for source in sources], "lines": lines, "names": (first, second)}


def recipe_grid(rows: Rows, evidence: Mapping[str, Evidence], table: Path) -> dict[str, Any] | None:
    """Switches and scores by recipe; None where no comparison was made."""
    if not rows:
        return None
    recipes = [name for name in rows[0] if name not in ("kind", "name")]
    by_key = {(row["kind"], row["name"]): row for row in rows}
    scores = []
    for row in (row for row in rows if row["kind"] == "score"):
        errors, pointers = by_key["standard_error", row["name"]], by_key["pointer", row["name"]]
        cells = [_recipe_cell(row[n], errors[n], pointers[n], evidence, table) for n in recipes]
        scores.append((row["name"], cells))
    switches = [(row["name"], [row[n] for n in recipes]) for row in rows if row["kind"] == "switch"]
    return {"recipes": recipes, "scores": scores, "switches": switches}


def pointed_scores(rows: Rows, table: Path) -> list[Path]:
    """Score files that a comparison of recipes points at, in its order."""
    found = [text for row in rows if row["kind"] == "pointer" for text in list(row.values())[2:] if text]
    return [Path(os.path.normpath(table.parent / text.partition("#")[0])) for text in dict.fromkeys(found)]


def beside_grid(table: Table, evidence: Mapping[str, Evidence]) -> dict[str, Any] | None:
    """A table of the paper with its numbers linked; None where it has no rows. Published ones lead to their sources."""
    known = {item.address: item.id for item in evidence.values()}
    whole = known.get(table.address)

    def cell(it: Text) -> Cell:
        # What is not there has no evidence.
        return Cell(it.text, "published" if it.published else known.get(it.address, whole) if it.text else None)

    lines = [
        ([name.text for name in row[: table.names]], [cell(it) for it in row[table.names :]]) for row in table.rows
    ]
    return {"columns": table.columns, "names": table.names, "lines": lines} if lines else None


def of_pointer(pointer: str, evidence: Mapping[str, Evidence], table: Path) -> str | None:
    """Id of the evidence that a table's pointer names."""
    target = (table.parent / pointer.partition("#")[0]).resolve()
    return evidence[str(target)].id if str(target) in evidence else None


def _published(row: Mapping[str, str]) -> str:
    if not row["published"]:
        return ""
    value = float(row["published"])
    text = f"{value:.0f}" if value > 1 else f"{100 * value:.1f}"
    inside = {"yes": ", inside our interval", "no": ", outside our interval"}.get(row["published_inside_interval"], "")
    return f"published {text} ({row['published_source']}){inside}"


def _published_counts(row: Mapping[str, str]) -> str:
    columns = (("in", "published_in"), ("left", "published_out"))
    told = [f"{word} {int(row[name]):,}" for word, name in columns if row[name]]
    return f"{', '.join(told)} ({row['published_source']})" if told else row["published_source"]


def _leaked(count: str) -> str:
    return f"{int(count):,} of them in a benchmark" if count != "0" else ""


def _recipe_cell(value: str, error: str, pointer: str, evidence: Mapping[str, Evidence], table: Path) -> Cell:
    if not pointer:
        return Cell(NOT_RUN)
    text = f"{100 * float(value):.1f}" + (f" ± {100 * float(error):.1f}" if error else "")
    return Cell(text, of_pointer(pointer, evidence, table))


def _describe_scores(path: Path) -> tuple[str, dict[str, str]]:
    address, scores = parse_scores_path(path), read_json(path)
    identity, counts = scores["identity"], scores["counts"]
    facts = {
        "verdicts": ", ".join(f"{VERDICTS.get(k, k)} {v}" for k, v in counts["verdicts"].items()),
        "truncated": str(counts["truncated"]),
        "context": f"{identity['context']['tokens']} response tokens",
        "comparator": identity["comparator"],
        "isolation": ", ".join(identity["isolation"]) or "none needed",
        "verdicts sha256": identity["verdicts_sha256"],
    }
    return f"{address.subject.label} · {address.benchmark} · {address.context}", facts


def _describe_manifest(path: Path) -> tuple[str, dict[str, str]]:
    manifest = read_manifest(path)
    facts = {name: str(value) for name, value in manifest.facts.items() if isinstance(value, str | int | float)}
    folder = path.parent
    trained = "metrics.parquet" in manifest.files
    title = f"training {parse_subject(folder).label}" if trained else f"{manifest.artifact} {folder.name}"
    return title, facts
