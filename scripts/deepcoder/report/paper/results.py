"""Scores as the paper prints them: the main table, scores by context, and what was published."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from deepcoder.report.address import Subject
from deepcoder.report.csv_files import RUN
from deepcoder.report.paper.values import MISSING, Library, Table, Text, Values, percent, words
from deepcoder.report.published import Published

RATING = "codeforces_rating"
HEADLINE = "DeepCoder-14B-Preview", "livecodebench"  # row of published/main.csv for which the paper is cited
NOT_PUBLISHED = "none was published for this model"
BASE = "base"  # stage of a model that was not trained here

Row = Mapping[str, str]


def main_table(library: Library) -> Table:
    """Every benchmark and model at the longest context, run or not, with the published score beside."""
    rows = library.tables.get("benchmarks", ())
    columns = ["Benchmark", "Model", "Score ± s.e.", _interval(library), "Problems × samples", "Published", "Inside"]
    lines = []
    for name in dict.fromkeys(row["benchmark"] for row in rows):
        own = [row for row in rows if row["benchmark"] == name]
        if any(row["status"] == RUN for row in own):
            lines += [_line(row, library, first=row is own[0]) for row in own]
        else:
            published = _announced(name, library)
            lines.append([Text(own[0]["title"]), Text("every model"), MISSING, Text(""), Text(""), published, Text("")])
    context = rows[0]["context"] if rows else ""
    return Table(f"Main results, responses of at most {context}", columns, lines, library.of("benchmarks"), names=2)


def contexts_table(library: Library) -> Table:
    """Models by contexts, for each benchmark that was run, with published scores where there are any."""
    rows = library.tables.get("contexts", ())
    tokens = {row["context"]: row["context_tokens"] for row in rows if row["context_tokens"]}
    contexts = list(dict.fromkeys(row["context"] for row in rows))
    beside = [name for name in contexts if any(_is_of_context(row, library) for row in rows if row["context"] == name)]
    columns = ["Benchmark", "Model"]
    for name in contexts:
        columns += [f"{name} ({tokens[name]} tokens)" if name in tokens else name]
        columns += ["published"] if name in beside else []
    lines = []
    titles = {row["benchmark"]: row["title"] for row in rows}
    pairs = [(name, subject) for name in titles for subject in dict.fromkeys(row["subject"] for row in rows)]
    for benchmark, subject in pairs:
        own = {row["context"]: row for row in rows if (row["benchmark"], row["subject"]) == (benchmark, subject)}
        line = [Text(titles.pop(benchmark, "")), Text(subject)]
        for name in contexts:
            line += [score(own.get(name), "contexts", library)]
            line += [_published(own[name], library)] if name in beside else []
        lines.append(line)
    return Table("Scores by context length", columns, lines, library.of("contexts"), names=2)


def published_table(library: Library) -> Table:
    """The main table as it was published, models by benchmarks."""
    rows = library.published.get("main", ())
    titles = {row["benchmark"]: row["title"] for row in library.tables.get("benchmarks", ())}
    metrics = list(dict.fromkeys((row["benchmark"], row["metric"]) for row in rows))
    found = {(row["model"], row["benchmark"], row["metric"]): row for row in rows}
    columns = ["Model", *(_heading(benchmark, metric, titles) for benchmark, metric in metrics), "Source"]
    lines = []
    for model in dict.fromkeys(row["model"] for row in rows):
        cells = [found.get((model, *metric)) for metric in metrics]
        sources = dict.fromkeys(cell["source"] for cell in cells if cell)
        texts = [Text(cell["value"], published=True) if cell else Text("") for cell in cells]
        lines.append([Text(model), *texts, Text(" ".join(f"[{source}]" for source in sources))])
    return Table("Scores as published", columns, lines, library.of("published/main"))


def score(row: Row | None, table: str, library: Library) -> Text:
    """A row's value with its standard error; a rating has none."""
    if row is None or row["status"] != RUN:
        return MISSING
    if row["metric"] == RATING:
        return Text(f"{float(row['value']):.0f}", library.of_row(table, row))
    error = f" ± {percent(row['standard_error'])}" if row["standard_error"] else ""
    return Text(f"{percent(row['value'])}{error}", library.of_row(table, row))


