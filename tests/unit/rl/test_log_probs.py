"""Chunked log-probabilities are the plain ones, in value and gradient, and hold the logits of one chunk at a time."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from deepcoder.errors import UserError
from deepcoder.rl.log_probs import LogProbHead, token_log_probs


class LargestTensor(TorchDispatchMode):
    """Remembers the most values that any tensor made inside it had."""

    values = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor):
            self.values = max(self.values, made.numel())
        return made


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("entropy_weight", [0.0, 1.0])
def test_chunks_give_the_same_values_and_gradients(chunk: int, temperature: float, entropy_weight: float) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(10, 5, requires_grad=True)
    weight = torch.randn(11, 5, requires_grad=True)
    targets = torch.randint(0, 11, (10,))
    log_p = torch.log_softmax(hidden @ weight.t() / temperature, dim=-1)
    plain = log_p[torch.arange(10), targets]
    entropy = -(log_p.exp() * log_p).sum(-1)
    upstream = torch.randn(10)
    expected = torch.autograd.grad((plain * upstream + entropy_weight * entropy * upstream).sum(), [hidden, weight])
    found, spread = token_log_probs(hidden, weight, targets, temperature, chunk)
    got = torch.autograd.grad((found * upstream + entropy_weight * spread * upstream).sum(), [hidden, weight])
    assert torch.allclose(found, plain, atol=1e-6)
    assert torch.allclose(spread, entropy, atol=1e-6)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(got, expected, strict=True))


def test_the_gradient_of_the_entropy_alone_is_right() -> None:
    torch.manual_seed(0)
    hidden, weight = torch.randn(4, 3, requires_grad=True), torch.randn(6, 3)
    found = torch.autograd.grad(token_log_probs(hidden, weight, torch.zeros(4, dtype=torch.int64))[1].sum(), hidden)
    log_p = torch.log_softmax(hidden @ weight.t(), dim=-1)
    expected = torch.autograd.grad(-(log_p.exp() * log_p).sum(), hidden)
    assert torch.allclose(found[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("tokens", [40, 400])
def test_no_tensor_is_larger_than_the_logits_of_one_chunk_whatever_the_length(tokens: int) -> None:
    hidden, weight = torch.randn(tokens, 2, requires_grad=True), torch.randn(1000, 2, requires_grad=True)
    with LargestTensor() as seen:
        log_probs, entropy = token_log_probs(hidden, weight, torch.zeros(tokens, dtype=torch.int64), 1.0, chunk=8)
        (log_probs + entropy).sum().backward()
    assert seen.values == 8 * 1000


def test_half_precision_weights_keep_their_type_and_small_contributions() -> None:
    hidden = torch.full((4096, 1), 1.0, dtype=torch.bfloat16)
    weight = torch.zeros(2, 1, dtype=torch.bfloat16, requires_grad=True)
    log_probs, _ = token_log_probs(hidden, weight, torch.zeros(4096, dtype=torch.int64), 1.0, chunk=1)
    log_probs.sum().backward()
    assert weight.grad is not None
    assert weight.grad.dtype == torch.bfloat16
    assert weight.grad.flatten().tolist() == [2048.0, -2048.0], "a bfloat16 sum would stop at 128"


def test_no_tokens_give_empty_results_with_a_gradient() -> None:
    hidden, weight = torch.zeros(0, 4, requires_grad=True), torch.zeros(9, 4, requires_grad=True)
    log_probs, entropy = token_log_probs(hidden, weight, torch.zeros(0, dtype=torch.int64))
    (log_probs.sum() + entropy.sum()).backward()
    assert log_probs.shape == entropy.shape == (0,)
    assert weight.grad is not None


def test_a_head_with_a_bias_is_refused() -> None:
    with pytest.raises(UserError, match="bias"):
        LogProbHead(torch.nn.Linear(2, 3))
