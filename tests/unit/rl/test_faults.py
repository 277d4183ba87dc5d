"""Whatever fails in a stage ends it soon, in one clear error, and run again it ends with the bytes of a sound run."""

import itertools
import math
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.unit.judge.test_hostile import descendants
from tests.unit.rl.stage_process import run_stage
from tests.unit.rl.test_resume import EXACT, assert_same

from deepcoder.config.schema import Config
from deepcoder.errors import UserError
from deepcoder.files import read_json
from deepcoder.judge import JudgePool, Submission, Verdict
from deepcoder.judge import pool as pool_module
from deepcoder.rl import feed as feed_module
from deepcoder.rl.checkpoints import Checkpoints
from deepcoder.rl.rollout import Rollout, UpdateReport
from deepcoder.rl.stage import RESAMPLE_ROUNDS, Run, Settings
from deepcoder.rl.trainer import Trainer
from deepcoder.rl.training import local_engines
from deepcoder.schemas.metrics import METRICS
from deepcoder.schemas.table import read_table

RunStage = Callable[..., None]


@pytest.fixture
def run(tiny_model: Path, tmp_path: Path) -> RunStage:
    """Run a stage below the test's folder."""

    def run(schedule: str = "sync", **options: Any) -> None:
        run_stage(tiny_model, tmp_path, schedule, **options)

    return run


def weights_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in trainer.weights()}


def steps_saved(root: Path) -> list[int]:
    """Steps whose checkpoints are whole; nothing half-written may lie beside them."""
    assert not list((root / "work").glob(".*.tmp"))
    identity = root / "work/identity.json"
    if not identity.exists():
        return []
    checkpoints = Checkpoints(root / "work", read_json(identity), keep=2)
    checkpoints.close()
    assert all(checkpoints.damage(step) is None for step in checkpoints.steps())
    return checkpoints.steps()


@pytest.mark.parametrize(("schedule", "saved"), [("sync", [1, 2]), ("minibatch_pipeline", [1, 2]), ("one_off", [1])])
def test_a_judge_that_hangs_costs_the_step_in_flight_and_no_more(
    run: RunStage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole_run: Callable[[str], Path],
    schedule: str,
    saved: list[int],
) -> None:
    released, judge, judged = threading.Event(), pool_module._judge, itertools.count()

    def hanging(*args: Any) -> Verdict:
        if next(judged) > 40:  # a step has 16 programs
            released.wait()
        return judge(*args)

    # An untrained model writes no program: each response stands for one.
    monkeypatch.setattr("deepcoder.rl.reward.extract_code", lambda text, **_: f"# {text!r}")
    with monkeypatch.context() as broken:
        broken.setattr(pool_module, "_judge", hanging)
        broken.setattr(pool_module, "_END_S", 0.5)
        for module in (pool_module, feed_module):
            broken.setattr(module, "STALL_SECONDS", 1.0)
        start = time.monotonic()
        with pytest.raises(UserError, match="the judge .* run again"):
            run(schedule)
        assert time.monotonic() - start < 30
    released.set()
    assert steps_saved(tmp_path) == saved
    run(schedule)
    if schedule in EXACT:
        assert_same(whole_run(schedule), tmp_path)


def test_a_sandbox_that_stands_still_is_replaced_and_its_program_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deepcoder.judge.sandbox._GRACE_S", 0.5)
    tests = [{"input": "", "output": "1"}]
    submission = Submission("a", "stdin", "print(1)", tests, time_limit_s=0.1)
    before = descendants(os.getpid())
    with JudgePool(1) as pool:
        assert pool.judge(submission).verdict == "AC"
        for pid in descendants(os.getpid()) - before:
            os.kill(pid, signal.SIGSTOP)
        assert pool.judge(submission).verdict == "AC"
    assert descendants(os.getpid()) <= before