def result_texts(library: Library) -> Values:
    """What the abstract says: the last stage on the first benchmark that was run, and the published score."""
    rows = [row for row in library.tables.get("benchmarks", ()) if row["status"] == RUN]
    row = next((row for row in reversed(rows) if row["benchmark"] == rows[0]["benchmark"]), None)
    base = next((other for other in rows if other["stage"] == BASE), None)
    texts = {
        "headline.score": score(row, "benchmarks", library),
        "headline.base": score(base, "benchmarks", library),
        "headline.inside": MISSING,
    }
    texts |= dict.fromkeys(("headline.subject", "headline.benchmark", "headline.interval", "headline.size"), MISSING)
    if row is not None:
        address = library.of_row("benchmarks", row)
        texts |= {
            "headline.subject": Text(row["subject"]),
            "headline.benchmark": Text(row["title"]),
            "headline.interval": Text(_bounds(row), address),
            "headline.size": Text(_size(row), address),
            "headline.inside": Text(row["published_inside_interval"] or NOT_PUBLISHED),
        }
    return texts | _published_texts(library)


def _published_texts(library: Library) -> dict[str, Text]:
    titles = {row["benchmark"]: row["title"] for row in library.tables.get("benchmarks", ())}
    model, benchmark = HEADLINE
    name = titles.get(benchmark, benchmark)
    announced = _announced(benchmark, library)
    return {
        "published.model": Text(model),
        "published.benchmark": Text(name),
        "published.score": announced if announced.text else MISSING,
    }


def _announced(benchmark: str, library: Library) -> Text:
    """The first published figure of the announced model on a benchmark."""
    rows = library.published.get("main", ())
    row = next((row for row in rows if (row["model"], row["benchmark"]) == (HEADLINE[0], benchmark)), None)
    if row is None:
        return Text("")
    return Text(f"{row['value']} [{row['source']}]", library.of("published/main"), published=True)


def sources_table(library: Library, used: Collection[str]) -> Table:
    """Where the published numbers stand, of the sources whose keys are `used`."""
    rows = library.published.get("sources", ())
    lines = [[Text(f"[{row['key']}]"), Text(row["where"])] for row in rows if row["key"] in used]
    return Table("Sources of published numbers", ["Key", "Where"], lines, library.of("published/sources"), names=2)


def _line(row: Row, library: Library, *, first: bool) -> list[Text]:
    title = Text(row["title"] if first else "")
    if row["status"] != RUN:
        return [title, Text(row["subject"]), MISSING, *[Text("")] * 4]
    inside = Text(row["published_inside_interval"])
    value = score(row, "benchmarks", library)
    return [title, Text(row["subject"]), value, Text(_bounds(row)), Text(_size(row)), _figure(row, library), inside]


def _published(row: Row, library: Library) -> Text:
    """The score that was published for this context, and whether it lies in our interval."""
    if not _is_of_context(row, library):
        return Text("")
    figure = _figure(row, library)
    return replace(figure, note=f"inside: {row['published_inside_interval']}")


def _figure(row: Row, library: Library) -> Text:
    if not row["published"]:
        return Text("")
    value = f"{float(row['published']):.0f}" if row["metric"] == RATING else percent(row["published"])
    table = "contexts" if _is_of_context(row, library) else "main"
    return Text(f"{value} [{row['published_source']}]", library.of(f"published/{table}"), published=True)


def _is_of_context(row: Row, library: Library) -> bool:
    """Whether the published figure beside a row is one by context; else it is of the main table."""
    tables = {name: [dict(line) for line in lines] for name, lines in library.published.items()}
    published = Published(tables, library.config["scale"])
    subject = Subject(row["model"], row["recipe"], row["stage"])
    return published.context(subject, row["benchmark"], row["context"]) is not None


def _bounds(row: Row) -> str:
    shown = (lambda value: f"{float(value):.0f}") if row["metric"] == RATING else percent
    return f"{shown(row['interval_low'])} to {shown(row['interval_high'])}"


def _size(row: Row) -> str:
    return f"{int(row['problems']):,} × {row['samples_per_problem']}"


def _interval(library: Library) -> str:
    return f"{100 * library.config['evaluation.confidence']:.0f}% interval"


def _heading(benchmark: str, metric: str, titles: Mapping[str, str]) -> str:
    prefix, _, rest = metric.partition("_")
    return f"{titles.get(benchmark, benchmark)}{f', {words(rest)}' if prefix == benchmark else ''}"
