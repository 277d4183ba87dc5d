"""Schedules keep their promises on staleness and order, on replayed engines and on a real small model."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.harness import replay

from deepcoder.config.schema import Batch, Config
from deepcoder.errors import UserError
from deepcoder.rl.checkpoints import Checkpoints
from deepcoder.rl.flow import Flow
from deepcoder.rl.rollout import Rollout
from deepcoder.rl.sampler import Versions
from deepcoder.rl.schedule import SCHEDULES
from deepcoder.rl.stage import Run, Settings
from deepcoder.rl.stopping import Interrupted

PROMPTS, SAMPLES, STEPS = 4, 2, 5
MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(config: Config, tmp_path: Path) -> MakeRun:
    """A run on replayed engines: lengths 1 to 9 units, a step of a few hundredths of a second."""

    def make(schedule: str = "sync", max_staleness: int = 1, train_s: float = 5.0, work: str = "work") -> Run:
        stage = config.stages["16k"]
        stage.steps, stage.save_every, stage.validate_every = STEPS, 2, 2
        stage.batch, config.rollout.samples_per_prompt = Batch(PROMPTS, 2), SAMPLES
        config.trainer.schedule, config.trainer.max_staleness = schedule, max_staleness
        config.trainer.validation_samples = 1
        settings = Settings("16k", 0, stage, config.recipes["strict"], config.rollout, config.trainer)
        rows = [{"id": str(n), "source": "easy", "statement": str(n), "starter_code": ""} for n in range(30)]
        sampler = replay.ReplaySampler(0.5, 100.0, itertools.cycle([3, 1, 9, 2, 5, 1, 7]), weights_s=0.1)
        trainer, grader = replay.ReplayTrainer(train_s, PROMPTS * SAMPLES), replay.ReplayGrader(0.0, PROMPTS * SAMPLES)
        checkpoints = Checkpoints(tmp_path / work, schedule, 1, wait_s=0.0)
        return Run(settings, replay.ReplayText(), sampler, trainer, grader, checkpoints, rows, rows[:2])  # type: ignore[arg-type]

    return make


@pytest.fixture
def config() -> Config:
    from omegaconf import OmegaConf

    from deepcoder.config import compose_config

    return OmegaConf.to_object(compose_config({}))  # type: ignore[return-value]


def trained_on(run: Run) -> list[list[str]]:
    """Have every batch that is trained on written down: the problems of its rollouts."""
    batches: list[list[str]] = []
    update = run.trainer.update

    def watched(rollouts: Any, minibatch: int) -> Any:
        batches.append([rollout.problem_id for rollout in rollouts])
        return update(rollouts, minibatch)

    run.trainer.update = watched  # type: ignore[method-assign]
    return batches


@pytest.mark.parametrize(
    ("schedule", "least", "most"),
    [("sync", 0, 0), ("minibatch_pipeline", 0, 0), ("one_off", 1, 1), ("async", 0, 3)],
)
def test_staleness_is_what_the_schedule_promises(make_run: MakeRun, schedule: str, least: int, most: int) -> None:
    run = make_run(schedule, max_staleness=3)
    told: list[dict[str, float]] = []
    SCHEDULES[schedule](run, told.append)
    assert [row["step"] for row in told] == [*range(1, STEPS + 1)]
    ages = [row["staleness_max"] for row in told[1:]]
    assert least <= min(ages)
    assert max(ages) <= most
    assert told[0]["staleness_max"] == 0


@pytest.mark.parametrize("max_staleness", [0, 1, 2])
def test_async_never_trains_on_anything_older_than_its_bound(make_run: MakeRun, max_staleness: int) -> None:
    run = make_run("async", max_staleness, train_s=0.5)  # training much faster than sampling
    told: list[dict[str, float]] = []
    SCHEDULES["async"](run, told.append)
    assert max(row["staleness_max"] for row in told) <= max_staleness


def test_schedules_train_on_the_same_problems_a_batch_at_a_time(make_run: MakeRun) -> None:
    seen = {}
    for schedule in SCHEDULES:
        run = make_run(schedule, work=schedule)
        batches = trained_on(run)
        SCHEDULES[schedule](run, lambda row: None)
        assert sum(map(len, batches)) == STEPS * PROMPTS * SAMPLES
        seen[schedule] = [problem for batch in batches for problem in batch]
    assert seen["one_off"] == seen["sync"]
    for schedule in ("minibatch_pipeline", "async"):
        assert sorted(seen[schedule]) == sorted(seen["sync"])


def test_the_longest_groups_through_are_trained_on_first(make_run: MakeRun) -> None:
    run = make_run("minibatch_pipeline")
    with run.groups(1) as stream:
        stream._thread.join()
        first, second = stream.minibatches(2)
    length = lambda group: max(len(r.response_ids) for r in group.rollouts.values())  # noqa: E731
    assert min(map(length, first)) >= max(map(length, second))


def test_tokens_of_weights_changed_in_flight_are_told_apart() -> None:
    versions = Versions()
    versions.change(3, {"a": 0, "b": 4})
    versions.change(4, {"a": 2, "b": 4, "c": 1})
    assert versions.of("a", 5) == ((3, 2), (4, 3))
    assert versions.of("b", 6) == ((0, 4), (4, 2))
    assert versions.of("c", 1) == ((3, 1),)
    assert versions.of("new", 2) == ((4, 2),)


def test_an_error_of_the_sampler_ends_the_stage_and_not_only_its_thread(make_run: MakeRun) -> None:
    for schedule in SCHEDULES:
        run = make_run(schedule, work=schedule)
        failing = iter([3, 1])
        run.sampler.drawn = failing  # type: ignore[attr-defined]
        with pytest.raises((StopIteration, RuntimeError)):
            SCHEDULES[schedule](run, lambda row: None)


@pytest.mark.parametrize("schedule", ["minibatch_pipeline", "one_off", "async"])
def test_an_error_of_the_trainer_does_not_wait_for_the_batch_that_is_sampled_beside_it(
    make_run: MakeRun, schedule: str
) -> None:
    run = make_run(schedule)

    def fail(rollouts: list[Rollout], minibatch: int) -> None:
        run.sampler.latency = 50.0  # type: ignore[attr-defined]
        raise UserError("the trainer died")

    run.trainer.update = fail  # type: ignore[assignment]
    with pytest.raises(UserError, match="the trainer died"):
        SCHEDULES[schedule](run, lambda row: None)
    assert run.sampler.flight, "some of the batch was not waited for"  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "sampling"]


def test_asked_to_end_the_stage_saves_its_step_with_what_the_next_needs(make_run: MakeRun) -> None:
    for schedule in SCHEDULES:
        run = make_run(schedule, work=schedule)

        def ask(row: dict[str, float], run: Run = run) -> None:
            if row["step"] == 3:
                run.stop.ask()

        with pytest.raises(Interrupted):
            SCHEDULES[schedule](run, ask)
        assert run.checkpoints.steps()[-1] == 3
        queued = run.checkpoints.state(3)["queued"]
        assert (queued is None) == (schedule in ("sync", "minibatch_pipeline"))
        if schedule == "one_off":
            assert len([Rollout(**row) for row in queued]) == PROMPTS * SAMPLES


def test_async_goes_on_from_groups_that_a_checkpoint_held(make_run: MakeRun) -> None:
    run = make_run("async", 2)
    run.queued = [
        Rollout(f"kept {n // SAMPLES}", n % SAMPLES, [0], [1], [0.0], False, 0, "AC", float(n % 2), versions=((0, 1),))
        for n in range(SAMPLES * 2)
    ]
    batches = trained_on(run)
    with Flow(run, 2) as flow:
        run.train(flow.take())
    assert batches[0][: 2 * SAMPLES] == ["kept 0", "kept 0", "kept 1", "kept 1"]
    assert len(batches[0]) == PROMPTS * SAMPLES


def test_resampling_fills_the_batch_with_prompts_that_have_a_signal(make_run: MakeRun) -> None:
    run = make_run()
    run.settings.recipe.groups_without_signal = "resample"
    rollouts = run.sample(1)
    groups = [rollouts[i : i + SAMPLES] for i in range(0, len(rollouts), SAMPLES)]
    assert len(groups) == PROMPTS
    assert all(len({r.reward for r in group}) == 2 for group in groups)


def test_resampling_is_refused_where_no_whole_batch_is_sampled(make_run: MakeRun, tmp_path: Path) -> None:
    from deepcoder.rl.training import check_schedule

    run = make_run("async")
    run.settings.recipe.groups_without_signal = "resample"
    with pytest.raises(UserError, match="trainer__schedule"):
        check_schedule(run.settings)
