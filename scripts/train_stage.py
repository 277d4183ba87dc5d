"""Train one context stage with a recipe; interrupted, the same command goes on from the last checkpoint."""

import os
from argparse import ArgumentParser
from pathlib import Path

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.manifest import read_manifest
from deepcoder.provenance.identity import code_digest
from deepcoder.rl.boards import Curves, check_wandb
from deepcoder.rl.stage import Settings
from deepcoder.rl.training import train_stage
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table
from deepcoder.schemas.tests_store import TestsStore

READS = ("seed", "recipes.{recipe}", "models.{model}", "stages.{stage}", "rollout", "trainer", "judge", "logging")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("problems", type=InputPath, help="manifest of curate.py")
    parser.add_argument("start", type=InputPath, help="manifest of the model to start from")
    parser.add_argument("out", type=OutputPath, help="manifest of the training state")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--tests-store", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder of the resumable state")
    parser.add_argument("--test-window", type=InputPath, help="manifest of prepare_benchmark.py (best_on_test_window)")


def work(job: Job) -> None:
    args, recipe = job.args, job.read("recipes.{recipe}")
    if (recipe.stage_checkpoint == "best_on_test_window") != bool(args.test_window):
        raise UserError(
            f"recipe {args.recipe}: stage_checkpoint is {recipe.stage_checkpoint}; --test-window goes with "
            "best_on_test_window and with nothing else"
        )
    check_wandb(job.read("logging").wandb)
    curated = read_manifest(args.problems, "curated")
    train_stage(
        output=args.out,
        start=read_manifest(args.start, "model"),
        problems=read_table(curated.file("train.parquet"), PROBLEM),
        validation=read_table(curated.file("validation.parquet"), PROBLEM),
        test_window=_problems(args.test_window),
        store=TestsStore(args.tests_store),
        work=args.work,
        settings=Settings(
            name=args.stage,
            seed=job.read("seed"),
            stage=job.read("stages.{stage}"),
            recipe=recipe,
            rollout=job.read("rollout"),
            trainer=job.read("trainer"),
        ),
        model=job.read("models.{model}"),
        judge=job.read("judge"),
        code=code_digest(Path(__file__)),
        cpus=len(os.sched_getaffinity(0)),
        curves=Curves(job.read("logging").wandb, f"{args.recipe}/{args.model}/{args.stage}"),
    )


def _problems(path: Path | None) -> list[dict[str, object]]:
    return read_table(read_manifest(path, "problems").file("problems.parquet"), PROBLEM) if path else []


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
