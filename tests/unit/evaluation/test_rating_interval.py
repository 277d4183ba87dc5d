"""Intervals of a rating, on contests with made-up humans, and the whole score of a model rated by hand."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import cf_rating
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.evaluation.elo import Contest, contest_rating, contest_result, expected_rank
from deepcoder.evaluation.rating_interval import Rater, over_contests, over_problems
from deepcoder.evaluation.score import score_codeforces
from deepcoder.schemas.problem import problem_id

POINTS = {"A": 500.0, "B": 1000.0, "C": 1500.0, "D": None}


def contest(name: str, humans: int = 300, seed: int = 0) -> Contest:
    source = random.Random(f"{name}{seed}")
    rows = [(source.choice((0.0, 500.0, 1500.0, 3000.0)), source.choice((0.0, 10.0)), source.gauss(1500, 300))
            for _ in range(humans)]  # fmt: skip
    return Contest(name, POINTS, sorted(rows, key=lambda row: (-row[0], row[1])))


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=40), st.integers(0, 4000))
def test_expected_rank_is_that_of_an_independent_implementation(humans: list[int], rating: int) -> None:
    others = [cf_rating.Contestant(str(number), human, 1) for number, human in enumerate(humans)]
    assert expected_rank(rating, humans) == pytest.approx(cf_rating.get_rating_seed(rating, others))


def test_the_rating_is_where_an_independent_seed_equals_the_rank() -> None:
    made = contest("1")
    rating = contest_rating(made, {"A": [True], "B": [False, True]})
    humans = [cf_rating.Contestant(str(number), row[2], 1) for number, row in enumerate(made.rows)]
    ahead = sum(1 for points, penalty, _ in made.rows if (-points, penalty) <= (-1450.0, 10.0))
    assert cf_rating.get_rating_seed(rating, humans) == pytest.approx(ahead, abs=1e-3)


@given(st.lists(st.lists(st.booleans(), max_size=3), min_size=4, max_size=4))
def test_a_prepared_contest_rates_as_the_exact_method(tries: list[list[bool]]) -> None:
    made, attempts = contest("2"), dict(zip(POINTS, tries, strict=True))
    assert Rater(made).rating(*contest_result(made, attempts)) == pytest.approx(contest_rating(made, attempts), abs=0.1)


def test_resampling_problems_brackets_the_rating_and_repeats() -> None:
    contests = {name: contest(name) for name in ("1", "2", "3", "small")}
    contests["small"] = contest("small", humans=10)
    attempts = {name: {"A": [True], "B": [False, True], "C": [False]} for name in (*contests, "unknown")}
    low, high = over_problems(contests, attempts, 0.95, 300)
    ratings = [contest_rating(contests[name], attempts[name]) for name in ("1", "2", "3")]
    assert low < sum(ratings) / 3 < high
    assert (low, high) == over_problems(contests, dict(reversed(attempts.items())), 0.95, 300)
    narrow = over_problems(contests, attempts, 0.5, 300)
    assert low <= narrow[0] < narrow[1] <= high


def test_nothing_to_resample_gives_no_width() -> None:
    nothing = {"1": {index: [False] for index in POINTS}}
    low, high = over_problems({"1": contest("1")}, nothing, 0.95, 50)
    assert low == high == pytest.approx(contest_rating(contest("1"), nothing["1"]), abs=0.1)


def test_resampling_contests_brackets_the_mean_and_repeats() -> None:
    low, high = over_contests([1400.0, 1500.0, 1600.0], 0.95, 500)
    assert (low, high) == over_contests([1400.0, 1500.0, 1600.0], 0.95, 500)
    assert 1400 <= low < 1500 < high <= 1600


def test_a_model_rated_by_hand(tmp_path: Path) -> None:
    # 201 humans of rating 1500 in each contest. Contest 1: all of them have 500 points, the model too, without penalty
    # as they: all are ahead, 201 = 1 + 201 / (1 + 10^x), x = log10(1 / 200), rating 1500 + 400 x = 579.59.
    # Contest 2: 100 have 1000 points, 101 none, the model 450: 100 = 1 + 201 / (1 + 10^x), x = log10(102 / 99),
    # rating 1505.19.
    everyone = [[500.0, 0.0, 1500.0]] * 201
    halves = [[1000.0, 0.0, 1500.0]] * 100 + [[0.0, 0.0, 1500.0]] * 101
    standings = tmp_path / "standings.json"
    frozen = {
        "contests": {
            "1": {"problems": {"A": 500.0}, "rows": everyone},
            "2": {"problems": {"A": 500.0, "B": 1000.0}, "rows": halves},
            "3": {"problems": {"A": 500.0}, "rows": everyone[:9]},
        },
        "histogram": {"800": 60, "1200": 30, "1600": 10},
    }
    standings.write_text(json.dumps(frozen))
    verdicts = {"1A": ["AC", "WA"], "2A": ["WA", "AC"], "2B": ["WA", "NF"], "3A": ["AC", "AC"]}
    rows: list[dict[str, Any]] = [
        {"problem_id": problem_id("cf", name), "sample": sample, "verdict": verdict}
        for name, given_verdicts in verdicts.items()
        for sample, verdict in enumerate(given_verdicts)
    ]
    problems = [
        {"id": problem_id("cf", name), "source_id": name, "tests_count": 1 + (name == "2B")} for name in verdicts
    ]
    found = score_codeforces(rows[::-1], problems, standings, 0.95, 200)
    assert found["contests"] == pytest.approx({"1": 579.59, "2": 1505.19}, abs=0.01)
    assert found["rating"] == pytest.approx((579.59 + 1505.19) / 2, abs=0.01)
    assert found["percentile"] == 60.0  # 1042 is above the 60 users of 800 and below those of 1200
    assert found["contests_left_out"] == ["3"]
    assert "3 of 4 problems have a single one" in found["statement"]
    low, high = found["rating_interval"]
    # contest 1 has one problem; of contest 2 the draws AA (900 points), AB and BB (none: all 201 are ahead) rate it
    assert low == pytest.approx((579.59 + 579.59) / 2, abs=0.1)
    assert high == pytest.approx(found["rating"], abs=0.1)
