"""The trainer with every loss and aggregation: what a recipe names reaches the update, in micro-batches of any size."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deepcoder.config.schema import Config
from deepcoder.rl.rollout import Rollout, UpdateReport
from deepcoder.rl.trainer import Trainer

LIMIT = 12  # of the responses that make_rollouts draws


@pytest.fixture
def update(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]]
) -> Callable[..., UpdateReport]:
    """Two mini-batches, so that the second is off-policy and the losses differ."""

    def run(max_tokens: int = 1000, response_limit: int = LIMIT, **switches: object) -> UpdateReport:
        recipe = replace(config.recipes["strict"], **switches)  # type: ignore[arg-type]
        settings = replace(config.trainer, learning_rate=1e-2)
        trainer = Trainer(tiny_model, settings, recipe, 0.6, max_tokens, response_limit=response_limit)
        return trainer.update(make_rollouts(8), minibatch=4)

    return run


@pytest.mark.parametrize(
    ("loss", "aggregation"), [("gspo", "sequence_mean"), ("cispo", "global_token_mean"), ("grpo", "constant_length")]
)
def test_micro_batches_of_any_size_give_the_same_update(
    update: Callable[..., UpdateReport], loss: str, aggregation: str
) -> None:
    whole, cut = (update(size, loss=loss, aggregation=aggregation) for size in (1000, 20))
    assert cut.loss == pytest.approx(whole.loss, abs=1e-5)
    assert cut.grad_norm == pytest.approx(whole.grad_norm, rel=1e-3)
    other = update(1000, loss="grpo", aggregation="global_token_mean")
    assert whole.loss != pytest.approx(other.loss, rel=1e-3)


def test_a_stage_of_twice_the_length_halves_the_weight_of_a_token(update: Callable[..., UpdateReport]) -> None:
    short, long = (update(response_limit=limit, aggregation="constant_length") for limit in (LIMIT, 2 * LIMIT))
    # AdamW's step hardly depends on the scale of the gradient, so that both mini-batches see the same weights.
    assert short.loss == pytest.approx(2 * long.loss, rel=1e-2)
    assert short.grad_norm == pytest.approx(2 * long.grad_norm, rel=1e-2)
