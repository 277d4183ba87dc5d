"""Every loss of the registry: its gradient is its formula's, and no arrangement of the batch changes it."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcoder.config.schema import Config, Recipe
from deepcoder.rl.losses import denominator, loss_scale, policy_loss, sample_weights
from deepcoder.rl.micro_batches import share_of
from deepcoder.rl.token_losses import LOSSES

EXACT = ["global_token_mean", "sequence_mean", "constant_length"]
LIMIT = 7  # of a response, for constant_length
Columns = dict[str, torch.Tensor]
MakeTokens = Callable[..., Columns]

every_loss = pytest.mark.parametrize("loss", list(LOSSES))
every_exact_aggregation = pytest.mark.parametrize("aggregation", EXACT)


@pytest.fixture(scope="module")
def strict(config: Config) -> Recipe:
    """The recipe strict, with bounds of gspo that some of make_tokens' sequences leave and some do not."""
    return replace(config.recipes["strict"], sequence_clip_low=0.1, sequence_clip_high=0.1)


def total(columns: Columns, recipe: Recipe, log_probs: torch.Tensor | None = None) -> torch.Tensor:
    values = columns["log_probs"] if log_probs is None else log_probs
    return policy_loss(**{**columns, "log_probs": values}, recipe=recipe).total  # type: ignore[arg-type]


def gradient(columns: Columns, recipe: Recipe) -> torch.Tensor:
    log_probs = columns["log_probs"].clone().requires_grad_()
    return torch.autograd.grad(total(columns, recipe, log_probs), log_probs)[0]


def chosen(columns: Columns, keep: torch.Tensor) -> Columns:
    return {name: value[keep] for name, value in columns.items()}


def agrees_with_finite_differences(columns: Columns, recipe: Recipe) -> bool:
    log_probs = columns["log_probs"].clone().requires_grad_()
    return torch.autograd.gradcheck(lambda values: total(columns, recipe, values), [log_probs])


def ratios(columns: Columns, loss: str, recipe: Recipe) -> torch.Tensor:
    log_ratio = columns["log_probs"] - columns["old_log_probs"]
    if loss == "gspo":
        log_ratio = torch.stack([log_ratio[columns["sequence"] == i].mean() for i in columns["sequence"]])
    return log_ratio.exp()


def test_the_configuration_offers_the_losses_that_exist() -> None:
    (entry,) = (entry for entry in dataclasses.fields(Recipe) if entry.name == "loss")
    assert sorted(entry.metadata["choices"]) == sorted(LOSSES)


@pytest.mark.parametrize("aggregation", ["global_token_mean", "sequence_mean"])
@pytest.mark.parametrize("apply_clip", [True, False])
@pytest.mark.parametrize("loss", ["grpo", "gspo"])
@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_of_a_surrogate_is_that_of_its_value(
    loss: str, apply_clip: bool, aggregation: str, seed: int, strict: Recipe, make_tokens: MakeTokens
) -> None:
    columns = make_tokens([3, 1, 4, 2, 5, 2], seed)
    # With a weight for each token GSPO-token leaves GSPO on purpose, so gspo is held to its own formula alone.
    correction = "none" if loss == "gspo" else "truncated"
    recipe = replace(
        strict, loss=loss, apply_clip=apply_clip, aggregation=aggregation, importance_correction=correction
    )
    low, high = (strict.clip_low, strict.clip_high) if loss == "grpo" else (0.1, 0.1)
    found = ratios(columns, loss, recipe)
    assert min((found - 1 + low).abs().min(), (found - 1 - high).abs().min()) > 1e-5, "no ratio sits on a kink"
    assert ((found < 1 - low) | (found > 1 + high)).any(), "some tokens are beyond a bound"
    assert agrees_with_finite_differences(columns, recipe)


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_of_cispo_is_that_of_a_weighted_log_probability(
    seed: int, strict: Recipe, make_tokens: MakeTokens
) -> None:
    """Beyond a bound the weight is constant and the value can be differenced; within, r d(log pi) is d(r)."""
    columns = make_tokens([3, 1, 4, 2, 5, 2], seed)
    recipe, found = replace(strict, loss="cispo"), ratios(columns, "cispo", strict)
    beyond = (found < 1 - strict.clip_low - 1e-4) | (found > 1 + strict.clip_high + 1e-4)
    within = (found > 1 - strict.clip_low + 1e-4) & (found < 1 + strict.clip_high - 1e-4)
    assert beyond.any()
    assert within.any()
    assert agrees_with_finite_differences(chosen(columns, beyond), recipe)
    unclipped = replace(strict, loss="grpo", apply_clip=False)
    assert agrees_with_finite_differences(chosen(columns, within), unclipped)
    assert torch.allclose(gradient(chosen(columns, within), recipe), gradient(chosen(columns, within), unclipped))


