"""Time of training and sampling, in seconds. `bound` values are physics, not predictions."""

from __future__ import annotations

from dataclasses import dataclass

from deepcoder.config.machine import Hardware
from deepcoder.config.schema import Model, Stage
from deepcoder.plan.memory import BYTES, cache_bytes_per_token, weight_bytes

MEAN_SHARE = 0.5  # mean response / limit; published: 8K of 16K, 17.5K of 32K [together.ai/blog/deepcoder, figure 5]
MODEL_FLOPS_SHARE = 0.4  # of the peak that a well-tuned dense trainer reaches
HOUR = 3600.0


@dataclass(frozen=True)
class StageTime:
    """Wall time and accelerator time of a stage, and the least that its arithmetic needs."""

    wall_s: float
    gpu_hours: float
    bound_s: float


def mean_response(limit: int) -> float:
    """Expected response tokens for a length limit."""
    return MEAN_SHARE * limit


def flops_per_token(model: Model, length: float, recompute: bool) -> float:
    """Training FLOP per token: 6N, or 8N with full recomputation, plus attention.

    6N from forward 2N and backward 4N [arXiv:2001.08361, section 2.1]; causal attention adds
    6 x layers x length x heads x head size (half of the full square), a third more with recomputation.
    """
    attention = 6.0 * model.layers * length * model.heads * model.head_dim
    return (6.0 * model.parameters + attention) * (4 / 3 if recompute else 1.0)


def train_tokens_per_s(model: Model, hardware: Hardware, length: float, recompute: bool) -> float:
    """Tokens per second and GPU at MODEL_FLOPS_SHARE of the peak."""
    return MODEL_FLOPS_SHARE * hardware.bf16_tflops * 1e12 / flops_per_token(model, length, recompute)


def decode_tokens_per_s(model: Model, hardware: Hardware, dtype: str, cache_bytes: float, length: float) -> float:
    """Tokens per second and GPU when decoding is bound by memory traffic.

    Each step reads the weights and the cache of all running sequences once: with B = cache / (length x bytes per
    token) sequences a step yields B tokens in (weights + cache) / bandwidth seconds. An engine over several GPUs is
    given by the cache of all of them: its bandwidth and its GPUs grow alike, so the figure stays per GPU.
    """
    sequences = cache_bytes / (length * cache_bytes_per_token(model, dtype))
    step_s = (weight_bytes(model, dtype) + cache_bytes) / (hardware.memory_bandwidth_tb_s * 1e12)
    return sequences / step_s


def longest_sequence_s(model: Model, hardware: Hardware, dtype: str, ways: int, limit: int) -> float:
    """Least time of one sequence at the limit: every token reads the weights once, over `ways` GPUs."""
    return limit * model.parameters * BYTES[dtype] / ways / (hardware.memory_bandwidth_tb_s * 1e12)


def stage_time(stage: Stage, gpus: int, bound_s_per_step: float) -> StageTime:
    """Steps x seconds per step, the latter measured or published (config)."""
    wall = stage.steps * stage.seconds_per_step
    return StageTime(wall, gpus * wall / HOUR, stage.steps * bound_s_per_step)
