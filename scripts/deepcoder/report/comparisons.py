"""Every two models side by side on each benchmark at each context: rows of comparisons.csv."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.evaluation.comparison import Answers, Paired, compare
from deepcoder.report.address import Address, pointer
from deepcoder.report.tables import Scored

RATING = "codeforces_rating"
COLUMNS = (
    "benchmark", "title", "context", "context_tokens", "metric", "unit", "subject", "other", "value", "other_value",
    "difference", "difference_error", "difference_low", "difference_high", "p_value", "units", "left_out", "spread",
    "correlation", "units_needed", "samples_needed", "test", "pointer", "other_pointer",
)  # fmt: skip
TEST = "exact sign-flip of paired differences by {unit}"

Row = dict[str, Any]


def comparison_rows(scored: Mapping[Address, Scored], power: float, table: Path) -> list[Row]:
    """A row for every two subjects that were scored on a benchmark at a context, the later one first.

    Args:
        power: of the numbers of problems and samples that would be needed.
        table: where the rows will stand; pointers are relative to it.

    Raises:
        UserError: two scores of one benchmark that were not measured by the same metric and confidence.
    """
    rows = []
    for benchmark, context in sorted({(address.benchmark, address.context) for address in scored}):
        found = [scored[a] for a in sorted(scored) if (a.benchmark, a.context) == (benchmark, context)]
        rows += [_row(later, earlier, power, table) for earlier, later in combinations(found, 2)]
    return rows


def answers(score: Scored) -> dict[str, Answers]:
    """What a model scored: by problem, or of a rating by contest.

    Raises:
        UserError: a score file of an earlier form.
    """
    try:
        if score.scores["metric"] == RATING:
            return {name: Answers(rating) for name, rating in score.scores["codeforces"]["contests"].items()}
        counts = {name: text.split("/") for name, text in score.scores["by_problem"].items()}
        return {name: Answers.of_counts(int(judged), int(correct)) for name, (correct, judged) in counts.items()}
    except (KeyError, ValueError, AttributeError) as error:
        raise UserError(f"{score.path}: holds no results by problem ({error!r}); delete it and score again") from error


def _row(left: Scored, right: Scored, power: float, table: Path) -> Row:
    metric, confidence = left.scores["metric"], left.scores["confidence"]
    if (right.scores["metric"], right.scores["confidence"]) != (metric, confidence):
        raise UserError(f"{right.path}: another metric or confidence than {left.path}; score both again")
    rating = metric == RATING
    unit, place = ("contest", "/codeforces/rating") if rating else ("problem", "/value")
    try:
        found = compare(answers(left), answers(right), confidence, power, shares=not rating)
    except ValueError as error:
        raise UserError(f"{left.path} and {right.path}: {error}; score both on the same benchmark") from error
    values = [s.scores["codeforces"]["rating"] if rating else s.scores["value"] for s in (left, right)]
    return {
        "benchmark": left.address.benchmark,
        "title": left.scores["identity"].get("title"),
        "context": left.address.context,
        "context_tokens": left.scores["identity"]["context"]["tokens"],
        "metric": metric,
        "unit": unit,
        "subject": left.address.subject.label,
        "other": right.address.subject.label,
        "value": values[0],
        "other_value": values[1],
        "test": TEST.format(unit=unit),
        "pointer": pointer(left.path, place, table),
        "other_pointer": pointer(right.path, place, table),
        **_numbers(found),
    }


def _numbers(found: Paired) -> Row:
    low, high = found.interval or (None, None)
    return {
        "difference": found.difference,
        "difference_error": found.standard_error,
        "difference_low": low,
        "difference_high": high,
        "p_value": f"{found.p_value:.3g}",  # six decimals would print a small one as 0
        "units": found.problems,
        "left_out": found.left_alone + found.right_alone,
        "spread": found.spread,
        "correlation": found.correlation,
        "units_needed": found.problems_needed,
        "samples_needed": found.samples_needed,
    }