def test_gspo_pulls_every_token_of_a_sequence_alike_or_none(strict: Recipe) -> None:
    log_ratio = torch.tensor([0.5, -0.3, 0.0, 0.4, 0.3], dtype=torch.float64)  # means 0.2 / 3 and 0.35
    columns = {
        "log_probs": log_ratio - 1.0,
        "old_log_probs": torch.full_like(log_ratio, -1.0),
        "rollout_log_probs": torch.full_like(log_ratio, -1.0),
        "advantages": torch.full_like(log_ratio, 2.0),
        "mask": torch.ones(5, dtype=torch.bool),
        "sequence": torch.tensor([0, 0, 0, 1, 1]),
    }
    recipe = replace(strict, loss="gspo")
    ratio = math.exp(0.2 / 3)
    assert gradient(columns, recipe).tolist() == pytest.approx([-2.0 * ratio] * 3 + [0.0] * 2)
    found = policy_loss(**columns, recipe=recipe)  # type: ignore[arg-type]
    assert float(found.total) == pytest.approx(-2.0 * (3 * ratio + 2 * 1.1))
    assert (int(found.clipped_low), int(found.clipped_high)) == (0, 2)
    tight = replace(recipe, sequence_clip_low=3e-4, sequence_clip_high=4e-4)
    assert not gradient(columns, tight).any(), "the bounds are gspo's own, not the tokens'"


def test_cispo_goes_on_learning_from_a_token_that_grpo_clips(strict: Recipe) -> None:
    one = torch.zeros(1, dtype=torch.float64)
    columns = {
        "log_probs": one - 1.0 + math.log(5.0),
        "old_log_probs": one - 1.0,
        "rollout_log_probs": one - 1.0,
        "advantages": one + 2.0,
        "mask": one == 0,
        "sequence": one.long(),
    }
    assert float(gradient(columns, replace(strict, loss="grpo"))) == 0.0
    assert float(gradient(columns, replace(strict, loss="cispo"))) == pytest.approx(-2.0 * (1 + strict.clip_high))


@every_loss
@settings(deadline=None, max_examples=25)
@given(number=st.integers(2, 8), reward=st.sampled_from([0.0, 1.0, 0.3]), kind=st.sampled_from(["mean_std", "mean"]))
def test_equal_rewards_give_no_gradient(
    loss: str, number: int, reward: float, kind: str, strict: Recipe, make_tokens: MakeTokens
) -> None:
    rewards = torch.full((1, number), reward, dtype=torch.float64)
    recipe = replace(strict, loss=loss, advantage=kind)
    weights = sample_weights(rewards, rewards < 0, rewards >= 0, recipe)
    columns = make_tokens([3] * number)
    columns["advantages"] = weights.advantages[0].repeat_interleave(3)
    assert gradient(columns, recipe).abs().max() < 1e-9


@every_loss
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), shift=st.floats(-2, 2, width=32), kind=st.sampled_from(["mean_std", "mean"]))
def test_a_shift_of_all_rewards_leaves_the_gradient(
    loss: str, seed: int, shift: float, kind: str, strict: Recipe, make_tokens: MakeTokens
) -> None:
    rewards = torch.rand(2, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    recipe, found = replace(strict, loss=loss, advantage=kind), []
    for values in (rewards, rewards + shift):
        columns, everyone = make_tokens([2, 1, 3, 1, 2, 2], seed), torch.ones_like(rewards, dtype=torch.bool)
        advantages = sample_weights(values, ~everyone, everyone, recipe).advantages
        found.append(gradient({**columns, "advantages": advantages.flatten()[columns["sequence"]]}, recipe))
    assert torch.allclose(*found, atol=1e-6)


@every_loss
@settings(deadline=None, max_examples=25)
@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    seed=st.integers(0, 10_000),
    whole=st.booleans(),
    aggregation=st.sampled_from(EXACT),
)
def test_a_masked_token_or_sequence_is_as_good_as_absent(
    loss: str, lengths: list[int], seed: int, whole: bool, aggregation: str, strict: Recipe, make_tokens: MakeTokens
) -> None:
    columns, recipe = make_tokens(lengths, seed), replace(strict, loss=loss, aggregation=aggregation)
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(len(lengths) if whole else sum(lengths), generator=generator) > 0.4
    columns["mask"] = mask = drawn[columns["sequence"]] if whole else drawn
    masked = gradient(columns, recipe)
    assert torch.allclose(masked[mask], gradient(chosen(columns, mask), recipe), rtol=1e-12, atol=0)
    assert not masked[~mask].any()


