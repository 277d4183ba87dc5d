"""The losses against TRL's GRPOTrainer on the same numbers, in value and gradient.

TRL's own `_compute_loss` runs; all it is denied is a model, as the log-probabilities are given. It works on padded
blocks (sequences, length), ours on flat tokens. Where the two define something differently, and what makes them meet:

- TRL names one `loss_type` where we name a loss and an aggregation: "grpo" is sequence_mean, "bnpo" is
  micro_batch_token_mean, "dapo" is global_token_mean and "dr_grpo" is constant_length, all with loss grpo, or with
  loss gspo at importance_sampling_level "sequence"; "cispo" is loss cispo with global_token_mean.
- TRL divides "grpo" and "dr_grpo" by the samples of the micro-batch and averages micro-batches; we divide by the
  samples of the mini-batch. The two meet where micro-batches have equally many samples.
- TRL divides "dapo" and "cispo" by an average over the mini-batches of one generation; we divide by the tokens of the
  mini-batch itself. The two meet where a generation is one mini-batch (steps_per_generation as the accumulation).
- TRL takes a masked sample out of its tokens, but never out of its samples: in_denominator true for the latter.
- TRL's cispo has no lower bound and its epsilon_high is the bound itself: clip_low 1, 1 + clip_high = epsilon_high.
- TRL keeps the gradient in the sequence's ratio, ours is in GSPO-token form. With a weight for each token (truncated
  importance sampling) TRL's tokens share the mean weight of their sequence and ours keep their own, so that only the
  sum over the sequence is the same.
- TRL makes the truncated importance weight while it generates, not in `_compute_loss`, which is handed it: that one
  line (mode token_truncate) is restated here. Sequence-wise and masking modes have no counterpart in ours.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from deepcoder.config.schema import Config, Recipe
from deepcoder.rl.losses import denominator, loss_scale, policy_loss

LENGTHS = [3, 1, 6, 2, 5, 4]
LIMIT = 8  # of a response
AGGREGATION = {
    "grpo": "sequence_mean",
    "bnpo": "micro_batch_token_mean",
    "dapo": "global_token_mean",
    "dr_grpo": "constant_length",
    "cispo": "global_token_mean",
}
SURROGATES = ["grpo", "bnpo", "dapo", "dr_grpo"]
SPLITS = {"whole": [[0, 1, 2, 3, 4, 5]], "halves": [[0, 4, 2], [5, 1, 3]]}
Columns = dict[str, Tensor]

every_type = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
every_split = pytest.mark.parametrize("split", list(SPLITS))
with_and_without_correction = pytest.mark.parametrize("corrected", [False, True])


@pytest.fixture(scope="module")
def grpo_trainer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for another version of vLLM, which plays no part here
        from trl.trainer.grpo_trainer import GRPOTrainer
    return GRPOTrainer


@pytest.fixture
def columns(make_tokens: Callable[..., Columns], dtype: torch.dtype) -> Columns:
    """Samples that leave both bounds, one of them (the fourth) out of the loss."""
    found = make_tokens(LENGTHS, seed=3)
    found = {name: value.to(dtype) if value.is_floating_point() else value for name, value in found.items()}
    return {**found, "mask": found["sequence"] != 3}


def stand_in(loss_type: str, recipe: Recipe, micro_batches: int) -> SimpleNamespace:
    """The attributes of a GRPOTrainer that `_compute_loss` reads, set as the recipe says."""
    corrected = recipe.importance_correction == "truncated"
    low, high = recipe.clip_low, recipe.clip_high + (loss_type == "cispo")
    if recipe.loss == "gspo":
        low, high = recipe.sequence_clip_low, recipe.sequence_clip_high
    return SimpleNamespace(
        args=SimpleNamespace(delta=None, steps_per_generation=micro_batches),
        accelerator=SimpleNamespace(num_processes=1, gather=lambda x: x, reduce=lambda x, reduction: x),
        model=SimpleNamespace(training=True),
        current_gradient_accumulation_steps=micro_batches,
        loss_type=loss_type,
        importance_sampling_level="sequence" if recipe.loss == "gspo" else "token",
        epsilon_low=low,
        epsilon_high=high,
        max_completion_length=LIMIT,
        use_vllm=corrected,
        vllm_importance_sampling_correction=corrected,
        beta=0.0,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        aux_loss_enabled=False,
        _entropy_bonus_enabled=False,
        _metrics={"train": defaultdict(list)},
    )


def theirs(
    trainer: Any, columns: Columns, plan: list[list[int]], loss_type: str, recipe: Recipe
) -> tuple[float, Tensor, dict[str, list[float]]]:
    """Loss and gradient of the log-probabilities by TRL, summed over its micro-batches; and its metrics."""
    log_probs, where = columns["log_probs"].clone().requires_grad_(), columns["sequence"]
    weight = (columns["old_log_probs"] - columns["rollout_log_probs"]).exp().clamp(max=recipe.importance_cap)
    stub = stand_in(loss_type, recipe, len(plan))
    total = log_probs.new_zeros(())
    for micro in plan:

        def block(values: Tensor, micro: list[int] = micro) -> Tensor:
            return pad_sequence([values[where == i] for i in micro], batch_first=True)

        padded = block(log_probs)
        stub._get_per_token_logps_and_entropies = lambda *_, padded=padded, **__: (padded, padded.detach(), None)
        inputs = {
            "prompt_ids": torch.zeros(len(micro), 1, dtype=torch.int64),
            "prompt_mask": torch.ones(len(micro), 1, dtype=torch.int64),
            "completion_ids": block(where),
            "completion_mask": block(columns["mask"].to(log_probs.dtype)),
            "advantages": torch.stack([columns["advantages"][where == i][0] for i in micro]),
            "old_per_token_logps": block(columns["old_log_probs"]),
            "importance_sampling_ratio": block(weight),
            "num_items_in_batch": columns["mask"].sum(),
        }
        total = total + trainer._compute_loss(stub, None, inputs)
    (gradient,) = torch.autograd.grad(total, log_probs)
    return float(total.detach()), gradient, stub._metrics["train"]


def ours(columns: Columns, plan: list[list[int]], recipe: Recipe) -> tuple[float, Tensor, Any]:
    """The same by policy_loss and loss_scale, and the last micro-batch's PolicyLoss."""
    log_probs, where = columns["log_probs"].clone().requires_grad_(), columns["sequence"]
    columns = {**columns, "log_probs": log_probs}
    by_sample = recipe.aggregation in ("sequence_mean", "constant_length")
    counted = [i for i in range(len(LENGTHS)) if by_sample or columns["mask"][where == i].all()]

    def size(samples: list[int]) -> int:
        return denominator(recipe.aggregation, [LENGTHS[i] for i in samples if i in counted], LIMIT)

    total = log_probs.new_zeros(())
    for micro in plan:
        part = {name: torch.cat([value[where == i] for i in micro]) for name, value in columns.items()}
        part["sequence"] = torch.arange(len(micro)).repeat_interleave(torch.tensor([LENGTHS[i] for i in micro]))
        found = policy_loss(**part, recipe=recipe)  # type: ignore[arg-type]
        total = total + found.total * loss_scale(recipe.aggregation, size(micro), size(range(6)), len(plan))  # type: ignore[arg-type]
    (gradient,) = torch.autograd.grad(total, log_probs)
    return float(total.detach()), gradient, found


