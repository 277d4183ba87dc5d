"""Sequence parallelism (DeepSpeed-Ulysses, arXiv 2309.14509): a group of ranks shares each packed row by length.

Outside attention a rank has a window of the tokens and all heads; inside it has all tokens and a part of the heads.
To DeepSpeed all ranks are data-parallel, so ZeRO shards over all of them and no gradient needs another factor.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from deepcoder.errors import UserError
from deepcoder.rl.attention import packed_attention
from deepcoder.rl.policy import Sequences


def check_heads(size: int, heads: int, key_value_heads: int) -> None:
    """Refuse a group that attention heads cannot be dealt to.

    Raises:
        UserError: `size` does not divide the heads, or neither divides the key-value heads nor is divided by them.
    """
    if heads % size or (key_value_heads % size and size % key_value_heads):
        raise UserError(
            f"trainer: sequence_parallel {size} does not fit a model of {heads} heads and {key_value_heads} key-value "
            f"heads; set trainer__sequence_parallel to a divisor of both"
        )


class SequenceGroup:
    """The ranks that share a row with this one: neighbours by number."""

    def __init__(self, rank: int, ranks: int, size: int, model_config: Any) -> None:
        """Form the groups; every rank must call, after joining the others.

        Raises:
            UserError: see check_heads.
        """
        heads, key_value_heads = model_config.num_attention_heads, model_config.num_key_value_heads
        check_heads(size, heads, key_value_heads)
        from deepspeed.runtime.sequence_parallel.ulysses_sp import UlyssesSPAttentionHF

        self.size, self.rank = size, rank % size
        # A process group is formed by all ranks together, its members or not.
        groups = [torch.distributed.new_group(range(start, start + size)) for start in range(0, ranks, size)]
        self.group = groups[rank // size]
        self.exchange = UlyssesSPAttentionHF(
            attn=packed_attention,
            batch_size=1,
            attn_head_count=heads,
            attn_head_size=getattr(model_config, "head_dim", None) or model_config.hidden_size // heads,
            kv_head_count=key_value_heads,
            num_hidden_layers=model_config.num_hidden_layers,
            process_group=self.group,
            seq_length_is_variable=True,
        )

    def shard(self, sequences: Sequences) -> tuple[Sequences, list[int]]:
        """This rank's window of packed sequences, and the number of targets in the window of each rank.

        Args:
            sequences: packed, with a length that is a multiple of the group's size.
        """
        assert sequences.positions is not None
        length = sequences.input_ids.shape[1] // self.size
        window = slice(self.rank * length, (self.rank + 1) * length)
        counts = sequences.predicts.view(self.size, length).sum(dim=1).tolist()
        part = Sequences(
            input_ids=sequences.input_ids[:, window],
            predicts=sequences.predicts[:, window],
            targets=sequences.targets.split(counts)[self.rank],
            lengths=sequences.lengths,
            positions=sequences.positions[:, window],
        )
        return part, counts

    def gather(self, values: Tensor, counts: list[int]) -> Tensor:
        """All ranks' values in the order of the tokens.

        The gradient of a rank is that of its own values: every rank computes the same loss of all of them, so the
        ranks' parts add up to the gradient once.

        Args:
            values: (rows, counts[rank]) of this rank.

        Returns:
            (rows, sum of counts).
        """
        return _Gather.apply(values, counts, self.rank, self.group)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, counts: list[int], rank: int, group: Any) -> Tensor:
        ctx.counts, ctx.rank = counts, rank
        mine = functional.pad(values, (0, max(counts) - counts[rank])).contiguous()
        parts = [torch.empty_like(mine) for _ in counts]
        torch.distributed.all_gather(parts, mine, group=group)
        return torch.cat([part[:, :count] for part, count in zip(parts, counts, strict=True)], dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        return gradients[0].split(ctx.counts, dim=1)[ctx.rank], None, None, None
