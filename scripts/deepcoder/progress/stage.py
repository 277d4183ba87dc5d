"""How far a training stage is: its log of steps (rl/progress_log.py), or its tables once it is made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

from deepcoder.errors import UserError
from deepcoder.schemas.metrics import METRICS, TIMINGS
from deepcoder.schemas.table import read_table

RECENT = 20  # steps that say how fast a stage is now
SAMPLES = "samples.jsonl"  # of rl/feed.py: finished samples of the batch in flight


@dataclass(frozen=True)
class Step:
    """A finished step: its rows, and when it was written down (seconds since the epoch; None where nobody noted it)."""

    metrics: Mapping[str, Any]
    timings: Mapping[str, Any]
    at: float | None = None

    @property
    def number(self) -> int:
        return int(self.metrics["step"])


@dataclass(frozen=True)
class Start:
    """A process that took a stage up.

    Attributes:
        done: steps that it goes on from.
        lost_steps: done before, but after the checkpoint that it goes on from.
        lost_seconds: from the last step kept (or the start before) to this start; 0 for the first.
    """

    at: float
    done: int
    host: str
    job: str
    lost_steps: int = 0
    lost_seconds: float = 0.0


@dataclass
class StageProgress:
    """What is known of a stage.

    Attributes:
        name: recipe/model/stage.
        total: steps that it is to have; None where no run has said so here.
        planned_seconds: per step, from the configuration.
        sampled, batch: finished samples of the step in flight, and how many it takes; 0 where unknown.
        damaged: lines of the log that are no step.
    """

    name: str
    made: bool
    total: int | None = None
    planned_seconds: float = 0.0
    schedule: str = "sync"
    steps: list[Step] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    sampled: int = 0
    batch: int = 0
    damaged: int = 0

    @property
    def done(self) -> int:
        return self.steps[-1].number if self.steps else 0

    @property
    def seconds(self) -> list[float]:
        """Wall time of each recent step, what is between two steps (saving, for example) included."""
        starts = {start.done for start in self.starts}
        gaps = [
            after.at - before.at
            for before, after in pairwise(self.steps)
            if before.at is not None and after.at is not None and before.number not in starts
        ]
        return gaps[-RECENT:] or [float(step.timings["step_s"]) for step in self.steps[-RECENT:]]

    @property
    def median_seconds(self) -> float | None:
        return median(self.seconds) if self.steps else None

    @property
    def seconds_left(self) -> float | None:
        """Measured where there are steps, else planned; None where nobody knows how many are left."""
        if self.made or self.total is None:
            return 0.0 if self.made else None
        return (self.total - self.done) * (mean(self.seconds) if self.steps else self.planned_seconds)

    def curve(self, name: str) -> list[tuple[int, float]]:
        """Steps and values of a figure of metrics or timings, where it has one."""
        rows = [(step.number, {**step.timings, **step.metrics}.get(name)) for step in self.steps]
        return [(number, float(value)) for number, value in rows if value is not None]

    def last(self, name: str) -> float | None:
        curve = self.curve(name)
        return curve[-1][1] if curve else None

    def shares(self) -> dict[str, float]:
        """Share of the wall time of recent steps by phase; phases may overlap, `idle` is where devices do nothing.

        Under `sync` all devices do the same, and idle is what no phase has; else sampler and trainer have their own.
        """
        rows = [step.timings for step in self.steps[-RECENT:]]
        whole = sum(row["step_s"] for row in rows)
        if not whole:
            return {}
        total = {name: sum(row[f"{name}_s"] for row in rows) / whole for name in PHASES}
        found = {
            "sample": total["sample"],
            "train": total["log_probs"] + total["update"],
            "sync": total["sync"],
            "validate": total["validate"],
            "wait for the judge": total["judge_wait"],
        }
        if self.schedule == "sync":
            busy = sum(share for name, share in found.items() if name != "wait for the judge")
            return found | {"idle": max(0.0, 1 - busy)}
        return found | {"sampler idle": total["sampler_idle"], "trainer idle": total["trainer_idle"]}


PHASES = tuple(name.removesuffix("_s") for name in TIMINGS.names if name.endswith("_s") and name != "step_s")


def read_stage(folder: Path, work: Path, name: str, made: bool, declared: Mapping[str, Any]) -> StageProgress:
    """The progress of a stage.

    Args:
        folder: where its artifact is, or will be.
        work: folder of its resumable state.
        declared: what the run has declared of it (rules/progress.smk); may be empty.
    """
    steps, starts, damaged = read_log(work / "progress.jsonl")
    if made and not steps:
        steps, damaged = _of_tables(folder)
    return StageProgress(
        name=name,
        made=made,
        total=declared.get("steps") or (steps[-1].number if made and steps else None),
        planned_seconds=declared.get("seconds_per_step", 0.0),
        schedule=declared.get("schedule", "sync"),
        steps=steps,
        starts=starts,
        sampled=0 if made else _lines(work / SAMPLES),
        batch=declared.get("samples", 0),
        damaged=damaged,
    )


def read_log(path: Path) -> tuple[list[Step], list[Start], int]:
    """Steps that count, starts, and the number of lines that are neither."""
    steps: list[Step] = []
    starts: list[Start] = []
    damaged = 0
    for value in _values(path):
        try:
            if "start" in value:
                starts.append(_start(value, steps, starts))
                steps = [step for step in steps if step.number <= starts[-1].done]
            else:
                step = Step(value["metrics"], value["timings"], float(value["at"]))
                float(step.timings["step_s"])
                if step.number == (steps[-1].number if steps else step.number - 1) + 1:
                    steps.append(step)
        except (KeyError, TypeError, ValueError):
            damaged += 1
    return steps, starts, damaged


def _start(value: Mapping[str, Any], steps: Sequence[Step], starts: Sequence[Start]) -> Start:
    at, done = float(value["at"]), int(value["start"])
    kept = [step.at for step in steps if step.number <= done and step.at is not None]
    since = max([*kept[-1:], *(start.at for start in starts[-1:] if not kept or start.done == done)], default=at)
    return Start(
        at,
        done,
        str(value.get("host", "")),
        str(value.get("job", "")),
        sum(step.number > done for step in steps),
        at - since,
    )


def _values(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in filter(None, lines):
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        yield value if isinstance(value, dict) else {}


def _of_tables(folder: Path) -> tuple[list[Step], int]:
    try:
        metrics = read_table(folder / "metrics.parquet", METRICS)
        timings = read_table(folder / "timings.parquet", TIMINGS)
    except (UserError, OSError):
        return [], 1
    return [Step(row, time) for row, time in zip(metrics, timings, strict=False)], 0


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except OSError:
        return 0
