"""Paired comparison of two models: against enumeration, textbook tests and simulated models."""

from __future__ import annotations

import itertools
import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.evaluation.comparison import Answers, compare, paired_interval, samples_needed, sign_flip_p_value

SHARES = st.integers(0, 4).map(lambda correct: correct / 4)


def answers(counts: list[tuple[int, int]]) -> dict[str, Answers]:
    return {str(number): Answers.of_counts(*count) for number, count in enumerate(counts)}


@given(st.lists(st.integers(-4, 4).map(lambda step: step / 4), min_size=1, max_size=9))
def test_p_value_is_the_share_of_sign_flips_at_least_as_far_out(differences: list[float]) -> None:
    sums = [
        math.fsum(s * d for s, d in zip(signs, differences, strict=True))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    far = sum(abs(value) >= abs(math.fsum(differences)) - 1e-9 for value in sums)
    assert sign_flip_p_value(differences) == pytest.approx(far / len(sums))


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 300))
def test_with_one_sample_a_problem_it_is_mcnemars_exact_test(only_left: int, only_right: int, ties: int) -> None:
    differences = [1.0] * only_left + [-1.0] * only_right + [0.0] * (ties + 1)
    discordant = only_left + only_right
    tail = sum(math.comb(discordant, k) for k in range(min(only_left, only_right) + 1)) / 2**discordant
    assert sign_flip_p_value(differences) == pytest.approx(min(1.0, 2 * tail))


def test_p_value_of_many_problems_is_that_of_the_paired_z_test() -> None:
    source = random.Random(3)
    differences = [source.choice((-0.25, 0.0, 0.25, 0.5)) for _ in range(279)]
    z = math.fsum(differences) / math.sqrt(math.fsum(d * d for d in differences))
    assert sign_flip_p_value(differences) == pytest.approx(2 * (1 - NormalDist().cdf(abs(z))), abs=1e-6)


def test_differences_without_a_small_common_denominator_are_still_tested() -> None:
    thirds = [1 / 3, 1 / 7, -1 / 11, 1 / 13, 0.0]
    assert sign_flip_p_value(thirds) == pytest.approx(sign_flip_p_value([round(d, 3) for d in thirds]))
    assert sign_flip_p_value([1523.25 - 1400.5, 1800.0 - 1720.75, 0.5]) == pytest.approx(0.25)


def test_paired_error_by_hand() -> None:
    # differences 1, 0, 1/2, -1/2: mean 1/4, squared deviations 9/16 + 1/16 + 1/16 + 9/16 = 5/4, over 4 * 3
    left, right = answers([(2, 2), (2, 1), (2, 1), (2, 0)]), answers([(2, 0), (2, 1), (2, 0), (2, 1)])
    found = compare(left, right)
    assert found.difference == pytest.approx(0.25)
    assert found.standard_error == pytest.approx(math.sqrt(1.25 / 12))
    assert (found.problems, found.left_alone, found.right_alone) == (4, 0, 0)
    assert found.p_value == pytest.approx(0.75)  # of 8 flips of 2, 1 and 1 half-steps two leave the sum at 0


def test_interval_of_matched_pairs_is_wald_with_two_problems_added() -> None:
    # 10 against 4 discordant of 50: centre 6 / 52, variance (14 + 1) / 52 - centre^2
    low, high = paired_interval([1.0] * 10 + [-1.0] * 4 + [0.0] * 36, 0.95)
    half = 1.959964 * math.sqrt((15 / 52 - (6 / 52) ** 2) / 52)
    assert (low, high) == pytest.approx((6 / 52 - half, 6 / 52 + half), abs=1e-6)


@given(st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=30), st.floats(0.5, 0.999))
def test_interval_holds_the_difference_and_never_collapses(pairs: list[tuple[float, float]], confidence: float) -> None:
    differences = [one - other for one, other in pairs]
    low, high = paired_interval(differences, confidence)
    assert -1 <= low <= math.fsum(differences) / len(differences) <= high <= 1
    assert low < high


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=20))
def test_swapping_the_models_mirrors_everything(pairs: list[tuple[int, int]]) -> None:
    left, right = answers([(4, one) for one, _ in pairs]), answers([(4, other) for _, other in pairs])
    one, other = compare(left, right), compare(right, left)
    assert one.difference == pytest.approx(-other.difference)
    assert one.standard_error == pytest.approx(other.standard_error)
    assert one.interval is not None
    assert other.interval is not None
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
    assert one.p_value == pytest.approx(other.p_value)
    assert (one.problems_needed, one.samples_needed) == (other.problems_needed, other.samples_needed)


