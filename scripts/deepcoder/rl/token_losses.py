"""The losses that a recipe chooses from, token by token; `LOSSES` names them.

Each is a pure function of flat tokens: what a sample's tokens are worth, and how tokens add up to the loss of a batch,
is decided in losses.py and is the same for all. Dr. GRPO (arXiv 2503.20783) has no entry, because its token loss is
GRPO's: it is loss grpo with advantage "mean" and aggregation "constant_length".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from deepcoder.config.schema import Recipe


@dataclass(frozen=True)
class Tokens:
    """The response tokens of a micro-batch, which holds whole sequences only; every field is (tokens,).

    Attributes:
        log_probs: of the policy under training, differentiable.
        old_log_probs: of the policy before this batch's updates, by the trainer.
        advantages: of the token's sample.
        mask: bool, tokens in the loss.
        sequence: int64, the token's sequence, counted from 0 in the micro-batch.
    """

    log_probs: Tensor
    old_log_probs: Tensor
    advantages: Tensor
    mask: Tensor
    sequence: Tensor


@dataclass(frozen=True)
class TokenLoss:
    """The loss of each token and what was clipped.

    Attributes:
        loss: (tokens,) differentiable.
        ratio: (tokens,) the importance ratio before clipping.
        lower, upper: the bounds it was held against.
    """

    loss: Tensor
    ratio: Tensor
    lower: float
    upper: float


def grpo(tokens: Tokens, recipe: Recipe) -> TokenLoss:
    """Clipped surrogate of GRPO, arXiv 2402.03300 section 4.1, with the two bounds of DAPO, 2503.14476 section 3.1.

    Per token -min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) with r = exp(log_probs - old_log_probs). With
    apply_clip false the product r A stands alone, the defect of the released trainer
    [agentica-project/rllm@18e446c core_algos.py; fixed in 6a91456].
    """
    ratio = torch.exp(tokens.log_probs - tokens.old_log_probs)
    return _clipped_surrogate(ratio, tokens.advantages, recipe.clip_low, recipe.clip_high, recipe.apply_clip)


def gspo(tokens: Tokens, recipe: Recipe) -> TokenLoss:
    """Clipped surrogate of the sequence's importance ratio: GSPO, arXiv 2507.18071 sections 4.1 and 4.3.

    s = exp(mean over the sequence's tokens of (log_probs - old_log_probs)) takes the place of r, and the bounds are
    sequence_clip_low and sequence_clip_high, as a mean moves far less than a token. This is the paper's GSPO-token
    form, in which a token sees s * exp(log_probs - stop_gradient(log_probs)): value and gradient are GSPO's wherever
    the tokens of a sequence weigh the same, and s itself needs no gradient. Where they do not (truncated importance
    sampling), each token's weight stays with its own gradient.
    """
    log_ratio = tokens.log_probs - tokens.old_log_probs
    length = sequence_sums(torch.ones_like(log_ratio), tokens.mask, tokens.sequence)
    mean = sequence_sums(log_ratio, tokens.mask, tokens.sequence) / length.clamp(min=1)
    ratio = torch.exp(mean + (tokens.log_probs - tokens.log_probs.detach()))
    bounds = recipe.sequence_clip_low, recipe.sequence_clip_high
    return _clipped_surrogate(ratio, tokens.advantages, *bounds, recipe.apply_clip)


def cispo(tokens: Tokens, recipe: Recipe) -> TokenLoss:
    """REINFORCE under a clipped importance weight: CISPO, MiniMax-M1, arXiv 2506.13585 section 3.1.

    Per token -stop_gradient(clip(r, 1 - clip_low, 1 + clip_high)) A log_probs with r = exp(log_probs - old_log_probs):
    a token beyond a bound keeps a gradient, of bounded size. The paper leaves the lower bound out, which is
    clip_low >= 1. With apply_clip false the weight is r itself.
    """
    ratio = torch.exp(tokens.log_probs - tokens.old_log_probs).detach()
    lower, upper = 1 - recipe.clip_low, 1 + recipe.clip_high
    weight = ratio.clamp(lower, upper) if recipe.apply_clip else ratio
    return TokenLoss(-weight * tokens.advantages * tokens.log_probs, ratio, lower, upper)


LOSSES: dict[str, Callable[[Tokens, Recipe], TokenLoss]] = {"grpo": grpo, "gspo": gspo, "cispo": cispo}


def sequence_sums(values: Tensor, mask: Tensor, sequence: Tensor) -> Tensor:
    """The sum over the unmasked tokens of a sequence, handed back to each of its tokens; carries no gradient.

    The only place in which the tokens of a sequence meet: were a sequence spread over ranks, its partial sums would
    have to be added up here and nowhere else.

    Args:
        values: (tokens,).
        mask: (tokens,) bool.
        sequence: (tokens,) int64, see Tokens.

    Returns:
        (tokens,) of the type of `values`, added up in float64: a mean of log-ratios decides against bounds near 1e-4.
    """
    number = int(sequence.max()) + 1 if len(sequence) else 0
    counted = torch.where(mask, values.detach(), 0.0).double()
    sums = counted.new_zeros(number).index_add(0, sequence, counted)
    return sums[sequence].to(values.dtype)


def _clipped_surrogate(
    ratio: Tensor, advantages: Tensor, clip_low: float, clip_high: float, apply_clip: bool
) -> TokenLoss:
    lower, upper = 1 - clip_low, 1 + clip_high
    loss = -ratio * advantages
    if apply_clip:
        loss = torch.maximum(loss, -ratio.clamp(lower, upper) * advantages)
    return TokenLoss(loss, ratio, lower, upper)
