"""The estimate of a whole scale: one entry per job that needs time worth planning, and what does not fit."""

from __future__ import annotations

from dataclasses import dataclass, field

from deepcoder.config.machine import Resources
from deepcoder.config.schema import Benchmark, Config, Stage
from deepcoder.errors import UserError
from deepcoder.plan.memory import (
    GIGA,
    SamplerMemory,
    TrainerMemory,
    sampler_memory,
    state_bytes,
    trainer_memory,
    weight_bytes,
)
from deepcoder.plan.time import (
    HOUR,
    StageTime,
    decode_tokens_per_s,
    longest_sequence_s,
    mean_response,
    stage_time,
    train_tokens_per_s,
)
from deepcoder.rl.placement import check_devices

MEAN_PROMPT_SHARE = 0.25  # of max_prompt_tokens


@dataclass(frozen=True)
class StageEstimate:
    """A training stage; `gpus` is 0 where the scale has none, then memory is that of the host."""

    name: str
    gpus: int
    time: StageTime
    trainer: TrainerMemory
    sampler: SamplerMemory
    peak: float
    checkpoint_bytes: float
    disk_bytes: float
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SamplingEstimate:
    """Sampling of one model on a benchmark, or of the base model on the training problems, by all shards at once."""

    subject: str
    benchmark: str
    tokens: float
    gpu_hours: float
    wall_s: float


@dataclass(frozen=True)
class Estimate:
    """All stages of the configured recipe and all sampling of the report."""

    stages: list[StageEstimate]
    sampling: list[SamplingEstimate]
    difficulty: SamplingEstimate | None
    sampling_warnings: list[str]

    @property
    def training_gpu_hours(self) -> float:
        return sum(stage.time.gpu_hours for stage in self.stages)

    @property
    def sampling_gpu_hours(self) -> float:
        return sum(item.gpu_hours for item in self.sampling)

    @property
    def warnings(self) -> list[str]:
        return [f"{stage.name}: {text}" for stage in self.stages for text in stage.warnings] + self.sampling_warnings


def estimate(config: Config) -> Estimate:
    """Estimate the training of `config.recipe` on `config.model` and the sampling of the report."""
    stages = [estimate_stage(config, name) for name in config.stages]
    return Estimate(stages, estimate_sampling(config), estimate_difficulty(config), _engine_warnings(config))


def estimate_stage(config: Config, name: str) -> StageEstimate:
    """One stage: published or measured seconds per step, memory by formula."""
    model, stage = config.models[config.model], config.stages[name]
    resources = resources_of(config, "train")
    gpus = resources.nodes * resources.gpus_per_node
    device = device_bytes(config, resources)
    mean = mean_tokens(stage)
    trainer = trainer_memory(model, config.trainer, stage)
    sampler = sampler_memory(model, config.rollout, stage, device, mean)
    peak = max(trainer.total, trainer.resident + sampler.total)
    state = float(state_bytes(model, config.trainer.dtype))
    hub = float(weight_bytes(model, config.rollout.engine.dtype))
    return StageEstimate(
        name,
        gpus,
        stage_time(stage, gpus, bound_s_per_step(config, name, sampler) if gpus else 0.0),
        trainer,
        sampler,
        peak,
        state,
        config.trainer.keep_checkpoints * state + hub,
        _warnings(config, stage, resources, device, peak, sampler),
    )


def bound_s_per_step(config: Config, name: str, sampler: SamplerMemory) -> float:
    """Least seconds of a step if no GPU ever waited: sampled tokens and trained tokens at their full rates.

    T >= tokens / GPUs x (1 / decode rate + 1 / training rate), and no less than the longest sequence.
    """
    model, stage, hardware = config.models[config.model], config.stages[name], config.hardware
    resources = resources_of(config, "train")
    recipe = config.recipes[config.recipe]
    batch = recipe.batch.get(name, stage.batch)
    response = mean_response(stage.max_response_tokens)
    tokens = batch.prompts * config.rollout.samples_per_prompt * response
    length = mean_tokens(stage)
    cache = sampler.cache * config.rollout.engine.tensor_parallel
    # During decoding a sequence has on average half of its response behind it.
    decode = decode_tokens_per_s(model, hardware, config.rollout.engine.dtype, cache, length - response / 2)
    train = train_tokens_per_s(model, hardware, length, config.trainer.gradient_checkpointing)
    gpus = resources.nodes * resources.gpus_per_node
    return max(tokens / gpus * (1 / decode + 1 / train), _longest_s(config, stage.max_response_tokens))


def estimate_sampling(config: Config) -> list[SamplingEstimate]:
    """Tokens and GPU-hours of every (model, benchmark), decoding at the memory bound."""
    subjects = [f"base/{config.model}", *(f"base/{name}" for name in config.reference_models)]
    subjects += [f"{config.recipe}/{name}" for name in config.stages]
    limits = sampled_lengths(config)
    found = []
    for name in config.report_benchmarks:
        benchmark = config.benchmarks[name]
        samples = problems_of(benchmark) * benchmark.samples
        parts = [_sampling(config, "sample", config.evaluation.shards, samples, limit) for limit in limits]
        tokens, hours, seconds = (sum(values) for values in zip(*parts, strict=True))
        found.append((name, tokens, hours, seconds))
    return [SamplingEstimate(subject, *item) for subject in subjects for item in found]


