"""The plan for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from deepcoder.config.schema import Config
from deepcoder.plan.estimate import (
    Estimate,
    SamplingEstimate,
    StageEstimate,
    estimate,
    resources_of,
    sampled_lengths,
)
from deepcoder.plan.memory import GIGA
from deepcoder.plan.time import HOUR

KIB = 1024
COST_RULES = ("fetch", "normalise", "verify", "curate", "export_model", "grade")


def plan_tables(config: Config) -> Iterator[RenderableType]:
    """Tables of time, memory, sampling and CPU jobs, the total, and what to know before starting."""
    found = estimate(config)
    resources = resources_of(config, "train")
    gpus = resources.nodes * resources.gpus_per_node
    machine = f"{resources.nodes} x {resources.gpus_per_node} {config.hardware.name}" if gpus else "no GPU"
    yield Text(f"scale {config.scale}, recipe {config.recipe}, {config.models[config.model].title}, {machine}\n")
    yield _time_table(found)
    yield _memory_table(found, config)
    if found.sampling_gpu_hours:
        yield _sampling_table(found, config)
    yield _cpu_table(config)
    total = found.training_gpu_hours + found.sampling_gpu_hours
    training, sampling = found.training_gpu_hours, found.sampling_gpu_hours
    yield Text(f"GPU-hours: training {training:,.0f} + sampling at least {sampling:,.0f} = {total:,.0f}", style="bold")
    if found.difficulty:
        yield Text(_difficulty_line(found.difficulty, config))
    for warning in found.warnings:
        yield Text(f"note  {warning}", style="yellow")
    yield Text(
        "Seconds per step are measured or published (config); the rest is formula, not measured on a GPU.", "dim"
    )


def _time_table(found: Estimate) -> Table:
    table = _table("training time", "stage", "GPUs", "wall h", "GPU-hours", "least wall h", "checkpoint GB", "disk GB")
    for stage in found.stages:
        least = f"{stage.time.bound_s / HOUR:.1f}" if stage.gpus else "-"
        table.add_row(
            stage.name, str(stage.gpus), f"{stage.time.wall_s / HOUR:.1f}", f"{stage.time.gpu_hours:,.0f}", least,
            _gb(stage.checkpoint_bytes), _gb(stage.disk_bytes),
        )  # fmt: skip
    return table


def _memory_table(found: Estimate, config: Config) -> Table:
    table = _table("memory per GPU, GB (host where there is none)", "part", *(stage.name for stage in found.stages))
    lines: dict[str, list[str]] = {}
    for stage in found.stages:
        for name, value in _memory_lines(stage).items():
            lines.setdefault(name, []).append(value)
    for name, values in lines.items():
        table.add_row(name, *values)
    available = config.hardware.memory_gb if found.stages[0].gpus else resources_of(config, "train").memory_mb / 1e3
    table.add_row("available", *(f"{available:.1f}" for _ in found.stages))
    return table


def _memory_lines(stage: StageEstimate) -> dict[str, str]:
    trainer, sampler = stage.trainer, stage.sampler
    return {
        "trainer: weights": _gb(trainer.weights),
        "trainer: gradients": _gb(trainer.gradients),
        "trainer: optimizer": _gb(trainer.optimizer),
        "trainer: activations": _gb(trainer.activations),
        "trainer: output head": _gb(trainer.head),
        "trainer: gathered layers": _gb(trainer.gathered),
        "trainer, with runtime": _gb(trainer.total),
        "sampler: weights": _gb(sampler.weights),
        "sampler: cache": _gb(sampler.cache),
        "sampler: cache per token, KiB": f"{sampler.cache_per_token / KIB:.0f}",
        "sampler: sequences at the limit": str(sampler.sequences_at_limit),
        "sampler: sequences at the mean": str(sampler.sequences_at_mean),
        "sampler beside resting trainer": _gb(sampler.total + trainer.resident),
        "peak": _gb(stage.peak),
    }


def _sampling_table(found: Estimate, config: Config) -> Table:
    subjects = list(dict.fromkeys(item.subject for item in found.sampling))
    jobs = config.evaluation.shards * len(sampled_lengths(config))
    title = f"sampling, at least, for each of {len(subjects)} models by {_jobs(config, 'sample', jobs)}"
    table = _table(title, "benchmark", "tokens, million", "wall h", "GPU-hours")
    for item in found.sampling:
        if item.subject == subjects[0]:
            numbers = (f"{item.tokens / 1e6:.1f}", f"{item.wall_s / HOUR:.2f}", f"{item.gpu_hours:.1f}")
            table.add_row(item.benchmark, *numbers)
    return table


def _difficulty_line(item: SamplingEstimate, config: Config) -> str:
    shards = config.curations[config.recipes[config.recipe].curation].difficulty.shards
    return (
        f"{item.benchmark}: up to {item.gpu_hours:,.0f} GPU-hours more, {item.wall_s / HOUR:.1f} h by "
        f"{_jobs(config, 'difficulty', shards)}, if no raw row falls to verification"
    )


def _jobs(config: Config, rule: str, number: int) -> str:
    resources = resources_of(config, rule)
    return f"{number} jobs of {resources.nodes * resources.gpus_per_node} GPUs"


def _cpu_table(config: Config) -> Table:
    table = _table("CPU jobs, at most", "rule", "CPUs", "memory GB", "minutes")
    for rule in COST_RULES:
        block = resources_of(config, rule)
        table.add_row(rule, str(block.cpus), f"{block.memory_mb / 1e3:.0f}", str(block.runtime_min))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left")
    return table


def _gb(value: float) -> str:
    return f"{value / GIGA:.1f}"