def test_a_program_is_not_offered_for_ever_to_a_judge_that_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(pool_module, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(pool_module, "_END_S", 0.1)
    monkeypatch.setattr(pool_module, "_judge", lambda *_: released.wait())
    with pytest.raises(UserError, match="took no program"), JudgePool(1) as pool:
        for _ in range(20):
            pool.submit(Submission("a", "stdin", "", [{"input": "", "output": ""}]))
    released.set()


@pytest.mark.parametrize("broken", ["loss", "grad_norm"])
@pytest.mark.parametrize("precision", [(1, "float32"), (1, "bfloat16"), (2, "bfloat16"), (3, "bfloat16")])
def test_what_is_not_a_number_never_reaches_the_weights_or_a_checkpoint(
    run: RunStage, tmp_path: Path, broken: str, precision: tuple[int, str]
) -> None:
    trainers: list[Trainer] = []

    def engines(*args: Any) -> tuple[Any, Any]:
        sampler, trainer = local_engines(*args)
        update, updates = trainer.update, itertools.count(1)

        def third_breaks(rollouts: list[Rollout], minibatch: int) -> UpdateReport:
            if next(updates) == 3:
                if broken == "loss":
                    rollouts[1].advantage = math.nan
                else:
                    weight = trainer.engine.module.model.model.norm.weight
                    weight.register_hook(lambda gradient: gradient * math.inf)
            return update(rollouts, minibatch)

        trainer.update = third_breaks
        trainers.append(trainer)
        return sampler, trainer

    def precise(settings: Settings) -> None:
        settings.trainer.zero_stage, settings.trainer.dtype = precision
        settings.rollout.logprob_tolerance = 1.0  # the sampler stays with float32

    with pytest.raises(UserError, match=f"step 3: .*{broken} is (nan|inf).*learning_rate"):
        run(engines=engines, change=precise)
    assert all(weight.isfinite().all() for weight in weights_of(trainers[0]).values())
    assert steps_saved(tmp_path) == [1, 2]
    assert not (tmp_path / "out/manifest.json").exists()
    run(change=precise)


NO_SIGNAL = {
    "all fail": lambda rollout: None,
    "the judge fails": lambda rollout: setattr(rollout, "verdict", "IE"),
    "all are cut": lambda rollout: setattr(rollout, "truncated", True),
}


@pytest.mark.parametrize("rule", ["keep", "drop", "resample"])
@pytest.mark.parametrize("batch", NO_SIGNAL)
def test_a_batch_without_signal_is_gone_over_with_finite_figures(
    run: RunStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str, batch: str
) -> None:
    sampled: list[str] = []
    judged = Run._judged

    def without_signal(self: Run, rows: Any, number: int, options: Any, names: tuple[Any, ...], *rest: Any) -> Any:
        sampled.append(names[0])
        rollouts = judged(self, rows, number, options, names, *rest)
        for rollout in rollouts:
            rollout.reward = 0.0
            NO_SIGNAL[batch](rollout)
        return rollouts

    def change(settings: Settings) -> None:
        settings.recipe.groups_without_signal, settings.recipe.truncated = rule, "leave_loss"
        settings.recipe.entropy_coefficient = 0.0
        settings.stage.validate_every = 0

    monkeypatch.setattr(Run, "_judged", without_signal)
    run(change=change)
    rows = read_table(tmp_path / "out/metrics.parquet", METRICS)
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert all(math.isfinite(value) for row in rows for value in row.values() if value is not None)
    assert all(row["loss"] == row["grad_norm"] == 0.0 for row in rows)
    assert sampled.count("resample") == (3 * RESAMPLE_ROUNDS if rule == "resample" else 0)


def test_an_update_without_signal_only_decays_the_weights_until_adam_has_momentum(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    settings = replace(config.trainer, learning_rate=1e-2, weight_decay=0.1)
    trainer = Trainer(tiny_model, settings, config.recipes["strict"], 0.6, 60)

    def moved(empty: bool) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        rollouts = make_rollouts(4)
        for rollout in rollouts:
            rollout.in_loss = rollout.in_denominator = not empty
        before = weights_of(trainer)
        trainer.update(rollouts, 4)
        return before, weights_of(trainer)

    before, after = moved(empty=True)
    for name in before:
        assert torch.allclose(after[name], before[name] * (1 - 1e-2 * 0.1), rtol=1e-6, atol=0), name
    moved(empty=False)
    before, after = moved(empty=True)
    further = [(after[name] - before[name] * (1 - 1e-2 * 0.1)).abs().max() for name in before]
    assert 0 < max(further) < 1e-2, "the running mean of the gradients moves them on, by less than a step"
