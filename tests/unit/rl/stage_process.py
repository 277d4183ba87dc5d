"""Run a stage of three steps; a helper of the tests that kill it or let its parts fail.

Usage: stage_process.py MODEL_FOLDER ROOT [SCHEDULE [ENGINE [RANKS]]]
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from omegaconf import OmegaConf

from deepcoder.config import compose_config
from deepcoder.config.schema import Batch
from deepcoder.easy import generate
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.rl.boards import Curves
from deepcoder.rl.stage import Settings
from deepcoder.rl.training import Engines, local_engines, ray_engines, train_stage
from deepcoder.schemas.tests_store import TestsStore

STEPS = 3


def run_stage(
    model: Path,
    root: Path,
    schedule: str = "sync",
    engine: str = "hf",
    ranks: int = 1,
    engines: Engines = local_engines,
    change: Callable[[Settings], object] = lambda settings: None,
    curves: Curves | None = None,
) -> None:
    """Train below `root` from a model folder; `change` may edit the settings."""
    torch.set_num_threads(1)
    config = OmegaConf.to_object(compose_config({}))
    store = TestsStore(root / "tests")
    extra = {"source": "easy", "starter_code": "", "time_limit_s": None, "checker": None, "statement_digest": ""}
    rows = [{**row, **extra, "tests_ref": store.put(row["tests"])} for row in generate(0, 0.25)[:8]]
    start = root / "start" / "manifest.json"
    if not start.exists():
        start.parent.mkdir(parents=True, exist_ok=True)
        if not (start.parent / "hf").exists():
            (start.parent / "hf").symlink_to(model)
        write_manifest(start, "model", sorted((start.parent / "hf").iterdir()))
    stage, rollout, recipe = config.stages["16k"], config.rollout, config.recipes["strict"]
    stage.steps, stage.save_every, stage.validate_every, stage.max_response_tokens = STEPS, 1, 2, 12
    stage.batch, rollout.engine.name, rollout.samples_per_prompt = Batch(prompts=4, minibatch=2), engine, 4
    config.trainer.schedule, config.trainer.ranks = schedule, ranks
    rollout.temperature, recipe.truncated = 1.0, "keep"
    recipe.entropy_coefficient = 0.5  # an untrained model earns no reward: the bonus is what moves its weights
    config.trainer.validation_samples = 1
    settings = Settings("16k", 0, stage, recipe, rollout, config.trainer)
    change(settings)
    train_stage(
        output=root / "out" / "manifest.json",
        start=read_manifest(start),
        problems=rows[:6],
        validation=rows[6:],
        test_window=(),
        store=store,
        work=root / "work",
        settings=settings,
        model=config.models["tiny"],
        judge=config.judge,
        code="",
        cpus=1,
        engines=engines,
        curves=curves,
    )


if __name__ == "__main__":
    words = [*sys.argv[3:], *("sync", "hf", "1")[len(sys.argv) - 3 :]]
    alone = words[1:] == ["hf", "1"]
    run_stage(
        Path(sys.argv[1]), Path(sys.argv[2]), words[0], words[1], int(words[2]), local_engines if alone else ray_engines
    )
