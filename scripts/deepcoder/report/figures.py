"""The figures: each a pure function from table rows to a matplotlib figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deepcoder.report.csv_files import NOT_RUN, RUN, number
from deepcoder.report.style import BLACK, BLUE, COLOURS, GREY, ORANGE, SETTINGS, VERMILION, empty

Rows = Sequence[Mapping[str, str]]
Tables = Mapping[str, Rows]
PUBLISHED = "published"
MANY_POINTS = 40
# Parts of a step in systems.csv.
PARTS = {
    "sampler_s": ("sampling", COLOURS[0]), "trainer_s": ("training", COLOURS[3]), "reward_s": ("reward", COLOURS[2]),
    "weights_s": ("weight update", COLOURS[4]), "validation_s": ("validation", COLOURS[5]),
}  # fmt: skip


def reward(tables: Tables) -> Figure:
    """Mean training reward by step, with the shares of solved groups below."""
    figure, (above, below) = _panels(2, 1, (6.4, 4.8), sharex=True)
    _curve(above, tables["curves"], {"reward_mean": ("mean reward", BLUE)})
    _ends(above, tables, "reward_start", "reward_end")
    above.set(title="Training reward", ylabel="mean reward", ylim=(0, 1.05))
    shares = {
        "solve_all": ("all", COLOURS[2]),
        "solve_partial": ("some", COLOURS[3]),
        "solve_none": ("none", COLOURS[1]),
    }
    _curve(below, tables["curves"], shares)
    below.set(title="Samples that pass, by prompt", ylabel="share of prompts", xlabel="step", ylim=(-0.02, 1.05))
    if below.get_legend_handles_labels()[0]:
        below.legend(loc="lower right", bbox_to_anchor=(1.01, 0.98), ncols=3)
    return figure


def response_length(tables: Tables) -> Figure:
    """Mean response length and the share that was cut, by step."""
    figure, (above, below) = _panels(2, 1, (6.4, 4.8), sharex=True)
    _curve(above, tables["curves"], {"response_length_mean": ("mean tokens", BLUE)})
    _ends(above, tables, "response_length_start", "response_length_end")
    above.set(title="Response length", ylabel="tokens")
    _from_zero(above)
    _curve(below, tables["curves"], {"clipped_share": ("truncated", VERMILION)})
    below.set(title="Responses cut at the length limit", ylabel="share", xlabel="step")
    _from_zero(below)
    return figure


def validation(tables: Tables) -> Figure:
    """Our validation pass rate by step, and the published curve in a panel of its own."""
    figure, (ours, theirs) = _panels(1, 2, (8.4, 3.0))
    _curve(ours, tables["curves"], {"validation_pass_rate": ("validation", BLUE)}, marker="o")
    ours.set(title="This run: validation problems", ylabel="pass rate", xlabel="step")
    rows = tables.get("validation_curve", ())
    if rows:
        steps, rates = [float(r["step"]) for r in rows], [float(r["pass_rate"]) for r in rows]
        theirs.errorbar(
            steps, rates, [float(r["reading_error"]) for r in rows], color=GREY, marker="o", ms=3, lw=1, capsize=0
        )
        switch = max(float(r["step"]) for r in rows if r["stage"] == rows[0]["stage"])
        theirs.axvline(switch, color=BLACK, lw=0.8, ls=":")
        theirs.text(switch, theirs.get_ylim()[1], " 32K", va="top", fontsize=8)
        theirs.set(title="Published: 14B on LiveCodeBench", ylabel="pass rate", xlabel="step")
        theirs.text(0.98, 0.03, "read off the figure", ha="right", color=GREY, fontsize=7, transform=theirs.transAxes)
    else:
        empty(theirs, "no published curve given")
    return figure


def contexts(tables: Tables) -> Figure:
    """Score by context length with intervals, a panel for each benchmark, and the published one apart."""
    rows = [row for row in tables["contexts"] if row["status"] == RUN and row["metric"] != "codeforces_rating"]
    names = list(dict.fromkeys(row["benchmark"] for row in rows))
    published = [row for row in tables.get("published_contexts", ()) if row["unit"] == "percent"]
    panels = max(1, len(names)) + bool(published)
    figure, axes = _panels(1, panels, (1.2 + 3.1 * panels, 3.3))
    if not names:
        empty(axes[0], NOT_RUN)
    for panel, name in zip(axes, names, strict=False):
        own = [row for row in rows if row["benchmark"] == name]
        _bars(panel, own, "subject")
        panel.set(title=own[0]["title"], ylabel="pass@1" if panel is axes[0] else "", ylim=(0, None))
        _legend(panel)
    if published:
        _bars(axes[-1], [{**row, "value": str(float(row["value"]) / 100)} for row in published], "model", hatch="//")
        axes[-1].set(title="Published: LiveCodeBench v5", ylim=(0, None))
        _legend(axes[-1])
    return figure


def funnel(tables: Tables) -> Figure:
    """Problems left after each rule, a panel for each source."""
    rows = [row for row in tables["funnel"] if number(row["rows_out"]) is not None]
    sources = list(dict.fromkeys(row["source"] for row in rows))
    longest = max((sum(row["source"] == name for row in rows) for name in sources), default=3)
    figure, axes = _panels(1, max(1, len(sources)), (1.6 + 3.1 * max(1, len(sources)), 1.0 + 0.27 * longest))
    if not sources:
        empty(axes[0], NOT_RUN)
    for panel, name in zip(axes, sources, strict=False):
        own = [row for row in rows if row["source"] == name]
        left = [float(row["rows_out"]) for row in own]
        lost = [float(row["removed"] or 0) for row in own]
        places = range(len(own))
        panel.barh(places, left, color=BLUE, label="kept")
        panel.barh(places, lost, left=left, color=ORANGE, hatch="///", edgecolor="white", lw=0, label="removed")
        for place, (kept, gone) in enumerate(zip(left, lost, strict=True)):
            text = f" {kept:,.0f}" + (f" (-{gone:,.0f})" if gone else "")
            panel.text(kept + gone, place, text, va="center", fontsize=7.5)
        panel.set_yticks(places, [row["rule"].replace("_", " ") for row in own])
        panel.invert_yaxis()
        panel.margins(x=0.28)
        panel.grid(visible=False)
        panel.set(title=name.replace("_", " "), xlabel="problems")
        panel.locator_params(axis="x", nbins=4)
    if sources:
        # Right below the axis and its label, however high the panel is.
        axes[0].legend(loc="upper left", bbox_to_anchor=(0, 0), borderaxespad=4.5, ncols=2)
    return figure


def systems(tables: Tables) -> Figure:
    """Seconds of a step by its parts, one upon the other, beside what the step took; published ones in own panels."""
    rows = [row for row in tables["systems"] if number(row["total_s"]) is not None]
    groups: dict[str, Rows] = {"This run": [row for row in rows if row["kind"] != PUBLISHED]}
    for row in rows:
        if row["kind"] == PUBLISHED:
            groups[f"Published: {row['subject']}"] = [*groups.get(f"Published: {row['subject']}", ()), row]
    figure, axes = _panels(1, len(groups), (1.6 + 3.1 * len(groups), 2.6))
    for panel, (title, own) in zip(axes, groups.items(), strict=True):
        hatch = None if title == "This run" else "//"
        panel.set(title=title, xlabel="seconds per step")
        if not own:
            empty(panel, NOT_RUN)
            continue
        lengths = [0.0] * len(own)
        for part, (label, colour) in PARTS.items():
            seconds = [number(row[part]) or 0.0 for row in own]
            look = {"color": "white", "edgecolor": colour, "hatch": hatch} if hatch else {"color": colour}
            panel.barh(range(len(own)), seconds, 0.6, left=lengths, label=label, **look)  # type: ignore[arg-type]
            lengths = [length + more for length, more in zip(lengths, seconds, strict=True)]
        totals = [float(row["total_s"]) for row in own]
        panel.scatter(totals, range(len(own)), marker="D", s=22, color=BLACK, zorder=3, label="the step itself")
        names = [row["system"] if hatch else f"{row['subject']}, {row['system']}" for row in own]
        panel.set_yticks(range(len(own)), [name.replace(" with ", "\nwith ").replace(", ", "\n") for name in names])
        panel.set_ylim(len(own) - 0.4, -0.6)
        panel.grid(visible=True, axis="x")
        panel.grid(visible=False, axis="y")
    shown = next((panel for panel in axes if panel.get_legend_handles_labels()[0]), None)
    if shown is not None:
        figure.legend(*shown.get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=6)
    return figure


FIGURES: dict[str, Callable[[Tables], Figure]] = {
    "reward": reward,
    "response_length": response_length,
    "validation": validation,
    "contexts": contexts,
    "funnel": funnel,
    "systems": systems,
}


def draw(name: str, tables: Tables) -> Figure:
    """A figure by its name, in the common style."""
    with matplotlib.rc_context(SETTINGS):
        return FIGURES[name](tables)


def _panels(rows: int, columns: int, size: tuple[float, float], sharex: bool = False) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=sharex)
    return figure, list(axes.flat)


def _curve(axes: Axes, rows: Rows, metrics: Mapping[str, tuple[str, str]], marker: str | None = None) -> None:
    """Lines by total step, with a dotted line where a stage begins."""
    drawn = False
    for name, (label, colour) in metrics.items():
        points = [(float(row["total_step"]), float(row[name])) for row in rows if row.get(name)]
        if points:
            dots = marker or ("." if len(points) <= MANY_POINTS else None)
            axes.plot(*zip(*points, strict=True), color=colour, label=label, marker=dots, lw=1.4)
            drawn = True
    if not drawn:
        empty(axes, f"{' and '.join(label for label, _ in metrics.values())}: {NOT_RUN}")
        return
    starts: dict[str, float] = {}
    for row in rows:
        starts.setdefault(row["stage"], float(row["total_step"]))
    for position, (stage, step) in enumerate(starts.items()):
        if position:
            axes.axvline(step - 0.5, color=BLACK, lw=0.8, ls=":")
        place = {
            "fontsize": 8,
            "color": GREY,
            "va": "top",
            "transform": axes.get_xaxis_transform(),
            "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        }
        axes.text(step - 0.3, 0.98, stage, **place)  # type: ignore[arg-type]
    axes.set_xlim(0.5, max(float(row["total_step"]) for row in rows) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _ends(axes: Axes, tables: Tables, start: str, end: str) -> None:
    """Note the published start and end under the title, in words: they belong to another model and scale."""
    values = {row["quantity"]: row for row in tables.get("training", ())}
    if start in values and end in values:
        text = f"published (14B): {float(values[start]['value']):g} to {float(values[end]['value']):g}"
        axes.text(0.99, 0.03, text, ha="right", va="bottom", fontsize=7.5, color=GREY, transform=axes.transAxes)


def _bars(axes: Axes, rows: Rows, by: str, hatch: str | None = None) -> None:
    series = list(dict.fromkeys(row[by] for row in rows))
    ticks = list(dict.fromkeys(row["context"] for row in rows))
    width = 0.8 / max(1, len(series))
    for place, name in enumerate(series):
        own = {row["context"]: row for row in rows if row[by] == name}
        at = [index + (place - (len(series) - 1) / 2) * width for index, tick in enumerate(ticks) if tick in own]
        chosen = [own[tick] for tick in ticks if tick in own]
        heights = [float(row["value"]) for row in chosen]
        errors = None
        if all(row.get("interval_low") for row in chosen):
            errors = [
                [max(0.0, float(row["value"]) - float(row["interval_low"])) for row in chosen],
                [max(0.0, float(row["interval_high"]) - float(row["value"])) for row in chosen],
            ]
        style = {"color": "white", "edgecolor": COLOURS[place], "hatch": hatch} if hatch else {"color": COLOURS[place]}
        axes.bar(at, heights, width * 0.94, yerr=errors, label=name, ecolor=BLACK, capsize=2, **style)  # type: ignore[arg-type]
    axes.set_xticks(range(len(ticks)), ticks)


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(-0.05, -0.1), ncols=1)


def _from_zero(axes: Axes) -> None:
    """Room above the highest value for the names of the stages, and the axis from zero."""
    axes.set_ylim(0, max(axes.get_ylim()[1], 1e-9) * 1.12)
