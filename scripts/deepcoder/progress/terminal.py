"""The progress of a run for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from deepcoder.progress import words
from deepcoder.progress.curve import plot, sparkline
from deepcoder.progress.run import RunProgress
from deepcoder.progress.stage import StageProgress

SPARK, PLOT = 32, 72  # columns


def status_lines(run: RunProgress, now: float, unicode: bool = True) -> Iterator[str]:
    """Lines of text; without `unicode` plain ASCII in what is drawn.

    Args:
        now: seconds since the epoch.
    """
    yield f"{run.scale}: {words.artifacts(run)}"
    yield f"  {run.runner}"
    if eta := words.run_eta(run, now):
        yield f"  {eta}"
    if run.work:
        yield "\nat work"
    for item in run.work:
        yield f"  {item.rule}: {item.output}, since {words.duration(max(0.0, now - item.since))}; {item.state}"
    if run.failures:
        yield "\nfailed"
    for failure in run.failures:
        yield f"  {failure.rule}: {failure.output}: {failure.error}"
    for stage in run.stages:
        yield ""
        yield from _stage_lines(stage, now, unicode)
    if run.notes:
        yield "\nnotes"
    yield from (f"  {note}" for note in run.notes)


def _stage_lines(stage: StageProgress, now: float, unicode: bool) -> Iterator[str]:
    yield f"stage {stage.name}: {words.stage_line(stage, now)}"
    if sign := words.last_sign(stage, now):
        yield f"  {sign}"
    for name, title, form in words.FIGURES:
        if told := words.value(stage, name, form):
            yield f"  {title:<24}{told:<12} {sparkline(stage.curve(name), SPARK, unicode)}".rstrip()
    if told := words.shares(stage):
        yield f"  of a step               {told}"
    yield from (f"  {line}" for line in words.interruptions(stage))
    if len(stage.steps) > 1:
        yield "  reward by step"
        yield from plot(stage.curve("reward_mean"), PLOT, unicode=unicode)
