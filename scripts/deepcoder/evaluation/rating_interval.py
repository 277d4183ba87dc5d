"""How sure a Codeforces rating is: its interval when other problems, or other contests, had been asked."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence

import numpy as np

from deepcoder.evaluation.elo import (
    FEWEST_HUMANS,
    Contest,
    highest_rating,
    problem_result,
)

GRID = 5.0  # rating points between which expected ranks are interpolated; off by less than 0.1 point

Attempts = Mapping[str, Mapping[str, Sequence[bool]]]


class Rater:
    """A contest prepared for thousands of ratings: from points and penalty to the rating whose expected rank it is."""

    def __init__(self, contest: Contest) -> None:
        humans, counts = np.unique([row[2] for row in contest.rows], return_counts=True)
        self._ratings = np.append(np.arange(0.0, highest_rating(contest), GRID), highest_rating(contest))
        ahead = 1.0 / (1.0 + 10.0 ** ((self._ratings[:, None] - humans) / 400.0))
        self._expected = 1.0 + ahead @ counts  # falls as the rating rises
        self._rows = sorted((-points, penalty) for points, penalty, _ in contest.rows)
        self._known: dict[int, float] = {}

    def rating(self, points: float, penalty: float) -> float:
        """See elo.contest_rating, with the rank of a winner being 0."""
        rank = bisect_right(self._rows, (-points, penalty))
        if rank not in self._known:
            self._known[rank] = float(np.interp(-rank, -self._expected, self._ratings))
        return self._known[rank]


def over_problems(
    contests: Mapping[str, Contest], attempts: Attempts, confidence: float, draws: int, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the rating under resampling of problems, with a fixed seed.

    In each draw every contest gets as many problems as it has, taken from its own with replacement, each with the
    points and the attempts it had; the humans stay as they are. Contests are those that `elo.rate` rates.
    """
    source = random.Random(seed)
    rated = [name for name in sorted(attempts) if name in contests and len(contests[name].rows) > FEWEST_HUMANS]
    raters = [Rater(contests[name]) for name in rated]
    results = [
        [problem_result(points, attempts[name].get(index, ())) for index, points in contests[name].problems.items()]
        for name in rated
    ]
    totals = []
    for _ in range(draws):
        ratings = []
        for rater, own in zip(raters, results, strict=True):
            drawn = source.choices(own, k=len(own)) if own else []
            points, penalty = (math.fsum(part) for part in zip(*drawn, strict=True)) if drawn else (0.0, 0.0)
            ratings.append(rater.rating(points, penalty))
        totals.append(math.fsum(ratings) / len(ratings))
    return percentiles(totals, confidence)


def over_contests(ratings: Sequence[float], confidence: float, draws: int, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of the mean of contests' ratings under resampling of contests, with a fixed seed."""
    source = random.Random(seed)
    means = [math.fsum(source.choices(ratings, k=len(ratings))) / len(ratings) for _ in range(draws)]
    return percentiles(means, confidence)


def percentiles(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """The bounds between which the middle share `confidence` of some values lies."""
    ordered = sorted(values)
    low = int((1 - confidence) / 2 * len(ordered))
    return ordered[low], ordered[len(ordered) - 1 - low]
