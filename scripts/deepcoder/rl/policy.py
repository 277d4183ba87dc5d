"""The policy: a causal language model that returns log-probabilities of responses, flat over tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from deepcoder.errors import UserError
from deepcoder.rl.attention import PACKED
from deepcoder.rl.log_probs import LogProbHead

if TYPE_CHECKING:
    from deepcoder.rl.sequence_parallel import SequenceGroup

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Sequences:
    """Sequences and the positions whose next token counts.

    Attributes:
        input_ids: (rows, length) int64; right-padded rows, or one row of packed sequences.
        predicts: (rows, length) bool; true where the next token is a response token.
        targets: (tokens,) int64, those next tokens, row by row.
        lengths: of the packed sequences, adding up to the row's; None where each row is a sequence.
        positions: (1, length) int64, counted from 0 in each packed sequence; None where each row is a sequence.
    """

    input_ids: Tensor
    predicts: Tensor
    targets: Tensor
    lengths: tuple[int, ...] | None = None
    positions: Tensor | None = None

    def to(self, device: torch.device) -> Sequences:
        """The same on a device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **moved)


def pad_sequences(prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> Sequences:
    """Lay prompt + response pairs into one block, padded on the right with token 0.

    No attention mask is needed: attention is causal, so no real token sees the padding after it.
    """
    longest = max(len(p) + len(r) for p, r in zip(prompts, responses, strict=True))
    input_ids = torch.zeros(len(prompts), longest, dtype=torch.int64)
    predicts = torch.zeros_like(input_ids, dtype=torch.bool)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        whole = [*prompt, *response]
        input_ids[row, : len(whole)] = torch.tensor(whole)
        predicts[row, len(prompt) - 1 : len(whole) - 1] = True
    targets = torch.tensor([token for response in responses for token in response], dtype=torch.int64)
    return Sequences(input_ids, predicts, targets)


def pack_sequences(
    prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], multiple: int = 1
) -> Sequences:
    """Lay prompt + response pairs into one row, one after the other.

    Args:
        multiple: the row is filled up to a multiple of it, by a sequence of zeros that predicts nothing.
    """
    pairs = list(zip(prompts, responses, strict=True))
    lengths = [len(prompt) + len(response) for prompt, response in pairs]
    filling = -sum(lengths) % multiple
    tokens = [token for pair in pairs for part in pair for token in part] + [0] * filling
    predicts = [
        place >= len(prompt) - 1 and place < len(prompt) + len(response) - 1
        for prompt, response in pairs
        for place in range(len(prompt) + len(response))
    ] + [False] * filling
    lengths += [filling] * (filling > 0)
    return Sequences(
        input_ids=torch.tensor([tokens], dtype=torch.int64),
        predicts=torch.tensor([predicts]),
        targets=torch.tensor([token for _, response in pairs for token in response], dtype=torch.int64),
        lengths=tuple(lengths),
        positions=torch.cat([torch.arange(length) for length in lengths])[None],
    )


class Policy(nn.Module):
    """A Hugging Face causal model behind one forward pass, so that DeepSpeed's hooks see all of it."""

    def __init__(self, model: nn.Module, group: SequenceGroup | None = None) -> None:
        """Wrap a model; the ranks of `group` share each packed row."""
        super().__init__()
        self.model, self.group = model, group
        self.head = LogProbHead(model.lm_head)

    def forward(self, sequences: Sequences, temperature: float) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies (tokens,) of the response tokens, sequence by sequence.

        With a group every rank returns those of all tokens.
        """
        part, options = sequences, dict[str, Any]()
        if sequences.lengths is not None:
            options = {"position_ids": sequences.positions, "sequence_lengths": sequences.lengths}
        if self.group is not None:
            part, counts = self.group.shard(sequences)
            options |= {"position_ids": part.positions, "exchange": self.group.exchange}
        hidden = self.model.model(input_ids=part.input_ids, use_cache=False, **options).last_hidden_state
        log_probs, entropies = self.head(hidden[part.predicts], part.targets, temperature)
        if self.group is not None:
            log_probs, entropies = self.group.gather(torch.stack([log_probs, entropies]), counts)
        return log_probs, entropies


def load_model(folder: Path, dtype: str = "float32", packed: bool = False) -> nn.Module:
    """Load a causal model from a folder in Hugging Face format.

    Args:
        packed: attend to packed sequences without a mask; such a model cannot generate.

    Raises:
        UserError: the folder is not a model.
    """
    try:
        attention = PACKED if packed else "sdpa"
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=DTYPES[dtype], attn_implementation=attention)
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: not a model folder ({error}); delete it and make it again") from error
    return model.train()
