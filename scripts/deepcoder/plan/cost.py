"""What it costs to run one job again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deepcoder.config.schema import Config
from deepcoder.plan.estimate import (
    estimate_difficulty,
    estimate_sampling,
    estimate_stage,
    resources_of,
    sampled_lengths,
)

BLOCKS = {"train_stage": "train", "sample": "sample", "measure_difficulty": "difficulty"}


def gpu_hours_of(config: Config, rule: str, words: Mapping[str, Any]) -> float:
    """Estimated GPU-hours of a job; 0 for a rule without GPUs at this scale.

    Args:
        words: the job's wildcards, and what its rule fills into configuration keys.
    """
    if rule not in BLOCKS:
        return 0.0
    resources = resources_of(config, BLOCKS[rule])
    if not resources.gpus_per_node:
        return 0.0
    if rule == "train_stage":
        return estimate_stage(config, words["stage"]).time.gpu_hours
    if rule == "sample":  # every model costs the same
        sampling = estimate_sampling(config)
        hours = sum(item.gpu_hours for item in sampling if item.subject == sampling[0].subject)
        return hours / config.evaluation.shards / len(sampled_lengths(config))
    measured = estimate_difficulty(config)
    return measured.gpu_hours / config.curations[words["curation"]].difficulty.shards if measured else 0.0
