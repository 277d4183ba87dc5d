"""The figures of a step: what its rollouts and its updates say, and whether that can be gone on from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

from deepcoder.errors import UserError
from deepcoder.rl.rollout import Rollout, UpdateReport

NUMBERS = tuple(entry.name for entry in fields(UpdateReport) if entry.name != "seconds")


def check_finite(report: UpdateReport, step: int) -> None:
    """Refuse to go on from an update whose figures are not numbers.

    DeepSpeed leaves out an update whose gradients are not finite and says so by an infinite norm: the weights are those
    of before, but whatever made the gradients so is still there.

    Raises:
        UserError: a figure of the report is infinite or not a number.
    """
    bad = {name: value for name in NUMBERS if not math.isfinite(value := getattr(report, name))}
    if bad:
        told = ", ".join(f"{name} is {value}" for name, value in bad.items())
        raise UserError(
            f"step {step}: {told} after the update, of which nothing was saved; lower trainer__learning_rate (the "
            "stage then begins anew), or if a fault of the machine is to blame run again to resume"
        )


def describe(rollouts: Sequence[Rollout], number: int, report: UpdateReport, version: int) -> dict[str, float]:
    """The reproducible figures of a step (schemas.metrics.METRICS, without step and scores).

    Args:
        number: samples of a prompt.
        version: policy version that the batch was trained on.
    """
    groups = [rollouts[i : i + number] for i in range(0, len(rollouts), number)]
    passed = [sum(r.reward for r in group) for group in groups]
    total = len(rollouts)
    behind = [(version - sampled, count) for r in rollouts for sampled, count in r.versions]
    tokens = sum(count for _, count in behind)
    return {
        "reward_mean": sum(r.reward for r in rollouts) / total,
        "solve_all": sum(value == number for value in passed) / len(groups),
        "solve_none": sum(value == 0 for value in passed) / len(groups),
        "solve_partial": sum(0 < value < number for value in passed) / len(groups),
        "response_length_mean": sum(len(r.response_ids) for r in rollouts) / total,
        "clipped_share": sum(r.truncated for r in rollouts) / total,
        "masked_share": sum(r.verdict == "IE" for r in rollouts) / total,
        "staleness_mean": sum(age * count for age, count in behind) / max(tokens, 1),
        "staleness_max": max((age for age, _ in behind), default=0),
        "entropy": report.entropy,
        "clip_fraction_low": report.clip_fraction_low,
        "clip_fraction_high": report.clip_fraction_high,
        "grad_norm": report.grad_norm,
        "loss": report.loss,
        "log_prob_gap": report.log_prob_gap,
    }


def mean_report(reports: Sequence[UpdateReport]) -> UpdateReport:
    """The mean of what the parts of a batch reported."""
    if len(reports) == 1:
        return reports[0]
    return UpdateReport(**{name: sum(getattr(r, name) for r in reports) / len(reports) for name in NUMBERS})
