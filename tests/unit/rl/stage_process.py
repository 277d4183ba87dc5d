"""Run a stage of three steps in this process; a helper of test_resume.py, which kills it.

Usage: stage_process.py MODEL_FOLDER ROOT [SCHEDULE [ENGINE [RANKS]]]
"""

import sys
from pathlib import Path

import torch
from omegaconf import OmegaConf

from deepcoder.config import compose_config
from deepcoder.config.schema import Batch
from deepcoder.easy import generate
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.rl.stage import Settings
from deepcoder.rl.training import local_engines, ray_engines, train_stage
from deepcoder.schemas.tests_store import TestsStore

torch.set_num_threads(1)
model_folder, root = Path(sys.argv[1]), Path(sys.argv[2])
schedule, engine, ranks = [*sys.argv[3:], *("sync", "hf", "1")[len(sys.argv) - 3 :]]
config = OmegaConf.to_object(compose_config({}))
store = TestsStore(root / "tests")
extra = {"source": "easy", "starter_code": "", "time_limit_s": None, "statement_digest": ""}
rows = [{**row, **extra, "tests_ref": store.put(row["tests"])} for row in generate(0, 0.25)[:8]]
start = root / "start" / "manifest.json"
if not start.exists():
    start.parent.mkdir(parents=True)
    (start.parent / "hf").symlink_to(model_folder)
    write_manifest(start, "model", sorted((start.parent / "hf").iterdir()))
stage, rollout, recipe = config.stages["16k"], config.rollout, config.recipes["strict"]
stage.steps, stage.save_every, stage.validate_every, stage.max_response_tokens = 3, 1, 2, 12
stage.batch, rollout.engine, rollout.samples_per_prompt = Batch(prompts=4, minibatch=2), engine, 4
config.trainer.schedule, config.trainer.ranks = schedule, int(ranks)
rollout.temperature, recipe.truncated = 1.0, "keep"
recipe.entropy_coefficient = 0.5  # an untrained model earns no reward: the bonus is what moves its weights
config.trainer.validation_samples = 1

train_stage(
    output=root / "out" / "manifest.json",
    start=read_manifest(start),
    problems=rows[:6],
    validation=rows[6:],
    test_window=(),
    store=store,
    work=root / "work",
    settings=Settings("16k", 0, stage, recipe, rollout, config.trainer),
    model=config.models["tiny"],
    judge=config.judge,
    code="",
    cpus=1,
    engines=local_engines if (engine, ranks) == ("hf", "1") else ray_engines,
)
