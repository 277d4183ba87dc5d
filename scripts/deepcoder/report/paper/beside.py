"""What stands beside the scores, in the paper and on the page: models and judges compared, systems, and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

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
    """A line for each model and benchmark: by the benchmark's own judge, and by others with what they turn round."""
    rows = library.tables.get("grader", ())
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["title"], row["subject"]), []).append(row)
    others = list(dict.fromkeys(_judge(row) for own in groups.values() for row in own[1:]))
    columns = ["Judged", "Model", "By", "Accepted, %", "of", *(f"{words(name)}: +, −" for name in others)]
    lines, seen = [], set[str]()
    for (title, subject), (first, *rest) in groups.items():
        heading = Text("" if title in seen else title)
        seen.add(title)
        if first["status"] != RUN:
            lines.append([heading, Text("every model"), Text(""), MISSING, *[Text("")] * (1 + len(others))])
            continue
        own = library.of("grader") if first["kind"] == REFERENCES else library.of_row("grader", first)
        error = f" ± {percent(first['standard_error'])}" if first["standard_error"] else ""
        value = Text(f"{percent(first['value'])}{error}", own) if first["value"] else MISSING
        turned = {
            _judge(row): Text(f"{percent(row['value'])}: +{row['only_here_correct']}, −{row['only_here_wrong']}")
            for row in rest
            if row["value"]
        }
        cells = [turned.get(name, Text("")) for name in others]
        lines.append([heading, Text(subject), Text(words(first["judge"])), value, Text(first["samples"]), *cells])
    return Table("The same responses and references by several judges", columns, lines, library.of("grader"), names=3)


def systems_table(library: Library) -> Table:
    """Stages and published systems: seconds of a step by its parts, and what of it ran side by side."""
    columns = ["Stage or workload", "Schedule or system", "Sampling", "Training", "Reward", "Weights", "Validation"]
    columns += ["Step", "Parts / step", "Sampler idle", "Trainer idle", "Speed-up"]
    lines, seen = [], set[str]()
    for row in library.tables.get("systems", ()):
        published, head = row["kind"] == PUBLISHED, Text(row["subject"])
        if published:
            # A workload with its setting, source and address stands once.
            told = f"{row['subject']}, {row['setting']} [{row['source']}]"
            head = Text("") if told in seen else Text(told, library.of("published/systems"), published=True)
            seen.add(told)
        if not row["total_s"]:
            lines.append([head, Text(row["status"]), *[Text("")] * (len(columns) - 2)])
            continue
        shown = [_seconds(row[name], published) for name in (*PARTS, "total_s")]
        shown += [f"{float(row['over_total']):.2f}"]
        shown += [f"{percent(row[name])}%" if row[name] else "" for name in ("sampler_idle", "trainer_idle")]
        cells = [Text(text, published=published and bool(text)) for text in [*shown, row["speed_up"]]]
        lines.append([head, Text(words(row["system"])), *cells])
    return Table("Seconds of a training step, by its parts", columns, lines, library.of("systems"), names=2)


def cost_table(library: Library) -> Table:
    """Rules and models: jobs, hours, memory; what was planned of a stage; their sum, and the published cost."""
    columns = ["Rule", "Model", "Jobs", "Hours", "CPU hours", "GPU-hours", "Memory, GB", "Planned hours"]
    columns += ["Planned GPU-hours"]
    lines = []
    for row in library.tables.get("cost", ()):
        published = row["kind"] == PUBLISHED
        head = Text(words(row["rule"]))
        if published:
            told = f"published, {row['rule']} [{row['source']}]"
            head = Text(told, library.of("published/training"), published=True)
        subject = Text(row["hosts"] if published else "all" if row["kind"] == TOTAL else row["subject"])
        subject = replace(subject, published=published)
        shown = [row["jobs"], *(_hours(row[name]) for name in ("wall_h", "cpu_h", "gpu_h"))]
        shown += [f"{float(row['peak_gb']):.2f}" if row["peak_gb"] else ""]
        shown += [_hours(row[name]) for name in ("planned_wall_h", "planned_gpu_h")]
        lines.append([head, subject, *(Text(text, published=published and bool(text)) for text in shown)])
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


def _judge(row: Row) -> str:
    """Column of a judge: the rules of a curation are named as the comparator that they use."""
    return row["judge"].removeprefix("rules ")


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
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.2f}" if hours >= 1 else f"{hours:.4f}" if hours else "0"