def partitions(items: list[int]) -> Iterator[list[list[int]]]:
    """Every way to divide `items` into groups."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for groups in partitions(rest):
        yield [[first], *groups]
        for place in range(len(groups)):
            yield [*groups[:place], [first, *groups[place]], *groups[place + 1 :]]


def divided(columns: Columns, lengths: list[int], recipe: Recipe, plan: list[list[int]], ranks: int) -> Any:
    """Loss and gradient as the trainer makes them: parts of a sum on each rank, averaged over the ranks."""
    whole = denominator(recipe.aggregation, lengths, LIMIT)
    loss, found = 0.0, torch.zeros_like(columns["log_probs"])
    for rank in range(ranks):
        for micro in share_of(plan, rank, ranks):
            if not micro:
                continue
            places = torch.cat([torch.where(columns["sequence"] == i)[0] for i in micro])
            part = chosen(columns, places)
            counts = torch.tensor([lengths[i] for i in micro])
            part["sequence"] = torch.arange(len(micro)).repeat_interleave(counts)
            own = denominator(recipe.aggregation, counts.tolist(), LIMIT)
            scale = loss_scale(recipe.aggregation, own, whole, len(plan)) * ranks
            loss += float(total(part, recipe)) * scale / ranks
            found[places] += gradient(part, recipe) * scale / ranks
    return loss, found


@every_exact_aggregation
@every_loss
def test_every_split_into_micro_batches_and_ranks_gives_the_same_loss_and_gradient(
    loss: str, aggregation: str, strict: Recipe, make_tokens: MakeTokens
) -> None:
    lengths = [3, 1, 5, 2]
    columns, recipe = make_tokens(lengths), replace(strict, loss=loss, aggregation=aggregation)
    expected, wanted = divided(columns, lengths, recipe, [[0, 1, 2, 3]], 1)
    assert wanted.any()
    for plan, ranks in itertools.product(partitions([0, 1, 2, 3]), (1, 2, 3)):
        value, found = divided(columns, lengths, recipe, plan, ranks)
        assert value == pytest.approx(expected, rel=1e-12), (plan, ranks)
        assert torch.allclose(found, wanted, rtol=1e-12, atol=0), (plan, ranks)


@every_loss
def test_the_released_mean_of_micro_batches_does_depend_on_the_split(
    loss: str, strict: Recipe, make_tokens: MakeTokens
) -> None:
    columns, recipe = make_tokens([3, 1]), replace(strict, loss=loss, aggregation="micro_batch_token_mean")
    together, apart = (divided(columns, [3, 1], recipe, plan, 1)[0] for plan in ([[0, 1]], [[0], [1]]))
    assert together != pytest.approx(apart, rel=1e-3)


def test_each_aggregation_weighs_short_and_long_responses_as_it_says(strict: Recipe, make_tokens: MakeTokens) -> None:
    columns = make_tokens([1, 4], spread=0.0)
    columns["advantages"] = torch.ones(5, dtype=torch.float64)
    on_policy = replace(strict, importance_correction="none")
    weight = {
        name: (-divided(columns, [1, 4], replace(on_policy, aggregation=name), [[0, 1]], 1)[1]).tolist()
        for name in EXACT
    }
    assert weight["global_token_mean"] == pytest.approx([1 / 5] * 5)
    assert weight["sequence_mean"] == pytest.approx([1 / 2] + [1 / 8] * 4)
    assert weight["constant_length"] == pytest.approx([1 / (2 * LIMIT)] * 5)


def test_a_constant_length_is_needed_where_the_aggregation_divides_by_it() -> None:
    with pytest.raises(ValueError, match="limit of a response"):
        denominator("constant_length", [3, 4])