@pytest.fixture
def recipe(config: Config, corrected: bool) -> Recipe:
    return replace(
        config.recipes["strict"],
        sequence_clip_low=0.1,  # some sequences leave these and some do not
        sequence_clip_high=0.05,
        importance_correction="truncated" if corrected else "none",
        importance_cap=1.5,
    )


def same(found: tuple[float, Tensor, Any], expected: tuple[float, Tensor, Any]) -> bool:
    return abs(found[0] - expected[0]) < 1e-6 and bool((found[1] - expected[1]).abs().max() < 1e-6)


@every_type
@every_split
@with_and_without_correction
@pytest.mark.parametrize("loss_type", SURROGATES)
def test_grpo_is_trls_under_each_of_its_normalisers(
    loss_type: str, split: str, corrected: bool, columns: Columns, recipe: Recipe, grpo_trainer: Any
) -> None:
    chosen = replace(recipe, aggregation=AGGREGATION[loss_type])
    expected = theirs(grpo_trainer, columns, SPLITS[split], loss_type, chosen)
    assert same(ours(columns, SPLITS[split], chosen), expected)
    assert expected[1].any()


@every_type
@every_split
@pytest.mark.parametrize("corrected", [False])
@pytest.mark.parametrize("loss_type", SURROGATES)
def test_gspo_is_trls_sequence_level_under_each_of_its_normalisers(
    loss_type: str, split: str, corrected: bool, columns: Columns, recipe: Recipe, grpo_trainer: Any
) -> None:
    chosen = replace(recipe, loss="gspo", aggregation=AGGREGATION[loss_type])
    expected = theirs(grpo_trainer, columns, SPLITS[split], loss_type, chosen)
    assert same(ours(columns, SPLITS[split], chosen), expected)
    assert expected[1].any()


@every_type
@pytest.mark.parametrize("corrected", [True])
@pytest.mark.parametrize("loss_type", SURROGATES)
def test_weighted_gspo_is_trls_in_value_and_in_the_gradient_of_a_sequence(
    loss_type: str, corrected: bool, columns: Columns, recipe: Recipe, grpo_trainer: Any
) -> None:
    chosen = replace(recipe, loss="gspo", aggregation=AGGREGATION[loss_type])
    expected = theirs(grpo_trainer, columns, SPLITS["halves"], loss_type, chosen)
    found = ours(columns, SPLITS["halves"], chosen)
    assert found[0] == pytest.approx(expected[0], abs=1e-6)
    sums = [torch.zeros(6, dtype=g.dtype).index_add(0, columns["sequence"], g) for g in (found[1], expected[1])]
    assert (sums[0] - sums[1]).abs().max() < 1e-6


@every_type
@every_split
@with_and_without_correction
def test_cispo_without_a_lower_bound_is_trls(
    split: str, corrected: bool, columns: Columns, recipe: Recipe, grpo_trainer: Any
) -> None:
    chosen = replace(recipe, loss="cispo", clip_low=1.0, aggregation=AGGREGATION["cispo"])
    expected = theirs(grpo_trainer, columns, SPLITS[split], "cispo", chosen)
    assert same(ours(columns, SPLITS[split], chosen), expected)


@pytest.mark.parametrize("dtype", [torch.float64])
@pytest.mark.parametrize("corrected", [False])
def test_clip_fractions_are_trls(corrected: bool, columns: Columns, recipe: Recipe, grpo_trainer: Any) -> None:
    _, _, metrics = theirs(grpo_trainer, columns, SPLITS["whole"], "dapo", recipe)
    _, _, found = ours(columns, SPLITS["whole"], recipe)
    assert min(int(found.clipped_low), int(found.clipped_high)) > 0
    assert float(found.clipped_low / found.tokens) == pytest.approx(metrics["clip_ratio/low_mean"][0])
    assert float(found.clipped_high / found.tokens) == pytest.approx(metrics["clip_ratio/high_mean"][0])
