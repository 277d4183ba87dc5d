"""The policy loss: the switches of each recipe, exactness under any split, and the released arithmetic by hand."""

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from deepcoder.config import compose_config
from deepcoder.config.schema import Recipe
from deepcoder.errors import UserError
from deepcoder.rl.losses import loss_scale, policy_loss, sample_weights


def recipe(name: str) -> Recipe:
    return OmegaConf.to_object(compose_config({}).recipes[name])  # type: ignore[return-value]


STRICT, RELEASED = recipe("strict"), recipe("as_released")


def tokens(number: int, seed: int = 0) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)

    def draw(scale: float = 1.0) -> torch.Tensor:
        return torch.randn(number, generator=generator, dtype=torch.float64) * scale

    old = -draw().abs()
    return {
        "log_probs": old + draw(0.3),
        "old_log_probs": old,
        "rollout_log_probs": old + draw(0.3),
        "advantages": draw(),
        "mask": torch.rand(number, generator=generator) > 0.2,
        "sequence": torch.zeros(number, dtype=torch.int64),
    }


def gradient(columns: dict[str, Any], how: Recipe, scale: float) -> torch.Tensor:
    log_probs = columns["log_probs"].clone().requires_grad_()
    (policy_loss(**{**columns, "log_probs": log_probs}, recipe=how).total * scale).backward()
    assert log_probs.grad is not None
    return log_probs.grad


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(0, 1000), st.lists(st.integers(1, 39), max_size=4))
def test_any_split_into_micro_batches_gives_the_same_gradient(number: int, seed: int, cuts: list[int]) -> None:
    columns = tokens(number, seed)
    total = int(columns["mask"].sum())
    whole = gradient(columns, STRICT, loss_scale("global_token_mean", total, total, 1))
    edges = sorted({0, number, *(cut for cut in cuts if cut < number)})
    parts = []
    for start, end in itertools.pairwise(edges):
        part = {name: value[start:end] for name, value in columns.items()}
        scale = loss_scale("global_token_mean", int(part["mask"].sum()), total, len(edges) - 1)
        parts.append(gradient(part, STRICT, scale))
    assert torch.allclose(torch.cat(parts), whole, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 30), st.integers(0, 1000), st.sampled_from([STRICT, RELEASED]))
def test_a_masked_token_is_as_good_as_absent(number: int, seed: int, how: Recipe) -> None:
    columns = tokens(number, seed)
    kept = {name: value[columns["mask"]] for name, value in columns.items()}
    masked, absent = gradient(columns, how, 1.0), gradient(kept, how, 1.0)
    assert torch.equal(masked[columns["mask"]], absent)
    assert not masked[~columns["mask"]].any()


@pytest.mark.parametrize(("ratio", "advantage", "moves"), [(1.4, 1.0, False), (1.4, -1.0, True), (0.7, -1.0, False)])
def test_the_clip_stops_the_gradient_beyond_its_own_bound(ratio: float, advantage: float, moves: bool) -> None:
    one = torch.zeros(1, dtype=torch.float64)
    columns = {
        "log_probs": one + math.log(ratio),
        "old_log_probs": one,
        "rollout_log_probs": one,
        "advantages": one + advantage,
        "mask": torch.tensor([True]),
        "sequence": torch.tensor([0]),
    }
    assert bool(gradient(columns, STRICT, 1.0).abs().sum() > 0) is moves
    assert gradient(columns, RELEASED, 1.0).abs().sum() > 0, "the released loss is unclipped"


def test_clip_fractions_count_tokens_beyond_either_bound() -> None:
    ratios, advantages = torch.tensor([1.29, 1.27, 0.79, 0.81]), torch.tensor([1.0, 1.0, -1.0, -1.0])
    zero = torch.zeros(4)
    found = policy_loss(ratios.log(), zero, zero, advantages, zero == 0, zero.long(), STRICT)
    assert (int(found.clipped_low), int(found.clipped_high), int(found.tokens)) == (1, 1, 4)


def test_the_importance_weight_is_capped() -> None:
    zero = torch.zeros(2, dtype=torch.float64)
    sampler = torch.tensor([-math.log(1.5), -math.log(50.0)], dtype=torch.float64)  # ratios 1.5 and 50
    found = policy_loss(zero, zero, sampler, zero + 1.0, zero == 0, zero.long(), STRICT)
    assert float(found.total) == pytest.approx(-(1.5 + 2.0))


