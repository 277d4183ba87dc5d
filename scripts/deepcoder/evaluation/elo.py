"""Codeforces rating of a model from frozen contest standings: CodeElo's method, without a live service.

For each contest the model's points and penalty give a rank among the humans who took part; its rating in that
contest is the one whose expected rank equals the rank achieved; the final rating is the mean over contests
[CodeElo, arXiv:2501.01257, section 3.4; github QwenLM/CodeElo calc_rating.py; the same rule in agentica-project/rllm
@ 874daa4, cf_elo_calc.py].

The frozen file is JSON, made once by the fetch rule of the source codeforces_standings:
`{"contests": {"<id>": {"problems": {"A": 500.0 or null, ...}, "rows": [[points, penalty, old rating], ...]}},
"histogram": {"<rating>": users, ...}}`; rows are in the contest's order, rated participants only.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json

FEWEST_HUMANS = 200  # contests with no more matched participants are skipped [cf_elo_calc.py]
PENALTY_PER_ATTEMPT = 10.0
POINTS_PER_ATTEMPT = 50.0


@dataclass(frozen=True)
class Contest:
    """A frozen contest: points by problem index (None where the contest scores problems, not points) and human rows."""

    id: str
    problems: Mapping[str, float | None]
    rows: Sequence[tuple[float, float, float]]  # points, penalty, rating before the contest


def load_standings(path: Path) -> tuple[dict[str, Contest], dict[float, int]]:
    """Contests by id and the histogram of ratings.

    Raises:
        UserError: a missing or damaged file, naming the contest at fault.
    """
    value = read_json(path)
    try:
        histogram = {float(rating): int(users) for rating, users in value["histogram"].items()}
        contests = {str(name): _contest(path, str(name), entry) for name, entry in value["contests"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"{path}: not a file of frozen standings ({error}); run the fetch rule of the source again"
        ) from (error)
    return contests, histogram


def _contest(path: Path, name: str, entry: Mapping[str, Any]) -> Contest:
    try:
        rows = [(float(points), float(penalty), float(old)) for points, penalty, old in entry["rows"]]
        problems = {index: None if points is None else float(points) for index, points in entry["problems"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: contest {name} is malformed ({error!r}); run the fetch rule again") from error
    return Contest(name, problems, rows)


def contest_result(contest: Contest, attempts: Mapping[str, Sequence[bool]]) -> tuple[float, float]:
    """Points and penalty of a model: attempts in order, the first that passes counts.

    With points: max(0, points - 50 * failed attempts before it); without: 1 point and 10 penalty for each failed
    attempt before it [cf_elo_calc.py, which adds the penalty in both cases].
    """
    results = [problem_result(points, attempts.get(index, ())) for index, points in contest.problems.items()]
    return math.fsum(points for points, _ in results), math.fsum(penalty for _, penalty in results)


def problem_result(points: float | None, tries: Sequence[bool]) -> tuple[float, float]:
    """Points and penalty of one problem."""
    if True not in tries:
        return 0.0, 0.0
    failed = list(tries).index(True)
    scored = 1.0 if points is None else max(0.0, points - POINTS_PER_ATTEMPT * failed)
    return scored, PENALTY_PER_ATTEMPT * failed


def rank_among(contest: Contest, points: float, penalty: float) -> int:
    """Humans ahead of the model: those before the first row with fewer points, or equal points and more penalty."""
    for position, (human_points, human_penalty, _) in enumerate(contest.rows):
        if human_points < points or (human_points == points and human_penalty > penalty):
            return position
    return len(contest.rows)


def expected_rank(rating: float, humans: Sequence[float]) -> float:
    """Codeforces' seed: 1 + sum over humans of 1 / (1 + 10^((rating - human) / 400))."""
    return 1.0 + math.fsum(1.0 / (1.0 + 10.0 ** ((rating - human) / 400.0)) for human in humans)


def highest_rating(contest: Contest) -> float:
    """The most that a contest can give: its best human's rating and 100."""
    return max(row[2] for row in contest.rows) + 100.0


def contest_rating(contest: Contest, attempts: Mapping[str, Sequence[bool]], rank_origin: int = 0) -> float:
    """Rating at which the expected rank equals the rank achieved, within [0, highest human rating + 100].

    `rank_origin` is the rank of a winner: 0 as in CodeElo's code, whose numbers are thereby comparable; 1 is
    consistent with the seed formula and rates a little lower.
    """
    humans = [row[2] for row in contest.rows]
    rank = rank_among(contest, *contest_result(contest, attempts)) + rank_origin
    low, high = 0.0, highest_rating(contest)
    while high - low > 1e-3:
        middle = (low + high) / 2
        if expected_rank(middle, humans) < rank:
            high = middle
        else:
            low = middle
    return low


def rate(
    contests: Mapping[str, Contest], attempts: Mapping[str, Mapping[str, Sequence[bool]]], fewest: int = FEWEST_HUMANS
) -> dict[str, float]:
    """Rating by contest id, for the contests that were attempted and had more than `fewest` rated humans."""
    return {
        name: contest_rating(contests[name], tries)
        for name, tries in sorted(attempts.items())
        if name in contests and len(contests[name].rows) > fewest
    }


def percentile(rating: float, histogram: Mapping[float, int]) -> float:
    """Share of users, in percent, whose rating is strictly lower."""
    ratings = sorted(histogram)
    below = [0, *accumulate(histogram[value] for value in ratings)]
    if not below[-1]:
        raise ValueError("an empty histogram gives no percentile")
    return 100.0 * below[bisect_left(ratings, rating)] / below[-1]
