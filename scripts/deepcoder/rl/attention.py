"""Attention over sequences that lie packed one after the other in a single row, without a mask and without padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface

PACKED = "packed"  # the name under which transformers knows it


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None = None,
    scaling: float | None = None,
    sequence_lengths: Sequence[int] | None = None,
    exchange: Callable[..., tuple[Tensor, None]] | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Causal attention inside each sequence: one call of torch's kernel for each run of sequences of equal length.

    That kernel is flash attention where the device has it, so neither a score matrix nor a block-diagonal mask
    exists; on a CPU the mask was measured 6 to 27 times slower than these calls.

    Args:
        query: (1, heads, tokens, size); key, value: (1, key-value heads, tokens, size). More rows than one, or no
            `sequence_lengths`: every row is one sequence.
        sequence_lengths: of the packed sequences, adding up to tokens.
        exchange: trades tokens for heads between ranks and calls this function again (sequence_parallel.py).

    Returns:
        (rows, tokens, heads, size), and no weights.
    """
    if exchange is not None:
        return exchange(module, query, key, value, None, scaling=scaling, sequence_lengths=sequence_lengths, **others)
    if sequence_lengths is None:
        return _causal(query, key, value, scaling).transpose(1, 2), None
    parts, start = [], 0
    for number, length in _runs(sequence_lengths):
        end = start + number * length
        q, k, v = (x[0, :, start:end].unflatten(1, (number, length)).transpose(0, 1) for x in (query, key, value))
        parts.append(_causal(q, k, v, scaling).transpose(1, 2).flatten(0, 1))
        start = end
    return torch.cat(parts)[None], None


def _causal(query: Tensor, key: Tensor, value: Tensor, scaling: float | None) -> Tensor:
    return nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scaling, enable_gqa=query.shape[1] != key.shape[1]
    )


def _runs(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(number, length) of each run of equal neighbours."""
    start = 0
    for place in range(1, len(lengths) + 1):
        if place == len(lengths) or lengths[place] != lengths[start]:
            yield place - start, lengths[start]
            start = place


AttentionInterface.register(PACKED, packed_attention)
