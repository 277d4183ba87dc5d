"""The DeepSpeed trainer: its update is the formula's, whatever the micro-batches, and it resumes bit for bit."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from deepspeed.utils import safe_get_full_fp32_param

from deepcoder.config.schema import Config
from deepcoder.errors import UserError
from deepcoder.rl.losses import policy_loss
from deepcoder.rl.policy import Policy, load_model, pad_sequences
from deepcoder.rl.rollout import Rollout
from deepcoder.rl.trainer import Trainer

TEMPERATURE = 0.6


def trainer(folder: Path, config: Config, max_tokens: int, **changes: Any) -> Trainer:
    settings = replace(config.trainer, **{"learning_rate": 1e-2} | changes)
    return Trainer(folder, settings, config.recipes["strict"], TEMPERATURE, max_tokens)


def test_one_update_equals_plain_autograd_and_adamw(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    rollouts, recipe = make_rollouts(9), config.recipes["strict"]
    for rollout in rollouts:
        rollout.in_denominator = rollout.in_loss
    ours = trainer(tiny_model, config, max_tokens=40)
    report = ours.update(rollouts, minibatch=9)
    model = Policy(load_model(tiny_model))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.999), weight_decay=0.01)
    block = pad_sequences([r.prompt_ids for r in rollouts], [r.response_ids for r in rollouts])
    log_probs, entropy = model(block, TEMPERATURE)
    lengths = torch.tensor([len(r.response_ids) for r in rollouts])
    sampler = torch.tensor([value for r in rollouts for value in r.log_probs])
    advantages = torch.tensor([r.advantage for r in rollouts]).repeat_interleave(lengths)
    mask = torch.tensor([r.in_loss for r in rollouts]).repeat_interleave(lengths)
    sequence = torch.arange(len(rollouts)).repeat_interleave(lengths)
    loss = policy_loss(log_probs, log_probs.detach(), sampler, advantages, mask, sequence, recipe).total / mask.sum()
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    assert report.loss == pytest.approx(float(loss), abs=1e-5)
    assert report.grad_norm == pytest.approx(float(norm), rel=1e-4)
    assert report.entropy == pytest.approx(float(entropy.mean()), rel=1e-5)
    assert report.log_prob_gap == pytest.approx(float((log_probs - sampler).abs().mean()), rel=1e-4)
    found = dict(ours.weights())
    for name, parameter in model.model.named_parameters():
        # AdamW's first step is the sign of the gradient: where that is rounding noise, only the step's size is sure.
        assert parameter.grad is not None
        sure = parameter.grad.abs() > 1e-6
        assert torch.allclose(found[name][sure], parameter[sure], atol=2e-4), name
        assert (found[name] - parameter).abs().max() <= 2.01 * 1e-2, name


def test_micro_batches_of_any_size_give_the_same_update(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    rollouts = make_rollouts(8)
    whole, cut = (trainer(tiny_model, config, size).update(rollouts, minibatch=4) for size in (1000, 20))
    assert cut.loss == pytest.approx(whole.loss, abs=1e-5)
    assert cut.grad_norm == pytest.approx(whole.grad_norm, rel=1e-3)


PRECISIONS = [(1, "float32"), (1, "bfloat16"), (2, "bfloat16"), (3, "bfloat16")]


@pytest.mark.parametrize(("zero_stage", "dtype"), PRECISIONS)
def test_a_saved_trainer_goes_on_bit_for_bit(
    tiny_model: Path,
    config: Config,
    make_rollouts: Callable[..., list[Rollout]],
    tmp_path: Path,
    zero_stage: int,
    dtype: str,
) -> None:
    settings = {"zero_stage": zero_stage, "dtype": dtype}
    first = trainer(tiny_model, config, 60, **settings)
    first.update(make_rollouts(8), 4)
    first.save(tmp_path, {"step": 1})
    expected = first.update(make_rollouts(8, seed=1), 4)
    second = trainer(tiny_model, config, 60, **settings)
    assert second.load(tmp_path)["step"] == 1
    again = second.update(make_rollouts(8, seed=1), 4)
    assert (again.loss, again.grad_norm) == (expected.loss, expected.grad_norm)
    pairs = zip(first.weights(), second.weights(), strict=True)
    assert all(a == b and torch.equal(ours, theirs) for (a, ours), (b, theirs) in pairs)


@pytest.mark.parametrize(("zero_stage", "dtype"), PRECISIONS[1:])
def test_steps_too_small_for_half_precision_weights_move_the_master_weights(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]], zero_stage: int, dtype: str
) -> None:
    ours, found = {}, {}
    for name in (dtype, "float32"):
        one = trainer(tiny_model, config, 20, learning_rate=1e-6, zero_stage=zero_stage, dtype=name)
        found[name] = one.update(make_rollouts(8), minibatch=8)
        parameter = one.engine.module.model.model.norm.weight
        ours[name] = safe_get_full_fp32_param(parameter) if name == dtype else parameter.detach().clone()
    assert 0 < (ours["float32"] - 1).abs().max() < 2e-6, "a bfloat16 weight of 1 cannot take this step"
    assert torch.allclose(ours[dtype], ours["float32"], atol=2.1e-6)
    assert (ours[dtype] != 1).float().mean() > 0.9
    assert found[dtype].grad_norm == pytest.approx(found["float32"].grad_norm, rel=0.02)


def test_an_update_on_the_sampling_weights_needs_no_separate_log_probabilities(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    one = trainer(tiny_model, config, 60)
    passes: list[bool] = []
    one.engine.module.register_forward_hook(lambda *_: passes.append(torch.is_grad_enabled()))
    one.update(make_rollouts(4), minibatch=4)
    assert all(passes)
    one.update(make_rollouts(4), minibatch=2)
    assert not all(passes), "the second mini-batch's ratio is to the weights before the first"


def test_ranks_that_do_not_fill_their_groups_are_refused(tiny_model: Path, config: Config) -> None:
    settings = replace(config.trainer, sequence_parallel=2)
    with pytest.raises(UserError, match="sequence_parallel"):
        Trainer(tiny_model, settings, config.recipes["strict"], 1.0, 100)
