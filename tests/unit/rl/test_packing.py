"""Packed sequences give the values and gradients of padded ones, without a token of padding and without a mask."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from deepcoder.rl.attention import packed_attention
from deepcoder.rl.policy import Policy, load_model, pack_sequences, pad_sequences
from deepcoder.rl.rollout import Rollout


@pytest.mark.parametrize("kernel", [True, False], ids=["by runs", "by mask"])
@pytest.mark.parametrize("multiple", [1, 8])
def test_a_packed_row_gives_the_log_probs_and_gradients_of_padded_rows(
    tiny_model: Path, make_rollouts: Callable[..., list[Rollout]], kernel: bool, multiple: int
) -> None:
    rollouts = sorted(make_rollouts(7), key=lambda r: -r.length)
    prompts, responses = [r.prompt_ids for r in rollouts], [r.response_ids for r in rollouts]
    found = {}
    for name, block in (
        ("padded", pad_sequences(prompts, responses)),
        ("packed", pack_sequences(prompts, responses, multiple)),
    ):
        policy = Policy(load_model(tiny_model, packed=kernel and name == "packed"))
        log_probs, entropy = policy(block, 0.6)
        (log_probs * torch.linspace(-1, 1, len(log_probs)) + 0.1 * entropy).sum().backward()
        found[name] = log_probs, entropy, {name: p.grad for name, p in policy.named_parameters()}
    assert torch.allclose(found["packed"][0], found["padded"][0], atol=1e-5)
    assert torch.allclose(found["packed"][1], found["padded"][1], atol=1e-5)
    for name, gradient in found["padded"][2].items():
        assert torch.allclose(found["packed"][2][name], gradient, atol=1e-5), name


def test_a_row_is_filled_by_a_sequence_that_predicts_nothing() -> None:
    row = pack_sequences([[1, 2], [3]], [[4], [5, 6]], multiple=4)
    assert row.input_ids.tolist() == [[1, 2, 4, 3, 5, 6, 0, 0]]
    assert row.lengths == (3, 3, 2)
    assert row.positions is not None
    assert row.positions.tolist() == [[0, 1, 2, 0, 1, 2, 0, 1]]
    assert row.predicts.nonzero()[:, 1].tolist() == [1, 3, 4]
    assert row.targets.tolist() == [4, 5, 6]


def test_no_sequence_sees_another(tiny_model: Path) -> None:
    policy = Policy(load_model(tiny_model, packed=True))
    first, _ = policy(pack_sequences([[5, 6], [7, 8]], [[9, 10], [11, 12, 13]]), 1.0)
    second, _ = policy(pack_sequences([[50, 60], [7, 8]], [[90, 100], [11, 12, 13]]), 1.0)
    assert torch.allclose(first[2:], second[2:], atol=1e-6)
    assert not torch.allclose(first[:2], second[:2], atol=1e-3)


def test_packed_attention_makes_nothing_as_large_as_a_score_matrix() -> None:
    lengths = (200, 100, 100, 60, 20)
    q, k, v = (torch.randn(1, heads, sum(lengths), 8, requires_grad=True) for heads in (4, 2, 2))
    sizes: list[int] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        packed_attention(torch.nn.Module(), q, k, v, sequence_lengths=lengths)[0].sum().backward()
    assert max(sizes) <= q.numel()


def test_checkpointed_layers_give_equal_gradients(
    tiny_model: Path, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    rollouts, gradients = make_rollouts(5), []
    for checkpointed in (False, True):
        model = load_model(tiny_model, packed=True)
        if checkpointed:
            model.gradient_checkpointing_enable()
        policy = Policy(model)
        block = pack_sequences([r.prompt_ids for r in rollouts], [r.response_ids for r in rollouts])
        policy(block, 0.6)[0].sum().backward()
        gradients.append({name: p.grad for name, p in policy.named_parameters()})
    assert all(torch.equal(value, gradients[1][name]) for name, value in gradients[0].items())
