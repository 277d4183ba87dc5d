"""Log-probabilities of chosen tokens without ever holding the logits of all positions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from deepcoder.errors import UserError

CHUNK = 256  # positions whose logits exist at once


class LogProbHead(nn.Module):
    """A model's output head that gives log-probabilities in place of logits.

    A module of its own, so that ZeRO-3 gathers the weight once for a forward pass and once for its backward pass,
    not once for each chunk.

    Raises:
        UserError: the head has a bias, which no supported model has.
    """

    def __init__(self, head: nn.Linear, chunk: int = CHUNK) -> None:
        super().__init__()
        if head.bias is not None:
            raise UserError("policy: the model's output head has a bias, which is not supported; choose another model")
        self.weight, self.chunk = head.weight, chunk

    def forward(self, hidden: Tensor, targets: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        """See token_log_probs."""
        return token_log_probs(hidden, self.weight, targets, temperature, self.chunk)


def token_log_probs(
    hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float = 1.0, chunk: int = CHUNK
) -> tuple[Tensor, Tensor]:
    """Log-probability of each target and entropy of each distribution, at a sampling temperature.

    The logits of `chunk` positions are made, used and dropped, and made again in the backward pass, which turns
    them into their own gradient in place: the peak is two buffers of chunk x vocabulary instead of several of
    tokens x vocabulary (at 32K x 152K in float32: 20 GB each).

    Args:
        hidden: (tokens, hidden) last hidden states, at the positions that predict the targets.
        weight: (vocabulary, hidden) of the output head.
        targets: (tokens,) int64.
        temperature: logits are divided by it, as the sampler does.

    Returns:
        log-probabilities (tokens,) and entropies (tokens,), both float32; entropies carry a gradient too.
    """
    return _TokenLogProbs.apply(hidden, weight, targets, temperature, chunk)


class _TokenLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, temperature: float, chunk: int
    ) -> tuple[Tensor, Tensor]:
        log_probs = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        entropies, normalisers = torch.empty_like(log_probs), torch.empty_like(log_probs)
        for part in _chunks(len(targets), chunk):
            logits = _logits(hidden[part], weight, temperature)
            largest = logits.amax(dim=-1)
            logits.sub_(largest[:, None])  # so that no exponential overflows
            chosen = logits.gather(-1, targets[part, None]).squeeze(-1)
            weights = logits.exp()
            total = weights.sum(dim=-1)
            log_probs[part] = chosen - total.log()
            entropies[part] = total.log() - logits.mul_(weights).sum(dim=-1) / total
            normalisers[part] = largest + total.log()
        ctx.save_for_backward(hidden, weight, targets, normalisers, entropies)
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.set_materialize_grads(False)
        return log_probs, entropies

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        hidden, weight, targets, normalisers, entropies = ctx.saved_tensors
        for_log_probs, for_entropies = gradients
        if for_log_probs is None:
            for_log_probs = torch.zeros_like(normalisers)
        if for_entropies is not None and not for_entropies.any():
            for_entropies = None  # the usual recipe has no entropy bonus: half of the work
        to_hidden = torch.empty_like(hidden)
        # The sum over many chunks would lose bits in bfloat16.
        to_weight = torch.zeros_like(weight, dtype=torch.float32)
        for part in _chunks(len(targets), ctx.chunk):
            values = _logits(hidden[part], weight, ctx.temperature).sub_(normalisers[part, None])
            toward = for_log_probs[part, None]
            if for_entropies is None:
                values.exp_().mul_(-toward)
            else:
                probabilities = values.exp()
                values.add_(entropies[part, None]).mul_(for_entropies[part, None]).add_(toward)
                values.mul_(probabilities).neg_()
            values.scatter_add_(-1, targets[part, None], toward).div_(ctx.temperature)
            to_logits = values.to(weight.dtype)
            torch.mm(to_logits, weight, out=to_hidden[part])
            if weight.dtype == to_weight.dtype:
                to_weight.addmm_(to_logits.t(), hidden[part])
            else:
                to_weight.add_(to_logits.t() @ hidden[part])
        return to_hidden, to_weight.to(weight.dtype), None, None, None


def _logits(hidden: Tensor, weight: Tensor, temperature: float) -> Tensor:
    """(n, vocabulary) float32, a buffer of the caller's own."""
    return (hidden @ weight.t()).float().div_(temperature)


def _chunks(tokens: int, chunk: int) -> Iterator[slice]:
    yield from (slice(start, start + chunk) for start in range(0, tokens, chunk))