def estimate_difficulty(config: Config) -> SamplingEstimate | None:
    """Pass rates of the recipe's curation, where it asks for them, if no raw row fell to verification: too much."""
    name = config.recipes[config.recipe].curation
    asked = config.curations[name].difficulty
    if not asked.enabled:
        return None
    problems = sum(config.sources[source].rows_expected or 0 for source in config.train_sources)
    limit = next(stage.max_response_tokens for stage in config.stages.values() if stage.start == "base")
    found = _sampling(config, "difficulty", asked.shards, problems * asked.samples, limit)
    return SamplingEstimate(f"base/{config.model}", f"difficulty of {name}", *found)


def sampled_lengths(config: Config) -> list[int]:
    """Limits at which each benchmark is sampled: one for all contexts, or each one's own."""
    evaluation = config.evaluation
    return list(evaluation.contexts.values()) if evaluation.resample else [evaluation.sampling.max_response_tokens]


def _sampling(config: Config, rule: str, shards: int, samples: int, limit: int) -> tuple[float, float, float]:
    """Tokens, GPU-hours and seconds of some samples, drawn by all shards at once."""
    resources = resources_of(config, rule)
    tokens = samples * mean_response(limit)
    gpus = shards * resources.nodes * resources.gpus_per_node
    if not gpus or not tokens:
        return tokens, 0.0, 0.0
    seconds = max(tokens / _sampling_rate(config, resources, limit) / gpus, _longest_s(config, limit))
    return tokens, gpus * seconds / HOUR, seconds


def problems_of(benchmark: Benchmark) -> int:
    """Problems of a benchmark as declared; 0 where only the data can say."""
    return len(benchmark.subset) or benchmark.rows_expected or 0


def mean_tokens(stage: Stage) -> float:
    """Expected length of prompt and response together."""
    return MEAN_PROMPT_SHARE * stage.max_prompt_tokens + mean_response(stage.max_response_tokens)


def resources_of(config: Config, rule: str) -> Resources:
    """The block of a rule, or the default one."""
    return config.resources[rule] if rule in config.resources else config.resources["default"]


def device_bytes(config: Config, resources: Resources) -> float:
    """Memory of one GPU, or of the host where the job has none."""
    return config.hardware.memory_gb * GIGA if resources.gpus_per_node else resources.memory_mb * 1e6


def _longest_s(config: Config, limit: int) -> float:
    model, rollout = config.models[config.model], config.rollout
    return longest_sequence_s(model, config.hardware, rollout.engine.dtype, rollout.engine.tensor_parallel, limit)


def _sampling_rate(config: Config, resources: Resources, limit: int) -> float:
    model, ways = config.models[config.model], config.rollout.engine.tensor_parallel
    claimed = config.rollout.engine.memory_utilization * device_bytes(config, resources) * ways
    cache = max(1.0, claimed - weight_bytes(model, config.rollout.engine.dtype))
    return decode_tokens_per_s(model, config.hardware, config.rollout.engine.dtype, cache, mean_response(limit) / 2)


def _engine_warnings(config: Config) -> list[str]:
    """Jobs that sample have one engine; more GPUs than its own would stay without work."""
    ways, found = config.rollout.engine.tensor_parallel, []
    for rule in ("sample", "difficulty"):
        resources = resources_of(config, rule)
        gpus = resources.nodes * resources.gpus_per_node
        if gpus and gpus != ways:
            found.append(f"{rule}: a job has {gpus} GPUs and one engine of {ways}: set resources.{rule} to as many")
    return found


def _warnings(
    config: Config, stage: Stage, resources: Resources, device: float, peak: float, sampler: SamplerMemory
) -> list[str]:
    gpus = resources.nodes * resources.gpus_per_node
    model, trainer, rollout = config.models[config.model], config.trainer, config.rollout
    found = []
    if peak > device:
        found.append(f"needs {peak / GIGA:.0f} GB, has {device / GIGA:.0f} GB: lower stages.*.max_tokens_per_gpu")
    if sampler.sequences_at_limit < 1:
        found.append("the cache holds not one sequence at the limit: raise rollout.engine.tensor_parallel")
    try:
        used = check_devices(rollout, trainer, gpus)
        if used < gpus:
            found.append(f"{gpus - used} of {gpus} GPUs stay without work: raise trainer.ranks or rollout.engines")
    except UserError as error:
        found.append(str(error))
    size = trainer.sequence_parallel
    if model.heads % size or (model.key_value_heads % size and size % model.key_value_heads):
        heads = f"{model.heads} heads and {model.key_value_heads} key-value heads"
        found.append(f"trainer.sequence_parallel {size} does not divide {heads}")
    packed = stage.max_tokens_per_gpu * size
    longest = stage.max_prompt_tokens + stage.max_response_tokens
    if packed < longest:
        found.append(f"a micro-batch holds {packed} tokens, the longest sequence has {longest}")
    wall_min = stage.steps * stage.seconds_per_step / 60
    if wall_min > resources.runtime_min:
        segments = -(-wall_min // resources.runtime_min)
        found.append(
            f"{wall_min / 60:.0f} h run in about {segments:.0f} segments of {resources.runtime_min / 60:.0f} h"
        )
    return found
