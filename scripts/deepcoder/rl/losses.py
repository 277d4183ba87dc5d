"""The policy loss of GRPO+ and its switches, over flat tokens: no padding, no batch dimension.

A recipe (config/recipe/*.yaml) names each place in which the description, the released code and a correct
implementation differ: `sample_weights` decides which samples count where, `policy_loss` sums the token losses
(token_losses.py), `denominator` and `loss_scale` make the sums of all micro-batches the loss of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from deepcoder.config.schema import Recipe
from deepcoder.errors import UserError
from deepcoder.rl.advantages import group_advantages, groups_with_signal
from deepcoder.rl.token_losses import LOSSES, Tokens, sequence_sums


@dataclass(frozen=True)
class SampleWeights:
    """What each sample of a batch contributes; every field is (groups, samples).

    Attributes:
        advantages: float64.
        in_loss: bool, its tokens have a loss.
        in_denominator: bool, its tokens count in the mean.
    """

    advantages: Tensor
    in_loss: Tensor
    in_denominator: Tensor


def sample_weights(rewards: Tensor, truncated: Tensor, judged: Tensor, recipe: Recipe) -> SampleWeights:
    """Apply the recipe's switches on samples.

    Args:
        rewards: (groups, samples) float.
        truncated: (groups, samples) bool, stopped by the length limit ("overlong filtering", DAPO 2503.14476).
        judged: (groups, samples) bool; false where the judge itself failed: such a sample counts nowhere.
        recipe: switches truncated, truncated_in_denominator, truncated_in_statistics, advantage,
            groups_without_signal.
    """
    check_recipe(recipe)
    counted = judged if recipe.truncated_in_statistics else judged & ~truncated
    advantages = group_advantages(rewards, counted, recipe.advantage)
    in_loss, in_denominator = judged.clone(), judged.clone()
    if recipe.truncated == "leave_loss":
        in_loss &= ~truncated
        if not recipe.truncated_in_denominator:
            in_denominator &= ~truncated
    elif recipe.truncated == "zero_advantage_if_failed":
        # The released trainer: a truncated sample with score 0 keeps its place everywhere but pulls nowhere.
        advantages = torch.where(truncated & (rewards <= 0), 0.0, advantages)
    if recipe.groups_without_signal == "drop":
        signal = groups_with_signal(rewards, counted)[:, None]
        in_loss, in_denominator = in_loss & signal, in_denominator & signal
    return SampleWeights(advantages, in_loss, in_denominator)


def check_recipe(recipe: Recipe) -> None:
    """Refuse switches whose code does not exist, rather than ignore them."""
    if recipe.kl_coefficient:
        raise UserError("recipe: kl_coefficient must be 0, GRPO+ has no KL term and no reference model is loaded")


@dataclass(frozen=True)
class PolicyLoss:
    """Sums over the tokens of a (micro-)batch, so that parts add up to the whole.

    Attributes:
        total: () the summed token losses, differentiable.
        clipped_low, clipped_high: () tokens beyond the lower bound with a negative advantage, beyond the upper
            with a positive one.
        tokens: () tokens in the loss.
    """

    total: Tensor
    clipped_low: Tensor
    clipped_high: Tensor
    tokens: Tensor


def policy_loss(
    log_probs: Tensor,
    old_log_probs: Tensor,
    rollout_log_probs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    sequence: Tensor,
    recipe: Recipe,
    entropy: Tensor | None = None,
) -> PolicyLoss:
    """The loss that the recipe names (token_losses.py) with its corrections, summed over the tokens.

    With importance_correction "truncated" a token is weighted by min(exp(old_log_probs - rollout_log_probs), cap),
    which corrects for the sampler's policy not being the trainer's (truncated importance sampling). With
    aggregation "sequence_mean" it is divided by its sequence's tokens in the loss.

    Args:
        log_probs: (tokens,) of the policy under training, differentiable.
        old_log_probs: (tokens,) of the policy before this batch's updates, by the trainer.
        rollout_log_probs: (tokens,) as the sampler reported them.
        advantages: (tokens,) of the token's sample.
        mask: (tokens,) bool, tokens in the loss.
        sequence: (tokens,) int64, the token's sequence, counted from 0; every sequence is here as a whole.
        entropy: (tokens,) differentiable; needed where recipe.entropy_coefficient is not 0.
    """
    advantages = advantages.to(log_probs.dtype)
    found = LOSSES[recipe.loss](Tokens(log_probs, old_log_probs, advantages, mask, sequence), recipe)
    loss = found.loss
    if recipe.importance_correction == "truncated":
        loss = loss * torch.exp(old_log_probs - rollout_log_probs).clamp(max=recipe.importance_cap)
    if recipe.entropy_coefficient:
        if entropy is None:
            raise ValueError("entropy_coefficient needs the entropy of each token")
        loss = loss - recipe.entropy_coefficient * entropy
    if recipe.aggregation == "sequence_mean":
        loss = loss / sequence_sums(torch.ones_like(loss), mask, sequence).clamp(min=1)
    return PolicyLoss(
        total=torch.where(mask, loss, 0.0).sum(),
        clipped_low=(mask & (advantages < 0) & (found.ratio < found.lower)).sum(),
        clipped_high=(mask & (advantages > 0) & (found.ratio > found.upper)).sum(),
        tokens=mask.sum(),
    )


def denominator(aggregation: str, lengths: Sequence[int], response_limit: int = 0) -> int:
    """What samples add to the number that a batch's summed loss is divided by.

    Args:
        aggregation: the token means count tokens; "sequence_mean" counts samples, for the mean of their means (GRPO,
            arXiv 2402.03300 equation 3; GSPO); "constant_length" counts `response_limit` tokens for each sample
            whatever its length, so that a token weighs the same in a short and in a long response (Dr. GRPO, arXiv
            2503.20783 section 3).
        lengths: response tokens of the samples that count.
        response_limit: most tokens of a response in this stage.
    """
    if aggregation == "sequence_mean":
        return len(lengths)
    if aggregation == "constant_length":
        if response_limit < 1:
            raise ValueError("aggregation constant_length needs the limit of a response")
        return len(lengths) * response_limit
    return sum(lengths)


def loss_scale(
    aggregation: str, micro_batch_denominator: Tensor | int, batch_denominator: Tensor | int, micro_batches: int
) -> float:
    """The factor that turns a micro-batch's summed loss into its part of the batch's loss.

    Args:
        aggregation: "micro_batch_token_mean" averages the means of the micro-batches, as the released trainer did, so
            that tokens of small micro-batches weigh more; every other one is exact under any split.
        micro_batch_denominator: see denominator, of this micro-batch.
        batch_denominator: the same of the whole mini-batch, over all ranks.
        micro_batches: number of micro-batches in the mini-batch, over all ranks.
    """
    if aggregation == "micro_batch_token_mean":
        return 1.0 / (max(int(micro_batch_denominator), 1) * max(micro_batches, 1))
    return 1.0 / max(int(batch_denominator), 1)
