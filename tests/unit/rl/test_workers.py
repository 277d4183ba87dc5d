"""Training through Ray: actors sample and train, and two ranks do what one does."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deepcoder.config.schema import Config
from deepcoder.errors import UserError
from deepcoder.rl.rollout import Request, Rollout
from deepcoder.rl.sampler import SamplingOptions
from deepcoder.rl.trainer import Trainer
from deepcoder.rl.workers import RemoteSampler, RemoteTrainer, local_ray


def test_two_ranks_behind_ray_do_what_one_does(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    alone = replace(config.trainer, learning_rate=1e-2)
    settings = replace(alone, ranks=2, sequence_parallel=2, zero_stage=3)
    recipe, rollouts = config.recipes["strict"], make_rollouts(9)
    one = Trainer(tiny_model, alone, recipe, 0.6, 40)
    expected = one.update(rollouts, 5)
    with local_ray(3):
        sampler = RemoteSampler(tiny_model, replace(config.rollout, engine="hf"), 64)
        trainer = RemoteTrainer(tiny_model, settings, recipe, 0.6, 40, cpus=2)
        trainer.wait()
        found = trainer.update(rollouts, 5)
        assert found.loss == pytest.approx(expected.loss, abs=1e-5)
        assert found.grad_norm == pytest.approx(expected.grad_norm, rel=1e-3)
        assert found.entropy == pytest.approx(expected.entropy, rel=1e-5)
        sampler.load_weights(trainer.weights())
        probe = [[5, 6, 7, 8, 9], [9, 8, 7]]
        ours = trainer.score([s[:1] for s in probe], [s[1:] for s in probe])
        theirs = sampler.score(probe)
        assert [pytest.approx(row, abs=1e-5) for row in ours] == theirs
        samples = list(sampler.generate([Request("a", [5, 6], 1, 4), Request("b", [7], 2, 4)], SamplingOptions(1.0)))
        assert sorted(sample.key for sample in samples) == ["a", "b"]


def test_an_error_in_an_actor_reaches_the_user_as_a_sentence(tmp_path: Path, config: Config) -> None:
    with local_ray(2):
        trainer = RemoteTrainer(tmp_path, config.trainer, config.recipes["strict"], 0.6, 40, cpus=1)
        with pytest.raises(UserError, match="not a model folder"):
            trainer.wait()
