"""The progress of a run as one HTML file that loads itself again, readable on a phone; it fetches nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape

from deepcoder.progress import words
from deepcoder.progress.curve import Curve
from deepcoder.progress.run import RunProgress
from deepcoder.progress.stage import StageProgress

WIDTH, HEIGHT, EDGE = 320.0, 110.0, 4.0  # of a curve, in SVG's units
STYLE = """
:root { color-scheme: light dark; --line: #0072B2; --bad: #D55E00; --quiet: #6b6b6b; --rule: #8884; }
@media (prefers-color-scheme: dark) { :root { --line: #56B4E9; --bad: #E69F00; --quiet: #a0a0a0; } }
body { font: 16px/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin: 1.6rem 0 .3rem; }
h1, h2, li, p { overflow-wrap: anywhere; } p, ul { margin: .3rem 0; } ul { padding-left: 1.2rem; }
.quiet, figcaption { color: var(--quiet); } .bad { color: var(--bad); }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; border-top: 1px solid var(--rule); padding-top: .4rem; }
figcaption b { color: CanvasText; } svg { display: block; width: 100%; height: auto; }
polyline { fill: none; stroke: var(--line); stroke-width: 1.6; } circle { fill: var(--line); }
details { margin: 1rem 0; } summary { cursor: pointer; font-weight: 600; }
progress { width: 100%; accent-color: var(--line); }
"""


def status_page(run: RunProgress, now: float, refresh: int = 60) -> str:
    """The page's text.

    Args:
        now: seconds since the epoch.
        refresh: seconds after which a browser loads it again.
    """
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="refresh" content="{refresh}">',
            f"<title>{escape(run.scale)}: {escape(words.artifacts(run))}</title><style>{STYLE}</style></head><body>",
            *_body(run, now),
            "</body></html>\n",
        ]
    )


def _body(run: RunProgress, now: float) -> Iterator[str]:
    yield f"<h1>{escape(run.scale)}: {escape(words.artifacts(run))}</h1>"
    if run.total:
        yield f'<progress max="{run.total}" value="{run.made}"></progress>'
    for told in (words.run_eta(run, now), run.runner):
        if told:
            yield f"<p>{escape(told)}</p>"
    yield f'<p class="quiet">as of {datetime.fromtimestamp(now).strftime("%a %d %b %Y %H:%M:%S")}</p>'
    failures = (f"{failure.rule}: {failure.output}: {failure.error}" for failure in run.failures)
    yield from _list("failed", failures, "bad")
    work = (f"{w.rule}: {w.output}, since {words.duration(max(0.0, now - w.since))}; {w.state}" for w in run.work)
    yield from _list("at work", work)
    busy = any(not stage.made for stage in run.stages)
    for stage in run.stages:
        shown = _stage(stage, now)
        yield from _folded(stage, shown) if busy and stage.made else shown
    yield from _list("notes", run.notes)


def _list(title: str, lines: Iterator[str] | list[str], look: str = "") -> Iterator[str]:
    items = [f"<li>{escape(line)}</li>" for line in lines]
    if items:
        yield f'<h2 class="{look}">{title}</h2><ul>{"".join(items)}</ul>'


def _folded(stage: StageProgress, told: Iterator[str]) -> Iterator[str]:
    """A finished stage, for whom it interests while another is at work."""
    yield f"<details><summary>{escape(stage.name)}: done</summary>"
    yield from told
    yield "</details>"


def _stage(stage: StageProgress, now: float) -> Iterator[str]:
    yield f"<h2>{escape(stage.name)}</h2><p>{escape(words.stage_line(stage, now))}</p>"
    if stage.total:
        yield f'<progress max="{stage.total}" value="{stage.done}"></progress>'
    shares = words.shares(stage)
    for told in (words.last_sign(stage, now), f"of a step: {shares}" if shares else "", *words.interruptions(stage)):
        if told:
            yield f'<p class="quiet">{escape(told)}</p>'
    yield '<div class="curves">'
    for name, title, form in words.FIGURES:
        if stage.curve(name):
            told = escape(words.value(stage, name, form))
            caption = f"<figcaption>{escape(title)} <b>{told}</b></figcaption>"
            yield f"<figure>{caption}{svg(stage.curve(name), title, form)}</figure>"
    yield "</div>"


def svg(curve: Curve, title: str, form: str) -> str:
    """A curve with its range in words; a single point is a dot."""
    steps, values = [step for step, _ in curve], [value for _, value in curve]
    low, high = min(values), max(values)
    across = (WIDTH - 2 * EDGE) / max(steps[-1] - steps[0], 1)
    up = (HEIGHT - 2 * EDGE) / (high - low) if high > low else 0.0
    middle = 0.0 if up else (HEIGHT - 2 * EDGE) / 2
    points = [(EDGE + (step - steps[0]) * across, HEIGHT - EDGE - middle - (value - low) * up) for step, value in curve]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    span = f"{form.format(low)} to {form.format(high)}, steps {steps[0]} to {steps[-1]}"
    x, y = points[-1]
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{escape(title)}: {escape(span)}">'
        f'<polyline points="{line}"/><circle cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
        f'<span class="quiet">{escape(span)}</span>'
    )
