"""Training through Ray: actors sample and train, two ranks do what one does, and two engines sample."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deepcoder.cluster.ray import joined_ray
from deepcoder.config.schema import Config, Recipe
from deepcoder.errors import UserError
from deepcoder.rl.placement import cores_of
from deepcoder.rl.rollout import Request, Rollout, Sample
from deepcoder.rl.sampler import SamplingOptions
from deepcoder.rl.trainer import Trainer
from deepcoder.rl.workers import Devices, RemoteSampler, RemoteTrainer

PROBE = [[5, 6, 7, 8, 9], [9, 8, 7]]


def started(folder: Path, config: Config, recipe: Recipe) -> tuple[RemoteSampler, RemoteTrainer]:
    devices = Devices(config.rollout, config.trainer, cpus_per_rank=1)
    trainer = RemoteTrainer(folder, config.trainer, recipe, 0.6, 40, devices)
    return RemoteSampler(folder, config.rollout, 64, devices, trainer), trainer


def test_two_ranks_behind_ray_do_what_one_does(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    alone = replace(config.trainer, learning_rate=1e-2)
    parallel = replace(
        config,
        trainer=replace(alone, ranks=2, sequence_parallel=2, zero_stage=3),
        rollout=replace(config.rollout, engine=replace(config.rollout.engine, name="hf"), engines=2),
    )
    recipe, rollouts = config.recipes["strict"], make_rollouts(9)
    one = Trainer(tiny_model, alone, recipe, 0.6, 40)
    expected = one.update(rollouts, 5)
    with joined_ray(cores_of(parallel.rollout, parallel.trainer, 1)):
        sampler, trainer = started(tiny_model, parallel, recipe)
        found = trainer.update(rollouts, 5)
        assert found.loss == pytest.approx(expected.loss, abs=1e-5)
        assert found.grad_norm == pytest.approx(expected.grad_norm, rel=1e-3)
        assert found.entropy == pytest.approx(expected.entropy, rel=1e-5)
        before = sampler.score(PROBE)
        sampler.load_weights(trainer.weights(), 1)
        ours = trainer.score([s[:1] for s in PROBE], [s[1:] for s in PROBE])
        theirs = sampler.score(PROBE)
        assert len(theirs) == 2, "each engine is asked"
        assert before[0] == before[1] != theirs[0], "the weights that came are new"
        for copy in theirs:
            assert [pytest.approx(row, abs=1e-5) for row in ours] == copy
        check_sampling(sampler)


def check_sampling(sampler: RemoteSampler) -> None:
    """The samples of a prompt come from one engine, engines share the prompts, and each sample is its own."""
    prompts = [[5, 6], [7], [8, 9, 10]]
    requests = [Request(f"{p}/{n}", prompts[p], 10 * p + n, 4) for p in range(3) for n in range(2)]
    first = {sample.key: sample for sample in sampler.generate(requests, SamplingOptions(1.0))}
    assert sorted(first) == sorted(request.key for request in requests)
    assert all(sample.versions == ((1, len(sample.token_ids)),) for sample in first.values())
    sampler.submit(requests, SamplingOptions(1.0))
    assert [engine.flight for engine in sampler.engines] == [4, 2]
    again: dict[str, Sample] = {}
    while len(again) < len(requests):
        again |= {sample.key: sample for sample in sampler.poll()}
    assert [engine.flight for engine in sampler.engines] == [0, 0]
    assert again == first


def test_an_error_in_an_actor_reaches_the_user_as_a_sentence(tmp_path: Path, config: Config) -> None:
    with joined_ray(2), pytest.raises(UserError, match="not a model folder"):
        started(tmp_path, config, config.recipes["strict"])
