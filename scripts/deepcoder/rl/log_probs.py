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
        made = torch.empty(3, len(targets), dtype=torch.float32, device=hidden.device)
        for part in _chunks(len(targets), chunk):
            made[:, part] = _statistics(_logits(hidden[part], weight, temperature), targets[part])
        log_probs, entropies, normalisers = made.unbind()
        ctx.save_for_backward(hidden, weight, targets, normalisers, entropies)
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.set_materialize_grads(False)
        return log_probs.clone(), entropies.clone()  # views of one tensor may not be written to

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
            rows = hidden[part]
            values = _logits(rows, weight, ctx.temperature).sub_(normalisers[part, None])
            upstream = for_log_probs[part], None if for_entropies is None else for_entropies[part]
            _turn_into_gradient(values, targets[part], entropies[part], *upstream)
            to_logits = values.div_(ctx.temperature).to(weight.dtype)
            torch.mm(to_logits, weight, out=to_hidden[part])
            if weight.dtype == to_weight.dtype:
                to_weight.addmm_(to_logits.t(), rows)
            else:
                to_weight.add_(to_logits.t() @ rows)
            del values, to_logits  # or they would live until the next chunk has taken their place
        return to_hidden, to_weight.to(weight.dtype), None, None, None


def _statistics(logits: Tensor, targets: Tensor) -> Tensor:
    """(3, n): log-probability of each target, entropy, logarithm of the normaliser. Overwrites the logits."""
    largest = logits.amax(dim=-1)
    logits.sub_(largest[:, None])  # so that no exponential overflows
    chosen = logits.gather(-1, targets[:, None]).squeeze(-1)
    weights = logits.exp()
    total = weights.sum(dim=-1)
    entropies = total.log() - logits.mul_(weights).sum(dim=-1) / total
    return torch.stack([chosen - total.log(), entropies, largest + total.log()])


def _turn_into_gradient(
    log_p: Tensor, targets: Tensor, entropies: Tensor, for_log_probs: Tensor, for_entropies: Tensor | None
) -> None:
    """Overwrite log-probabilities (n, vocabulary) with the gradient with respect to the logits.

    With p the probabilities: g (1[target] - p) for a log-probability, -g p (log p + entropy) for an entropy.
    """
    toward = for_log_probs[:, None]
    if for_entropies is None:
        log_p.exp_().mul_(-toward)
    else:
        probabilities = log_p.exp()
        log_p.add_(entropies[:, None]).mul_(for_entropies[:, None]).add_(toward)
        log_p.mul_(probabilities).neg_()
    log_p.scatter_add_(-1, targets[:, None], toward)


def _logits(hidden: Tensor, weight: Tensor, temperature: float) -> Tensor:
    """(n, vocabulary) float32, a buffer of the caller's own."""
    return (hidden @ weight.t()).float().div_(temperature)


def _chunks(tokens: int, chunk: int) -> Iterator[slice]:
    yield from (slice(start, start + chunk) for start in range(0, tokens, chunk))