def test_truncated_samples_leave_the_loss_but_stay_in_the_statistics() -> None:
    rewards, truncated = torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.tensor([[False, False, False, True]])
    judged = torch.ones_like(truncated)
    found = sample_weights(rewards, truncated, judged, STRICT)
    assert found.in_loss.tolist() == [[True, True, True, False]] == found.in_denominator.tolist()
    assert float(found.advantages[0, 0]) == pytest.approx(0.75 / (0.5 + 1e-6))
    described = sample_weights(rewards, truncated, judged, recipe("as_described"))
    assert described.in_loss.tolist() == [[True, True, True, False]]
    assert described.in_denominator.all()
    without = sample_weights(rewards, truncated, judged, replace(STRICT, truncated_in_statistics=False))
    assert float(without.advantages[0, 0]) == pytest.approx((2 / 3) / (math.sqrt(1 / 3) + 1e-6))


def test_released_truncation_zeroes_failed_samples_and_keeps_solved_ones() -> None:
    rewards, truncated = torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.tensor([[False, True, False, True]])
    found = sample_weights(rewards, truncated, torch.ones_like(truncated), RELEASED)
    assert found.in_loss.all()
    assert found.in_denominator.all()
    pull = 0.5 / (math.sqrt(1 / 3) + 1e-6)
    assert found.advantages[0].tolist() == pytest.approx([pull, pull, -pull, 0.0])


def test_a_sample_the_judge_failed_on_counts_nowhere() -> None:
    judged = torch.tensor([[True, True, False]])
    found = sample_weights(torch.tensor([[1.0, 0.0, 0.0]]), torch.zeros_like(judged), judged, STRICT)
    assert found.in_loss.tolist() == judged.tolist() == found.in_denominator.tolist()
    assert float(found.advantages[0, 0]) == pytest.approx(0.5 / (math.sqrt(0.5) + 1e-6))


def test_groups_without_signal_can_be_dropped_from_loss_and_denominator() -> None:
    rewards = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    everyone, nobody = torch.ones(2, 2, dtype=torch.bool), torch.zeros(2, 2, dtype=torch.bool)
    found = sample_weights(rewards, nobody, everyone, replace(STRICT, groups_without_signal="drop"))
    assert found.in_denominator.tolist() == [[False, False], [True, True]]
    assert sample_weights(rewards, nobody, everyone, STRICT).in_denominator.all()


@pytest.mark.parametrize("change", [{"kl_coefficient": 0.1}])
def test_a_switch_without_code_is_refused(change: dict[str, Any]) -> None:
    one = torch.ones(1, 2, dtype=torch.bool)
    with pytest.raises(UserError, match=next(iter(change))):
        sample_weights(torch.zeros(1, 2), ~one, one, replace(STRICT, **change))


def test_the_released_arithmetic_by_hand() -> None:
    """Three samples of one problem, 2, 1 and 3 tokens long, in micro-batches of {first} and {second, third}.

    The third is truncated and failed: no advantage, but it counts in the mean and deviation of the group and in the
    tokens of its micro-batch. Ratios leave both bounds and are not clipped, the sampler's probabilities play no part,
    and the loss is the mean of the two micro-batches' means.
    """
    rewards, truncated = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[False, False, True]])
    weights = sample_weights(rewards, truncated, torch.ones_like(truncated), RELEASED)
    deviation = math.sqrt(((2 / 3) ** 2 + 2 * (1 / 3) ** 2) / 2) + 1e-6
    assert weights.advantages[0].tolist() == pytest.approx([2 / 3 / deviation, -1 / 3 / deviation, 0.0])
    ratios = [[2.0, 1.0], [0.5], [3.0, 1.0, 1.0]]
    total = 0.0
    for micro in ([0], [1, 2]):
        new = torch.tensor([ratio for i in micro for ratio in ratios[i]], dtype=torch.float64).log()
        lengths = torch.tensor([len(ratios[i]) for i in micro])
        advantages, mask = (x[0, micro].repeat_interleave(lengths) for x in (weights.advantages, weights.in_loss))
        zero, sequence = torch.zeros_like(new), torch.arange(len(micro)).repeat_interleave(lengths)
        loss = policy_loss(new, zero, zero - 1.0, advantages, mask, sequence, RELEASED)
        total += float(loss.total) * loss_scale(RELEASED.aggregation, int(lengths.sum()), 6, 2)
    first, second = -(2.0 + 1.0) * (2 / 3 / deviation) / 2, (0.5 * (1 / 3 / deviation) + 0.0 + 0.0 + 0.0) / 4
    assert total == pytest.approx((first + second) / 2)


def test_an_entropy_bonus_lowers_the_loss_by_its_coefficient() -> None:
    zero, bonus = torch.zeros(2), replace(STRICT, entropy_coefficient=0.5)
    found = policy_loss(zero, zero, zero, zero, zero == 0, zero.long(), bonus, entropy=zero + 3.0)
    assert float(found.total) == pytest.approx(-3.0)
