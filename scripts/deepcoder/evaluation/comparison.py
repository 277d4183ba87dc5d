"""Two models on the same problems: the paired difference, how sure it is, and what it would take to be sure.

The unit is the problem (of a rating the contest): samples of one problem are averaged first, because they are not
independent, and one difference is taken of each problem, because two models find the same problems hard [Miller 2024,
arXiv:2411.00640, sections 2.2 and 4.2].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

import numpy as np

FINEST = 1000  # steps of a unit to which differences are rounded where their common denominator is larger
LARGEST_DENOMINATOR = 10_000  # looked for in a difference


@dataclass(frozen=True)
class Answers:
    """What one model scored on one problem: the mean, and the variance of a single sample where it is known."""

    mean: float
    samples: int = 1
    variance: float | None = None

    @staticmethod
    def of_counts(samples: int, correct: int) -> Answers:
        """Of verdicts; a single sample tells nothing of its own variance.

        Raises:
            ValueError: not 0 <= correct <= samples, or no sample.
        """
        if not 0 <= correct <= samples or not samples:
            raise ValueError(f"a share needs 0 <= correct <= samples and a sample, not {correct} of {samples}")
        mean = correct / samples
        unbiased = mean * (1 - mean) * samples / (samples - 1) if samples > 1 else None
        return Answers(mean, samples, unbiased)


@dataclass(frozen=True)
class Paired:
    """The first model less the second, over the problems that both were scored on.

    Attributes:
        difference: mean of the differences by problem.
        standard_error: sqrt(variance of the differences / problems); None for a single problem.
        interval: see `paired_interval`; None for values that are no shares and a single problem.
        p_value: two-sided, see `sign_flip_p_value`.
        problems: problems (contests) that both were scored on.
        left_alone, right_alone: problems that one of them was not scored on; they are left out.
        spread: standard deviation of the differences.
        correlation: of the two models' means over problems; None where one of them is constant.
        problems_needed: so that a true difference of this size shows, with as many samples each as now.
        samples_needed: the same with samples of each problem instead of more problems; None where no number of them
            suffices, or the variance of a sample is not known.
    """

    difference: float
    standard_error: float | None
    interval: tuple[float, float] | None
    p_value: float
    problems: int
    left_alone: int
    right_alone: int
    spread: float | None
    correlation: float | None
    problems_needed: int | None
    samples_needed: int | None


def compare(
    left: Mapping[str, Answers],
    right: Mapping[str, Answers],
    confidence: float = 0.95,
    power: float = 0.8,
    shares: bool = True,
) -> Paired:
    """Compare two models by problem.

    Args:
        left, right: what each scored, by problem.
        shares: values are shares of correct samples, in [0, 1]; else any numbers, as ratings by contest.

    Raises:
        ValueError: no problem in common.
    """
    both = sorted(left.keys() & right.keys())
    if not both:
        raise ValueError("two models without a problem in common cannot be compared")
    differences = [left[name].mean - right[name].mean for name in both]
    mean = math.fsum(differences) / len(both)
    variance = _variance(differences)
    error = None if variance is None else math.sqrt(variance / len(both))
    interval = paired_interval(differences, confidence) if shares else _wald(mean, error, confidence)
    pairs = [(left[name], right[name]) for name in both]
    return Paired(
        difference=mean,
        standard_error=error,
        interval=interval,
        p_value=sign_flip_p_value(differences),
        problems=len(both),
        left_alone=len(left) - len(both),
        right_alone=len(right) - len(both),
        spread=None if variance is None else math.sqrt(variance),
        correlation=_correlation([one.mean for one, _ in pairs], [other.mean for _, other in pairs]),
        problems_needed=problems_needed(mean, variance, confidence, power),
        samples_needed=samples_needed(pairs, mean, variance, confidence, power) if shares else None,
    )


def paired_interval(differences: Sequence[float], confidence: float) -> tuple[float, float]:
    """Interval of a mean difference of shares, inside [-1, 1], which keeps a width where all differences are equal.

    Wald's interval with half a problem added to each of the four outcomes of a pair (both, neither, one, the other)
    [Agresti and Min 2005, Statistics in Medicine 24, 729-740, "Wald+2"]; with several samples a problem the
    differences are fractions and the same sums stand.
    """
    count = len(differences) + 2
    centre = math.fsum(differences) / count
    variance = max(0.0, (math.fsum(d * d for d in differences) + 1) / count - centre**2)
    half = _z(confidence) * math.sqrt(variance / count)
    mean = math.fsum(differences) / len(differences)
    return max(-1.0, min(centre - half, mean)), min(1.0, max(centre + half, mean))


def sign_flip_p_value(differences: Sequence[float]) -> float:
    """Two-sided p-value of no difference: the share of all ways to swap the two models, problem by problem, that
    give a sum at least as far from zero [Fisher 1935, The Design of Experiments, section 21].

    The distribution is computed, not sampled. With one sample a problem this is McNemar's exact test. Differences
    whose common denominator is over `FINEST` are rounded to 1 / FINEST.
    """
    steps = _whole_steps(differences)
    sizes = [abs(step) for step in steps if step]
    total, observed = sum(sizes), abs(sum(steps))
    chance = np.zeros(total + 1)  # chance[s]: that the differences that kept a positive sign sum to s
    chance[0] = 1.0
    reached = 0
    for size in sizes:
        half = chance[: reached + 1] / 2
        chance[: reached + 1] = half
        chance[size : reached + size + 1] += half
        reached += size
    sums = np.abs(2 * np.arange(total + 1) - total)
    return min(1.0, float(chance[sums >= observed].sum()))


def problems_needed(difference: float, variance: float | None, confidence: float, power: float) -> int | None:
    """Problems so that a true paired difference shows as significant with this power.

    n = (z_(1+confidence)/2 + z_power)^2 variance / difference^2 [Miller 2024, section 5], `variance` that of the
    differences, in which the correlation of the two models is contained. None without a difference.
    """
    if not difference or variance is None:
        return None
    return max(2, math.ceil((_z(confidence) + NormalDist().inv_cdf(power)) ** 2 * variance / difference**2))


def samples_needed(
    pairs: Sequence[tuple[Answers, Answers]],
    difference: float,
    variance: float | None,
    confidence: float,
    power: float,
) -> int | None:
    """Samples of each problem, from both models, by which the problems at hand would do.

    The variance of the differences is that between problems plus that of the samples over their number [Miller 2024,
    section 5]; more samples take away the second part only.
    """
    within = [
        (one.variance + other.variance, one.variance / one.samples + other.variance / other.samples)
        for one, other in pairs
        if one.variance is not None and other.variance is not None
    ]
    if not difference or variance is None or len(within) < len(pairs):
        return None
    of_one, of_mean = (math.fsum(part) / len(pairs) for part in zip(*within, strict=True))
    between = max(0.0, variance - of_mean)
    allowed = len(pairs) * (difference / (_z(confidence) + NormalDist().inv_cdf(power))) ** 2
    return max(1, math.ceil(of_one / (allowed - between))) if allowed > between else None


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _variance(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _wald(mean: float, error: float | None, confidence: float) -> tuple[float, float] | None:
    return None if error is None else (mean - _z(confidence) * error, mean + _z(confidence) * error)


def _correlation(left: Sequence[float], right: Sequence[float]) -> float | None:
    spreads = _variance(left), _variance(right)
    if not spreads[0] or not spreads[1]:
        return None
    middle_left, middle_right = math.fsum(left) / len(left), math.fsum(right) / len(right)
    products = [(one - middle_left) * (other - middle_right) for one, other in zip(left, right, strict=True)]
    value = math.fsum(products) / (len(left) - 1) / math.sqrt(spreads[0] * spreads[1])
    return max(-1.0, min(1.0, value))


def _whole_steps(differences: Sequence[float]) -> list[int]:
    """Differences in whole steps of their common denominator, or of 1 / FINEST."""
    exact = [Fraction(value).limit_denominator(LARGEST_DENOMINATOR) for value in differences]
    denominator = math.lcm(*(value.denominator for value in exact))
    denominator = denominator if denominator <= FINEST else FINEST
    steps = [round(value * denominator) for value in exact]
    common = math.gcd(*steps) or 1
    return [step // common for step in steps]
