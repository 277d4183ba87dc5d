"""Train one stage from files to files: start the engines, run the schedule, write the artifact."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepcoder.config.schema import Judge, Model
from deepcoder.errors import UserError
from deepcoder.files import remove_half_written, sha256_json
from deepcoder.judge import open_judge
from deepcoder.manifest import Manifest, write_manifest
from deepcoder.rl.boards import Curves, Draw, tensorboard, wandb_beside
from deepcoder.rl.checkpoints import SHARDS, Checkpoints
from deepcoder.rl.losses import check_recipe
from deepcoder.rl.placement import cores_of, widest
from deepcoder.rl.reward import Grader
from deepcoder.rl.schedule import SCHEDULES
from deepcoder.rl.stage import Run, Settings
from deepcoder.rl.stopping import Interrupted
from deepcoder.schemas.metrics import METRICS, TIMINGS
from deepcoder.schemas.table import write_table
from deepcoder.schemas.tests_store import TestsStore

Row = Mapping[str, Any]
Engines = Callable[[ExitStack, Path, Settings, int], tuple[Any, Any]]


def train_stage(
    output: Path,
    start: Manifest,
    problems: Sequence[Row],
    validation: Sequence[Row],
    test_window: Sequence[Row],
    store: TestsStore,
    work: Path,
    settings: Settings,
    model: Model,
    judge: Judge,
    code: str,
    cpus: int,
    engines: Engines | None = None,
    curves: Curves | None = None,
) -> None:
    """Run a stage to its end and write its artifact; interrupted, the next call goes on from the last checkpoint.

    Args:
        output: manifest to write; state/, metrics.parquet, timings.parquet and tensorboard/ go beside it.
        start: artifact of the model to start from.
        problems, validation, test_window: rows of schemas.problem.PROBLEM.
        work: folder of the resumable state.
        code: digest of the code, part of the state's identity.
        cpus: cores of this node for sampler, trainer and judge together; on several nodes Ray knows them.
        engines: starts sampler and trainer; by default as Ray actors.
        curves: what goes to Weights & Biases; nothing by default.
    """
    check_recipe(settings.recipe)
    check_schedule(settings)
    folder = start.path.parent / "hf"
    start.check()
    identity = stage_identity(start, (problems, validation, test_window), settings, judge, code)
    checkpoints = Checkpoints(work, identity, settings.trainer.keep_checkpoints)
    with ExitStack() as stack:
        stack.callback(checkpoints.close)
        # The judge first: its sandboxes start from a small process, before torch is loaded.
        pool = stack.enter_context(open_judge(judge.workers, judge.isolation, settings.recipe.comparator))
        sampler, trainer = (engines or ray_engines)(stack, folder, settings, cpus)
        from deepcoder.rl.text import Text

        run = Run(
            settings=settings,
            text=Text(folder, model.prompt),
            sampler=sampler,
            trainer=trainer,
            grader=Grader([*problems, *validation, *test_window], store, pool, settings.recipe, judge),
            checkpoints=checkpoints,
            problems=problems,
            validation=validation,
            test_window=test_window,
        )
        draw = stack.enter_context(tensorboard(output.parent / "tensorboard"))
        stack.enter_context(wandb_beside(curves, work, asdict(settings)))
        stack.enter_context(run.stop.on_signals())
        try:
            SCHEDULES[settings.trainer.schedule](run, lambda row: _show(row, settings.stage.steps, draw))
        except Interrupted:
            run.save_what_is_whole()
            raise
        write_artifact(output, run)


def check_schedule(settings: Settings) -> None:
    """Refuse a recipe that the schedule cannot serve."""
    whole = settings.trainer.schedule in ("sync", "one_off")
    if settings.recipe.groups_without_signal == "resample" and not whole:
        raise UserError(
            "recipe: groups_without_signal=resample needs a schedule that samples whole batches; "
            "set trainer__schedule to sync or one_off"
        )


def local_engines(stack: ExitStack, folder: Path, settings: Settings, cpus: int) -> tuple[Any, Any]:
    """Sampler and a trainer of one rank in this process: for experiments on small models."""
    from deepcoder.rl.sampler import make_sampler
    from deepcoder.rl.trainer import Trainer

    limits = settings.stage
    sampler = make_sampler(folder, settings.rollout.engine, limits.max_prompt_tokens + limits.max_response_tokens)
    trainer = Trainer(
        folder,
        settings.trainer,
        settings.recipe,
        settings.rollout.temperature,
        limits.max_tokens_per_gpu,
        response_limit=limits.max_response_tokens,
    )
    return sampler, trainer


def ray_engines(stack: ExitStack, folder: Path, settings: Settings, cpus: int) -> tuple[Any, Any]:
    """Sampler and trainer as Ray actors; both start at the same time."""
    from deepcoder.cluster.ray import ADDRESS, joined_ray, nodes
    from deepcoder.rl.workers import Devices, RemoteSampler, RemoteTrainer

    limits, per_rank = settings.stage, max(1, cpus // settings.trainer.ranks)
    stack.enter_context(joined_ray(cores_of(settings.rollout, settings.trainer, per_rank)))
    if os.environ.get(ADDRESS):
        per_rank = widest(settings.rollout, settings.trainer, [(node.cpus, node.gpus) for node in nodes()])
    devices = Devices(settings.rollout, settings.trainer, per_rank)
    trainer = RemoteTrainer(
        folder,
        settings.trainer,
        settings.recipe,
        settings.rollout.temperature,
        limits.max_tokens_per_gpu,
        devices,
        limits.max_response_tokens,
    )
    longest = limits.max_prompt_tokens + limits.max_response_tokens
    return RemoteSampler(folder, settings.rollout, longest, devices, trainer), trainer


def stage_identity(start: Manifest, rows: Sequence[Sequence[Row]], settings: Settings, judge: Judge, code: str) -> str:
    """Digest of what a stage's course depends on; its number of steps is not part, so that it can be prolonged."""
    values = asdict(settings)
    for name in ("steps", "seconds_per_step"):
        del values["stage"][name]
    tests = [[[row["id"], row["statement_digest"], row["tests_ref"]] for row in table] for table in rows]
    return sha256_json([dict(start.files), tests, values, asdict(judge), code])


def write_artifact(output: Path, run: Run) -> None:
    """Publish the state of the chosen step, write the tables and, last, the manifest."""
    root, best = output.parent, run.best_step()
    remove_half_written(root)
    run.checkpoints.publish(best, root / SHARDS)
    write_table(root / "metrics.parquet", run.metrics, METRICS)
    write_table(root / "timings.parquet", run.timings, TIMINGS)
    facts = {
        "stage": run.settings.name,
        "steps": run.metrics[-1]["step"],
        "chosen_step": best,
        "dtype": run.settings.trainer.dtype,
    }
    write_manifest(output, "checkpoint", [root / SHARDS, root / "metrics.parquet"], facts)


def _show(row: dict[str, Any], steps: int, draw: Draw) -> None:
    """One line on the terminal and one point a curve."""
    told = " ".join(f"{name} {row[name]:.3f}" for name in ("reward_mean", "entropy", "grad_norm"))
    checked = row["validation_pass_rate"]
    print(
        f"step {row['step']}/{steps}: {told}" + (f" validation {checked:.3f}" if checked is not None else ""),
        flush=True,
    )
    draw(row)
