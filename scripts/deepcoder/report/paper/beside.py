"""What stands beside the scores, in the paper and on the page: models and judges compared, systems, and cost."""

from __future__ import annotations

from collections.abc import Mapping

from deepcoder.report.address import BASE, Subject, parse_subject
from deepcoder.report.comparisons import RATING
from deepcoder.report.cost import TOTAL
from deepcoder.report.csv_files import RUN
from deepcoder.report.grader import REFERENCES
from deepcoder.report.paper.values import MISSING, Library, Table, Text, percent, words
from deepcoder.report.systems import PARTS, PUBLISHED

Row = Mapping[str, str]


def comparisons_table(library: Library) -> Table:
    """First and last stage against the base and against each other, at the longest context of each benchmark."""
    rows, chosen = library.tables.get("comparisons", ()), _ends(library)
    longest = {row["benchmark"]: max(_tokens(r) for r in rows if r["benchmark"] == row["benchmark"]) for row in rows}
    columns = ["Benchmark", "Model", "against", "Scores", "Difference ± s.e.", "Interval", "p", "Units"]
    lines = []
    titles = {row["benchmark"]: row["title"] or row["benchmark"] for row in rows}
    for row in rows:
        if _tokens(row) != longest[row["benchmark"]] or not {row["subject"], row["other"]} <= chosen:
            continue
        shown = _rating if row["metric"] == RATING else percent
        address = library.of_row("comparisons", row)
        error = f" ± {shown(row['difference_error'])}" if row["difference_error"] else ""
        low, high = row["difference_low"], row["difference_high"]
        lines.append(
            [
                Text(titles.pop(row["benchmark"], "")),
                Text(row["subject"]),
                Text(row["other"]),
                Text(f"{shown(row['value'])}, {shown(row['other_value'])}", address),
                Text(f"{shown(row['difference'])}{error}"),
                Text(f"{shown(low)} to {shown(high)}" if low and high else ""),
                Text(row["p_value"]),
                Text(f"{row['units']} {row['unit']}s"),
            ]
        )
    return Table("Models compared on the same problems", columns, lines, library.of("comparisons"), names=3)


def grader_table(library: Library) -> Table:
    """Models and benchmarks by judge; the benchmark's own comes first, the others tell their difference from it."""
    rows = library.tables.get("grader", ())
    columns = ["Judged", "Model", "Judge", "Accepted, %", "Difference", "only here right", "only here wrong", "of"]
    lines = []
    seen: set[str] = set()
    for row in rows:
        title = Text("" if row["title"] in seen else row["title"])
        subject = Text("" if (key := row["title"] + row["subject"]) in seen else row["subject"])
        seen |= {row["title"], key}
        if row["status"] != RUN:
            lines.append([title, Text("every model"), MISSING, *[Text("")] * 5])
            continue
        error = f" ± {percent(row['standard_error'])}" if row["standard_error"] else ""
        own = library.of("grader") if row["kind"] == REFERENCES else library.of_row("grader", row)
        value = Text(f"{percent(row['value'])}{error}", own) if row["value"] else MISSING
        difference = Text(f"{100 * float(row['difference']):+.1f}" if row["difference"] else "")
        counts = [Text(row[name]) for name in ("only_here_correct", "only_here_wrong", "samples")]
        lines.append([title, subject, Text(words(row["judge"])), value, difference, *counts])
    return Table("The same responses and references by several judges", columns, lines, library.of("grader"), names=3)


def systems_table(library: Library) -> Table:
    """Stages and published systems: seconds of a step by its parts, and what of it ran side by side."""
    columns = ["Stage or workload", "Schedule or system", "Sampling", "Training", "Reward", "Weights", "Validation"]
    columns += ["Step", "Parts / step", "Sampler idle, %", "Trainer idle, %", "Speed-up"]
    lines = []
    for row in library.tables.get("systems", ()):
        published = row["kind"] == PUBLISHED
        label = f"{row['subject']}, {row['setting']} [{row['source']}]" if published else row["subject"]
        if not row["total_s"]:
            lines.append([Text(label), Text(row["status"]), *[Text("")] * (len(columns) - 2)])
            continue
        address = library.of("published/systems") if published else library.of("systems")
        shown = [_seconds(row[name], published) for name in (*PARTS, "total_s")]
        shown += [f"{float(row['over_total']):.2f}"]
        shown += [percent(row[name]) if row[name] else "" for name in ("sampler_idle", "trainer_idle")] + [
            row["speed_up"]
        ]
        cells = [Text(text, address if text else "", published=published and bool(text)) for text in shown]
        lines.append([Text(label), Text(words(row["system"])), *cells])
    return Table("Seconds of a training step, by its parts", columns, lines, library.of("systems"), names=2)


def cost_table(library: Library) -> Table:
    """Rules and models: jobs, hours, memory; what was planned of a stage; their sum, and the published cost."""
    columns = ["Rule", "Model", "Jobs", "Hours", "CPU hours", "GPU-hours", "Memory, GB", "planned hours", "GPU-hours"]
    lines = []
    for row in library.tables.get("cost", ()):
        published = row["kind"] == PUBLISHED
        label = f"published, {row['rule']} [{row['source']}]" if published else words(row["rule"])
        subject = row["hosts"] if published else "all" if row["kind"] == TOTAL else row["subject"]
        address = library.of("published/training") if published else library.of("cost")
        shown = [row["jobs"], *(_hours(row[name]) for name in ("wall_h", "cpu_h", "gpu_h"))]
        shown += [f"{float(row['peak_gb']):.1f}" if row["peak_gb"] else ""]
        shown += [_hours(row[name]) for name in ("planned_wall_h", "planned_gpu_h")]
        cells = [Text(text, address if text else "", published=published and bool(text)) for text in shown]
        lines.append([Text(label), Text(subject), *cells])
    return Table("What the run took", columns, lines, library.of("cost"), names=2)


TABLES = {
    "comparisons": comparisons_table,
    "grader": grader_table,
    "systems": systems_table,
    "cost": cost_table,
}


def _ends(library: Library) -> set[str]:
    """The base, and the first and the last stage that were trained from it."""
    stages = [parse_subject(path.parent) for path in library.stages]
    labels = {subject.label for subject in (stages[0], stages[-1])} if stages else set()
    return labels | {Subject(subject.model, "", BASE).label for subject in stages}


def _tokens(row: Row) -> int:
    return int(row["context_tokens"])


def _rating(value: str) -> str:
    return f"{float(value):.0f}"


def _seconds(value: str, published: bool) -> str:
    if not value:
        return ""
    return f"{float(value):g}" if published else f"{float(value):.2f}"


def _hours(value: str) -> str:
    if not value:
        return ""
    hours = float(value)
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.3f}" if hours else "0"
