"""Scores from verdicts: a pure function of the verdict rows, so that an audit recomputes them in a moment."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.evaluation.elo import load_standings, percentile, rate
from deepcoder.evaluation.estimators import Estimate, estimate
from deepcoder.evaluation.rating_interval import over_contests, over_problems

Row = Mapping[str, Any]
DIGITS = 10  # written decimals: the same on every machine, far below any standard error
CODEFORCES_ID = re.compile(r"(?:.*/)?(\d+)[/_-]?([A-Z]\d?)")


def score_verdicts(rows: Sequence[Row], confidence: float) -> dict[str, Any]:
    """pass@1 and pass@n with clustered errors, and everything that was counted on the way.

    Rows with verdict IE (the judge's own fault) leave the estimate and are counted; a problem with nothing else
    is unscored.

    Raises:
        UserError: no rows at all, or nothing but IE.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["problem_id"]].append(row)
    judged = {name: [row for row in group if row["verdict"] != "IE"] for name, group in groups.items()}
    counts = [(len(group), sum(row["verdict"] == "AC" for row in group)) for group in judged.values() if group]
    drawn = max((len(group) for group in groups.values()), default=0)
    at_k = {k: estimate(counts, k, confidence) for k in sorted({*(1 << e for e in range(drawn.bit_length())), drawn})}
    at_one = _plain(at_k.get(1))
    if at_one is None:
        raise UserError(f"no verdict to score: {len(rows)} rows, none of them judged; grade again on a sound machine")
    return {
        **{name: at_one[name] for name in ("value", "standard_error", "interval")},
        "confidence": confidence,
        "pass_at_k": {str(k): _plain(found) for k, found in at_k.items()},
        "counts": _counts(rows, judged, drawn),
        "by_problem": {
            name: f"{sum(row['verdict'] == 'AC' for row in group)}/{len(group)}"
            for name, group in sorted(judged.items())
            if group
        },
    }


def score_beside(rows: Sequence[Row], confidence: float) -> dict[str, Any]:
    """The same by each other comparator whose verdicts stand beside, and on how many samples it decides otherwise."""
    found = {}
    for name in sorted({name for row in rows for name, _ in row["beside"] or ()}):
        judged = [{**row, "verdict": dict(row["beside"])[name]} for row in rows]
        score = score_verdicts(judged, confidence)
        changed = [(row["verdict"] == "AC", now["verdict"] == "AC") for row, now in zip(rows, judged, strict=True)]
        found[name] = {
            **{key: score[key] for key in ("value", "standard_error", "interval")},
            "correct": score["counts"]["correct"],
            "only_here_correct": changed.count((False, True)),
            "only_here_wrong": changed.count((True, False)),
        }
    return found


def score_errata(
    rows: Sequence[Row], problems: Sequence[Row], errata: Mapping[str, Sequence[str]], confidence: float
) -> dict[str, Any] | None:
    """The score without the problems that a named list calls faulty; None where the benchmark holds none of them."""
    faults = {source_id: fault for fault, ids in errata.items() for source_id in ids}
    faulty = {row["id"]: faults[row["source_id"]] for row in problems if row["source_id"] in faults}
    sound = [row for row in rows if row["problem_id"] not in faulty]
    if not faulty or not sound:
        return None
    score = score_verdicts(sound, confidence)
    left_out = dict(sorted(Counter(faulty.values()).items()))
    correct = sum(row["verdict"] == "AC" for row in rows if row["problem_id"] in faulty)
    return {
        **{key: score[key] for key in ("value", "standard_error", "interval")},
        "problems": score["counts"]["problems"],
        "left_out": left_out,
        "correct_among_left_out": correct,
    }


def score_codeforces(
    rows: Sequence[Row], problems: Sequence[Row], standings: Path, confidence: float, draws: int
) -> dict[str, Any]:
    """Rating by contest and its mean, percentile and intervals by bootstrap, over problems and over contests.

    Raises:
        UserError: a problem id that is not a contest and an index, or no contest with enough frozen rows.
    """
    contests, histogram = load_standings(standings)
    addresses = {problem["id"]: codeforces_address(problem["source_id"]) for problem in problems}
    attempts: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(rows, key=lambda row: (row["problem_id"], row["sample"])):
        contest, index = addresses[row["problem_id"]]
        attempts[contest][index].append(row["verdict"] == "AC")
    ratings = rate(contests, attempts)
    if not ratings:
        raise UserError(f"{standings}: none of contests {', '.join(sorted(attempts))} has enough rated humans")
    mean = sum(ratings.values()) / len(ratings)
    low, high = over_problems(contests, attempts, confidence, draws)
    tests = sorted(problem["tests_count"] for problem in problems)
    return {
        "rating": round(mean, 2),
        "rating_interval": [round(min(low, mean), 2), round(max(high, mean), 2)],
        "rating_interval_method": f"bootstrap over the problems of each contest, {draws} draws",
        "rating_interval_over_contests": [
            round(bound, 2) for bound in over_contests(list(ratings.values()), confidence, draws)
        ],
        "percentile": round(percentile(mean, histogram), 2),
        "percentile_interval": [round(percentile(bound, histogram), 2) for bound in (min(low, mean), max(high, mean))],
        "contests": {name: round(value, 2) for name, value in ratings.items()},
        "contests_left_out": sorted(attempts.keys() - ratings.keys()),
        "statement": (
            "Verdicts are on the sample tests of the statements only, not by submission to the contest site: "
            f"{tests.count(1)} of {len(tests)} problems have a single one. Samples let wrong programs pass, and refuse "
            "right ones where a problem has several answers."
        ),
    }


def codeforces_address(source_id: str) -> tuple[str, str]:
    """Contest and problem index of ids such as `1971A`, `cf/1971A` and `1971/A`."""
    match = CODEFORCES_ID.fullmatch(source_id)
    if not match:
        raise UserError(f"problem {source_id!r}: not a contest number with a problem index such as 1971A")
    return match[1], match[2]


def _counts(rows: Sequence[Row], judged: Mapping[str, Sequence[Row]], drawn: int) -> dict[str, Any]:
    histogram = Counter(row["verdict"] for row in rows)
    lengths = [row["response_tokens"] for row in rows if row["response_tokens"] is not None]
    return {
        "problems": len(judged),
        "problems_unscored": sum(not group for group in judged.values()),
        "samples": len(rows),
        "samples_per_problem": drawn,
        "verdicts": dict(sorted(histogram.items())),
        "correct": histogram["AC"],
        "truncated": sum(row["truncated"] for row in rows),
        "truncated_correct": sum(row["truncated"] and row["verdict"] == "AC" for row in rows),
        "no_code": histogram["NF"],
        "internal_errors": histogram["IE"],
        "response_tokens_mean": round(sum(lengths) / len(lengths), 4) if lengths else None,
        "response_tokens_max": max(lengths, default=None),
    }


def _plain(found: Estimate | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        name: [round(item, DIGITS) for item in value]
        if isinstance(value, tuple)
        else round(value, DIGITS)
        if isinstance(value, float)
        else value
        for name, value in asdict(found).items()
    }