def test_a_model_does_not_differ_from_itself() -> None:
    same = compare(answers([(4, 3), (4, 0), (4, 4)]), answers([(4, 3), (4, 0), (4, 4)]))
    assert (same.difference, same.standard_error, same.p_value, same.problems_needed) == (0.0, 0.0, 1.0, None)
    assert same.correlation == pytest.approx(1.0)
    assert same.interval is not None
    assert same.interval[0] < 0 < same.interval[1]


def test_only_problems_of_both_are_compared_and_the_others_counted() -> None:
    found = compare({"a": Answers(1.0), "b": Answers(0.0)}, {"b": Answers(1.0), "c": Answers(1.0), "d": Answers(1.0)})
    assert (found.difference, found.problems, found.left_alone, found.right_alone) == (-1.0, 1, 1, 2)
    assert found.standard_error is None
    with pytest.raises(ValueError, match="in common"):
        compare({"a": Answers(1.0)}, {"b": Answers(1.0)})


def test_pairing_counts_hard_problems_once() -> None:
    # both models solve the same half but for 5 problems: the difference is sure, though each share has an error of 0.05
    left = answers([(1, 1)] * 55 + [(1, 0)] * 45)
    found = compare(left, answers([(1, 1)] * 48 + [(1, 0)] * 52))
    assert found.correlation is not None
    assert found.correlation > 0.8
    assert found.standard_error is not None
    assert found.standard_error < 0.03
    assert found.p_value == pytest.approx(2 * 0.5**7)


def test_ratings_are_compared_by_contest() -> None:
    left = {"1": Answers(1500.0), "2": Answers(1700.0), "3": Answers(1600.0)}
    right = {"1": Answers(1450.0), "2": Answers(1600.0), "3": Answers(1570.0)}
    found = compare(left, right, shares=False)
    # differences 50, 100, 30: mean 60, squared deviations 100 + 1600 + 900, over 3 * 2
    assert found.standard_error == pytest.approx(math.sqrt(2600 / 6))
    assert found.interval == pytest.approx((60 - 1.959964 * found.standard_error, 60 + 1.959964 * found.standard_error))
    assert (found.p_value, found.samples_needed) == (0.25, None)


def simulate(source: random.Random, problems: int, samples: int, gain: float) -> float:
    """p-value of two models of which the first solves each problem with a probability that is higher by `gain`."""
    left, right = {}, {}
    for number in range(problems):
        skill = source.choice((0.1, 0.5, 0.8))
        for model, chance in ((left, skill + gain), (right, skill)):
            correct = sum(source.random() < chance for _ in range(samples))
            model[str(number)] = Answers.of_counts(samples, correct)
    return compare(left, right).p_value


def test_equal_models_are_told_apart_no_oftener_than_the_level_says() -> None:
    source = random.Random(0)
    assert sum(simulate(source, 60, 2, 0.0) < 0.05 for _ in range(400)) / 400 < 0.08


def test_the_problems_and_samples_that_are_asked_for_tell_models_apart() -> None:
    # 0.05 apart; variance of a pair of single samples: mean of both p (1 - p), all of it within problems
    gain, power = 0.1, 0.8
    variances = [(0.1, 0.2), (0.5, 0.6), (0.8, 0.9)]
    pairs = [(Answers(b, 1, b * (1 - b)), Answers(a, 1, a * (1 - a))) for a, b in variances * 20]
    spread = math.fsum(one.variance + other.variance for one, other in pairs) / 60  # type: ignore[operator]
    wanted = samples_needed(pairs, gain, spread, 0.95, power)
    assert wanted is not None
    source = random.Random(1)
    shown = sum(simulate(source, 60, wanted, gain) < 0.05 for _ in range(300)) / 300
    assert shown == pytest.approx(power, abs=0.08)


def test_no_number_of_samples_suffices_where_problems_differ_too_much() -> None:
    noisy = [(Answers(1.0, 4, 0.0), Answers(0.0, 4, 0.0)), (Answers(0.0, 4, 0.0), Answers(0.9, 4, 0.1))]
    assert samples_needed(noisy, 0.05, 1.8, 0.95, 0.8) is None


@pytest.mark.parametrize("counts", [(0, 0), (2, 3), (2, -1)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="share"):
        Answers.of_counts(*counts)
