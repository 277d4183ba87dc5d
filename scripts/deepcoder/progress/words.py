"""What is told of a run, in words: the same on a terminal and on the page."""

from __future__ import annotations

from datetime import datetime

from deepcoder.progress.run import RunProgress
from deepcoder.progress.stage import StageProgress

# A figure of metrics or timings, its title, and how it is written.
FIGURES = (
    ("reward_mean", "reward", "{:.3f}"),
    ("response_length_mean", "response length, tokens", "{:,.1f}"),
    ("clipped_share", "clipped by the limit", "{:.1%}"),
    ("entropy", "entropy, nats", "{:.3f}"),
    ("grad_norm", "gradient norm", "{:.3g}"),
    ("validation_pass_rate", "validation", "{:.3f}"),
    ("step_s", "seconds a step", "{:,.1f}"),
)
PLANNED = "by the configuration's seconds per step"


def duration(seconds: float) -> str:
    """Two units at most: 3 d 4 h, 5 min 2 s, 1.3 s."""
    whole = round(seconds)
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        if whole >= size or (name == "s" and not parts):
            parts.append(f"{whole // size} {name}" if whole >= 10 or name != "s" or parts else f"{seconds:.1f} s")
            whole %= size
        elif parts:
            break
    return " ".join(parts[:2])


def when(now: float, seconds: float) -> str:
    """The moment that lies so many seconds ahead, with its date where it is not today."""
    moment, today = datetime.fromtimestamp(now + seconds), datetime.fromtimestamp(now)
    return moment.strftime("%H:%M" if moment.date() == today.date() else "%a %d %b %H:%M")


def artifacts(run: RunProgress) -> str:
    counted = f"{run.made} of {run.total} artifacts made" if run.total else f"{run.made} artifacts made, of all unknown"
    return f"{counted}, {len(run.work)} at work, {len(run.failures)} failed"


def run_eta(run: RunProgress, now: float) -> str:
    """When the run may end, and what that rests on; "" where nothing is known."""
    left = run.seconds_left
    if not left:
        return ""
    basis = "measured" if run.is_measured else f"stages without steps {PLANNED}"
    end = "" if run.is_over else f", {when(now, left)}"
    return f"at least {duration(left)} left{end} ({basis}; queues and CPU jobs not counted)"


def stage_line(stage: StageProgress, now: float) -> str:
    """Step, pace, end."""
    of_all = f" of {stage.total}" if stage.total else ""
    if stage.made:
        return f"done, {stage.done}{of_all} steps"
    if not stage.steps:
        left = stage.seconds_left
        planned = f"; {duration(left)} {PLANNED}" if left else ""
        return f"{'no step yet' if stage.starts else 'not begun'}{of_all}{planned}{_in_flight(stage)}"
    told = f"step {stage.done}{of_all}, {duration(stage.median_seconds or 0.0)} a step"
    if left := stage.seconds_left:
        told += f", {duration(left)} left, {when(now, left)}"
    return told + _in_flight(stage)


def _in_flight(stage: StageProgress) -> str:
    if not stage.sampled:
        return ""
    return f"; in flight: {stage.sampled}{f' of {stage.batch}' if stage.batch else ''} samples"


def last_sign(stage: StageProgress, now: float) -> str:
    """When the stage was last heard of; "" where it is made or was never at work."""
    moments = [start.at for start in stage.starts] + [step.at for step in stage.steps[-1:] if step.at is not None]
    return "" if stage.made or not moments else f"last heard of {duration(max(0.0, now - max(moments)))} ago"


def shares(stage: StageProgress) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in stage.shares().items())


def interruptions(stage: StageProgress) -> list[str]:
    """A line for each time that the stage was taken up again."""
    return [
        f"taken up after step {start.done} on {start.host}{f', job {start.job}' if start.job else ''}: "
        f"{start.lost_steps} steps and {duration(start.lost_seconds)} lost"
        for start in stage.starts[1:]
    ]


def value(stage: StageProgress, name: str, form: str) -> str:
    """The last value of a figure, and of validation the best."""
    curve = stage.curve(name)
    if not curve:
        return ""
    told = form.format(curve[-1][1])
    if name == "validation_pass_rate":
        step, best = max(curve, key=lambda point: point[1])
        told += f" at step {curve[-1][0]}, best {form.format(best)} at step {step}"
    return told
