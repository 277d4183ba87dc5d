"""What is known of a published score: where it stands, how it was measured, how sure it is, what others measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.evaluation.estimators import interval
from deepcoder.provenance.cells import cell_words
from deepcoder.report.published import PAPER, load_published

TABLES = ("main", "contexts")
SHARES = ("pass_at_1", "answer_accuracy")  # metrics that are a share of problems, of which a binomial error is known
CONFIDENCE = 0.95  # of the intervals, as evaluation.confidence of our own
SAMPLES_TRIED = 64  # samples per problem up to which a possible count is looked for
PROTOCOL = ("problems", "samples_per_problem", "temperature", "top_p", "max_tokens", "window")

Row = Mapping[str, str]


@dataclass(frozen=True)
class Assessment:
    """A published number with everything that is known of it. Shares are in percent, as published.

    Attributes:
        protocol: row of protocol.csv; empty where there is none.
        assumed: the protocol is that of DeepCoder's own models; how this model was measured is not stated.
        nearest: (correct, samples) of the count that comes nearest to a share, by the protocol.
        possible: some count rounds to the figure; None where samples are not known.
        samples_needed: fewest samples per problem by which a count rounds to the figure.
        standard_error: binomial over problems in points; an upper bound where `bound`.
        others: rows of remeasured.csv, each with `inside` (the interval), None where there is no interval.
    """

    table: str
    row: Row
    where: str
    protocol: Row = field(default_factory=dict)
    protocol_where: str = ""
    assumed: bool = False
    nearest: tuple[int, int] | None = None
    possible: bool | None = None
    samples_needed: int | None = None
    standard_error: float | None = None
    bound: bool = False
    interval: tuple[float, float] | None = None
    others: Sequence[Mapping[str, Any]] = ()


def is_published(target: Path) -> bool:
    """Whether a table, or a folder of tables, holds published numbers: their sources lie beside them."""
    return ((target if target.is_dir() else target.parent) / "sources.csv").exists()


def assess(target: Path, words: str | None = None) -> list[Assessment]:
    """Every row of main.csv or contexts.csv, or of both for their folder; those alone that `words` name, where given.

    Raises:
        UserError: another table, no such row, or a row with damaged numbers.
    """
    paths = [target / f"{name}.csv" for name in TABLES] if target.is_dir() else [target]
    if target.stem not in TABLES and not target.is_dir():
        raise UserError(f"{target}: holds no scores; give main.csv or contexts.csv of {target.parent}")
    tables = load_published(sorted(paths[0].parent.glob("*.csv")), PAPER).tables
    wanted = [word.strip() for word in (words or "").split(",") if word.strip()]
    chosen = [
        (path.stem, row)
        for path in paths
        for row in tables[path.stem]
        if all(word in cell_words(row) for word in wanted)
    ]
    if not chosen:
        raise UserError(
            f"{target}: no row has the cells {words!r}; words are cells, as DeepCoder-14B-Preview,codeforces"
        )
    try:
        return [_assess(name, row, tables) for name, row in chosen]
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{paths[0].parent}: {error} is no number or source, in a score, its protocol or what others have"
        ) from (error)


def counts(figure: str, samples: int) -> list[int]:
    """Numbers of correct samples whose share in percent rounds to a figure as it is written."""
    value, half = float(figure), 0.5 * 10.0 ** -len(figure.partition(".")[2])
    low = max(0, math.floor((value - half) * samples / 100) - 1)
    tried = range(low, min(samples, math.ceil((value + half) * samples / 100) + 1) + 1)
    return [correct for correct in tried if abs(100 * correct / samples - value) <= half + 1e-9]


def _assess(table: str, row: Row, tables: Mapping[str, Sequence[Row]]) -> Assessment:
    where = {source["key"]: source["where"] for source in tables.get("sources", ())}
    known: dict[str, Any] = {"where": where.get(row["source"], row["source"])}
    context = row.get("context", "")
    fitting = [p for p in tables.get("protocol", ()) if _key(p) == (table, row["benchmark"], context)]
    own = [p for p in fitting if row["model"].startswith(p["model"])]
    if fitting:
        protocol = [*own, *fitting][0]
        known |= {"protocol": protocol, "protocol_where": where[protocol["source"]], "assumed": not own}
        if row["unit"] == "percent" and row.get("metric", SHARES[0]) in SHARES:
            known |= _of_share(row["value"], protocol)
    same = [
        other
        for other in tables.get("remeasured", ())
        if (other["model"], other["benchmark"], other["unit"]) == (row["model"], row["benchmark"], row["unit"])
        and ("metric" not in row or (row["unit"] == "rating") == (row["metric"] == "codeforces_rating"))
        and not (context and other["context"] and other["context"] != context)
    ]
    bounds = known.get("interval")
    inside = [bounds[0] <= float(other["value"]) <= bounds[1] if bounds else None for other in same]
    others = [
        {**other, "where": where.get(other["source"], other["source"]), "inside": is_inside}
        for other, is_inside in zip(same, inside, strict=True)
    ]
    return Assessment(table, row, **known, others=others)


def _key(protocol: Row) -> tuple[str, str, str]:
    return protocol["table"], protocol["benchmark"], protocol["context"]


def _of_share(figure: str, protocol: Row) -> dict[str, Any]:
    """Count, error and interval of a share; the problem is the unit, so more samples can only make the error less."""
    problems, share = int(protocol["problems"]), float(figure) / 100
    error = math.sqrt(share * (1 - share) / problems)
    low, high = interval(share, None, problems, CONFIDENCE)
    per_problem = int(protocol["samples_per_problem"]) if protocol["samples_per_problem"] else None
    samples = problems * (per_problem or 1)
    return {
        "nearest": (round(share * samples), samples),
        "possible": bool(counts(figure, samples)) if per_problem else None,
        "samples_needed": next((n for n in range(1, SAMPLES_TRIED + 1) if counts(figure, problems * n)), None),
        "standard_error": 100 * error,
        "bound": per_problem != 1 or not counts(figure, samples),
        "interval": (100 * low, 100 * high),
    }


def text(found: Sequence[Assessment]) -> Iterator[str]:
    """Lines on each number."""
    for item in found:
        row = item.row
        names = [row[name] for name in ("model", "benchmark", "context", "metric") if row.get(name)]
        yield f"{', '.join(names)}: {row['value']} {row['unit']}"
        yield f"   source: {item.where} ({row['evidence']})"
        yield f"   protocol: {protocol_text(item)}"
        if item.protocol:
            yield f"      from {item.protocol_where} ({item.protocol['evidence']})"
        yield f"   count: {count_text(item)}"
        yield f"   standard error: {error_text(item)}"
        yield "   measured by others:" + ("" if item.others else " nothing found")
        for other in item.others:
            at = f" at {other['context']}" if other["context"] else ""
            verdict = {
                True: "inside that interval",
                False: "outside that interval",
                None: "no interval to compare with",
            }
            yield f"      {other['value']}{at}, {other['protocol']}: {verdict[other['inside']]}"
            yield f"         {other['where']} ({other['evidence']})"


def listing(found: Sequence[Assessment]) -> Iterator[str]:
    """A line on each number; a star where the protocol is assumed."""
    yield f"{'model':32} {'benchmark':14} {'at':3} {'value':>6} {'error':>7}  count; measured by others"
    for item in found:
        row = item.row
        error = "unknown" if item.standard_error is None else f"{'<' if item.bound else ''}{item.standard_error:.1f}"
        name = row["benchmark"] + (" pct" if row.get("metric", "").endswith("percentile") else "")
        others = f"; {', '.join(other['value'] for other in item.others)}" if item.others else ""
        start = f"{row['model']:32.32} {name:14.14} {row.get('context', ''):3} {row['value']:>6} {error:>7}"
        yield f"{start}  {_count(item)}{others}{'*' if item.assumed else ''}".rstrip()
    if any(item.assumed for item in found):
        yield "* how this model was measured is not stated; taken as DeepCoder's own were"


def _count(item: Assessment) -> str:
    if item.nearest is None:
        return "no share"
    correct, samples = item.nearest
    if item.possible is None:
        return f"samples unknown, at least {item.samples_needed} a problem"
    return f"{correct}/{samples}" if item.possible else f"no count of {samples}"


def protocol_text(item: Assessment) -> str:
    """How it was measured, in words."""
    if not item.protocol:
        return "not stated"
    words = {
        "problems": "{} problems", "samples_per_problem": "{} samples each", "temperature": "temperature {}",
        "top_p": "top_p {}", "max_tokens": "{} tokens", "window": "{}",
    }  # fmt: skip
    known = [words[name].format(item.protocol[name]) for name in PROTOCOL if item.protocol[name]]
    known = ["1 sample each" if word == "1 samples each" else word for word in known]
    missing = [name.replace("_", " ") for name in PROTOCOL if not item.protocol[name]]
    said = ", ".join(known) + (f"; not stated: {', '.join(missing)}" if missing else "")
    return f"not stated for this model; of DeepCoder's own: {said}" if item.assumed else said


def count_text(item: Assessment) -> str:
    """Which count of problems the figure can be."""
    if item.nearest is None:
        return "none, it is no share of problems"
    correct, samples = item.nearest
    near, figure = f"{correct}/{samples} = {100 * correct / samples:.2f}", item.row["value"]
    needed = (
        f"{item.samples_needed} samples a problem are the fewest that give it"
        if item.samples_needed
        else f"nor does any with up to {SAMPLES_TRIED} samples a problem"
    )
    if item.possible:
        return f"{near}, which rounds to {figure}"
    if item.possible is None:
        one = "could be one sample a problem" if item.samples_needed == 1 else f"one sample a problem cannot; {needed}"
        return f"samples not stated; nearest with one each {near}: {one}"
    return f"nearest {near}, which does not round to {figure}, so that this was measured otherwise; {needed}"


def error_text(item: Assessment) -> str:
    """How sure the figure is."""
    if item.standard_error is None or item.interval is None:
        return "unknown; no interval was published"
    low, high = item.interval
    bound, within = ("at most ", "within ") if item.bound else ("", "")
    why = ", as if all samples of a problem agreed" if item.bound else ""
    return (
        f"{bound}±{item.standard_error:.1f} (binomial over {item.protocol['problems']} problems{why});"
        f" {100 * CONFIDENCE:.0f}% interval {within}{low:.1f} to {high:.1f}"
    )


def to_json(found: Sequence[Assessment]) -> list[dict[str, Any]]:
    """JSON values, one for each number."""
    return [asdict(item) for item in found]
