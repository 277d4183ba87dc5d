"""Codeforces rating on contests small enough to compute by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deepcoder.errors import UserError
from deepcoder.evaluation.elo import (
    Contest,
    contest_rating,
    contest_result,
    expected_rank,
    load_standings,
    percentile,
    rank_among,
    rate,
)

EVEN = Contest("1", {"A": 500.0, "B": 1000.0}, [(1500.0, 0.0, 1500.0), (1000.0, 0.0, 1500.0), (500.0, 0.0, 1500.0)])


def test_first_passing_attempt_scores_less_fifty_for_each_failed_one() -> None:
    assert contest_result(EVEN, {"A": [False, True, True], "B": [False] * 8}) == (450.0, 10.0)
    assert contest_result(EVEN, {}) == (0.0, 0.0)
    plain = Contest("2", {"A": None, "B": None}, [])
    assert contest_result(plain, {"A": [True], "B": [False, False, True]}) == (2.0, 20.0)


def test_rank_counts_the_humans_ahead() -> None:
    assert [rank_among(EVEN, points, 0.0) for points in (1600.0, 1000.0, 950.0, 100.0)] == [0, 2, 2, 3]
    tied = Contest("3", {}, [(2.0, 5.0, 0.0), (2.0, 30.0, 0.0)])
    assert rank_among(tied, 2.0, 10.0) == 1


def test_expected_rank_against_equals_is_the_middle() -> None:
    # against three humans of the same rating each is ahead with probability 1/2
    assert expected_rank(1500.0, [1500.0] * 3) == pytest.approx(2.5)
    assert expected_rank(1900.0, [1500.0]) == pytest.approx(1 + 1 / 11)


def test_rating_solves_the_expected_rank_by_hand() -> None:
    # one failed try leaves 450 points: all three humans are ahead; 1 + 3 / (1 + 10^x) = 3, 10^x = 1/2, x = -0.30103
    late = {"A": [False, True]}
    assert contest_rating(EVEN, late) == pytest.approx(1500 - 400 * 0.30103, abs=0.01)
    # with a winner's rank of 1 it is 4, which no finite rating expects, so the lower bound is reached
    assert contest_rating(EVEN, late, rank_origin=1) == pytest.approx(0.0, abs=0.01)
    # 1000 points without penalty tie with the second human: two ahead, the same equation for rank_origin 1
    assert contest_rating(EVEN, {"B": [True]}, rank_origin=1) == pytest.approx(1500 - 400 * 0.30103, abs=0.01)


def test_a_perfect_contest_is_capped_above_the_best_human() -> None:
    assert contest_rating(EVEN, {"A": [True], "B": [True]}) == pytest.approx(1600.0, abs=0.01)


def test_small_and_unattempted_contests_are_left_out() -> None:
    assert rate({"1": EVEN}, {"1": {"A": [True]}}) == {}
    assert list(rate({"1": EVEN}, {"1": {"A": [True]}, "9": {"A": [True]}}, fewest=2)) == ["1"]


def test_percentile_counts_users_strictly_below() -> None:
    histogram = {800.0: 1, 1200.0: 2, 1600.0: 1}
    assert [percentile(rating, histogram) for rating in (700, 800, 1200.5, 1600, 4000)] == [0, 0, 75, 75, 100]


def test_damaged_standings_are_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "standings.json"
    path.write_text(json.dumps({"histogram": {}, "contests": {"1971": {"problems": {"A": 1}, "rows": [[1, 2]]}}}))
    with pytest.raises(UserError, match="contest 1971"):
        load_standings(path)
    path.write_text("[]")
    with pytest.raises(UserError, match="frozen standings"):
        load_standings(path)
