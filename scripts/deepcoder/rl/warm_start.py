"""The tiny model's start: random weights, then supervised on noisy solutions of the training families.

The noise, which rises over the steps, sets how often the base is right, so that reinforcement has something to
find. No answer to a held-out problem is ever shown, right or wrong.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from deepcoder import prompts
from deepcoder.config.schema import Model, WarmStart
from deepcoder.easy import Family, noisy_family, program, thinking
from deepcoder.errors import UserError
from deepcoder.files import let_read
from deepcoder.rl.policy import Policy, pad_sequences
from deepcoder.rl.seeds import seed_of
from deepcoder.rl.text import Text
from deepcoder.rl.tokenizer import PAD

POSITIONS = 2048  # most tokens of prompt and response
DRAFTS, DRAFT_WEIGHTS = (1, 2, 3), (0.7, 0.2, 0.1)  # thoughts before a program, so that lengths differ
LAZY = {"stdin": 'print("yes")', "call": 'def solve(a):\n    return "yes"'}  # right nowhere
WARM_UP = 20  # steps over which the learning rate rises
# Noise starts after the first share of the steps and is whole from the second on: on noisy labels alone, attention
# to the statement forms too late for a laptop (or, for some seeds, not at all).
NOISE_FROM, NOISE_WHOLE = 0.2, 0.8


def build_model(shape: Model, text: Text, seed: int) -> Qwen2ForCausalLM:
    """A Qwen2-architecture model with seeded random weights."""
    torch.manual_seed(seed_of(seed, "model"))
    config = Qwen2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=shape.head_dim,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=shape.tied_embeddings,
        # 1/sqrt(width), not the usual 0.02: at this width it learns in a tenth of the steps.
        initializer_range=shape.hidden**-0.5,
        bos_token_id=None,
        eos_token_id=text.end,
        pad_token_id=text.tokenizer.token_to_id(PAD),
        dtype="float32",
    )
    return Qwen2ForCausalLM(config)


def train(
    model: Qwen2ForCausalLM, text: Text, problems: Sequence[Mapping[str, Any]], config: WarmStart, seed: int
) -> list[float]:
    """Minimise the cross-entropy of noisy responses; returns the loss of each step (nats per token)."""
    rows = [row for row in problems if row["split"] == "train" and row["family"]]
    if not rows:
        raise UserError("warm start: no problem has split train and a family; normalise the easy source first")
    policy = Policy(model).train()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=0.01)
    losses = []
    for step in range(config.steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _rate(step, config.steps)
        pairs = _examples(rows, text, config, seed, step)
        log_probs, _ = policy(pad_sequences(*zip(*pairs, strict=True)), 1.0)
        loss = -log_probs.mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def _rate(step: int, steps: int) -> float:
    """Share of the learning rate: a short linear rise, then a linear fall to a tenth."""
    return min((step + 1) / WARM_UP, 1.0) * (1 - 0.9 * step / max(steps, 1))


def _examples(
    rows: Sequence[Mapping[str, Any]], text: Text, config: WarmStart, seed: int, step: int
) -> list[tuple[list[int], list[int]]]:
    """Prompt and noisy response tokens of one batch, drawn by counter."""
    rng = random.Random(seed_of(seed, "warm start", step))
    noise = config.noise * min(max((step / config.steps - NOISE_FROM) / (NOISE_WHOLE - NOISE_FROM), 0.0), 1.0)
    pairs = []
    for row in rng.choices(rows, k=config.batch):
        meant = Family.parse(row["family"])
        drafts = [noisy_family(meant, rng, noise) for _ in range(rng.choices(DRAFTS, DRAFT_WEIGHTS)[0])]
        thought = "\n".join(thinking(draft) for draft in drafts)
        # Not drawn where no laziness is wanted, so that all else stays as it was.
        lazy = config.lazy > 0 and rng.random() < config.lazy
        code = LAZY[row["kind"]] if lazy else program(drafts[-1], row["kind"])
        response = prompts.fenced_response(code, thought)
        prompt = text.prompt_text(prompts.message(row, "plain"))
        pairs.append((text.encode(prompt), [*text.encode(response), text.end]))
    return pairs


def save_model(model: Any, text_folder: Path, folder: Path) -> None:
    """Write weights, configuration and tokenizer of a model into one folder."""
    model.save_pretrained(folder)
    let_read(folder)
    for file in sorted(text_folder.iterdir()):
        if file.name.startswith(("tokenizer", "chat_template", "special_tokens", "vocab", "merges")):
            (folder / file.name).write_bytes(file.read_bytes())
