"""The way of a number to its data as a picture, drawn from what the page is made from and from nothing else.

A station is solid where a content hash leads to it from a file that this page was made from, and dashed where its hash
is in records alone: these hold code, hosts and times that may change without the page, which audit.py reads instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepcoder.files import read_json, sha256_file
from deepcoder.manifest import read_manifest
from deepcoder.report.address import BASE, Address, Subject, parse_scores_path, parse_subject, relative, samples_path
from deepcoder.report.csv_files import RUN
from deepcoder.report.page import Evidence, Rows, of_pointer, score_cell

SHORT = 12  # characters of a hash
DETAIL = 46  # characters that fit below the name of a station
TOTAL = "all"  # rows of a funnel over all sources


@dataclass(frozen=True)
class Stop:
    """A station: name, what it says, the file it links to, and its content hash where the page's own inputs hold it."""

    name: str
    detail: str
    link: str | None
    sha256: str = ""

    @property
    def short(self) -> str:
        """What is drawn of the hash."""
        return self.sha256[:SHORT] or "see its record"


@dataclass(frozen=True)
class Picture:
    """The stops of a number, and the words by which audit.py finds it; `evidence` is the id of its score file's."""

    id: str
    evidence: str | None
    title: str
    table: str
    cell: str
    stops: Sequence[Stop]


@dataclass(frozen=True)
class Sources:
    """What the page is made from, as far as pictures need it; stages are in their order of training."""

    page: Path
    table: Path
    stages: Sequence[Path]
    curation: Path | None
    funnel: Rows


def pictures(rows: Rows, evidence: Mapping[str, Evidence], sources: Sources) -> list[Picture]:
    """One for each number of benchmarks.csv, the headline first: the last stage on the first benchmark."""
    ran = [row for row in rows if row["status"] == RUN]
    first = ran[0]["benchmark"] if ran else ""
    headline = next((row for row in reversed(ran) if row["benchmark"] == first), None)
    ordered = [row for row in ran if row is headline] + [row for row in ran if row is not headline]
    return [_picture(f"trail{number}", row, evidence, sources) for number, row in enumerate(ordered, start=1)]


def _picture(name: str, row: Mapping[str, str], evidence: Mapping[str, Evidence], sources: Sources) -> Picture:
    table, page = sources.table, sources.page.parent
    scores = table.parent / row["pointer"].partition("#")[0]
    address, text = parse_scores_path(scores), score_cell(row, evidence, table).text
    identity = read_json(scores)["identity"]
    verdicts: str = identity["verdicts_sha256"]
    subject = scores.parents[3]
    stops = [
        Stop("number", f"{text}, {table.name}", relative(table, page), sha256_file(table)),
        Stop("score", f"scores.json#{row['pointer'].partition('#')[2]}", relative(scores, page), sha256_file(scores)),
        Stop("verdicts", "verdicts.parquet", relative(scores.parent / "verdicts.parquet", page), verdicts),
        _dashed("samples", f"{row['samples']} responses", samples_path(scores, identity), page),
    ]
    stops += _training(address.subject, subject, sources)
    title = f"{address.subject.label}, {row['title']}: {text}"
    return Picture(name, of_pointer(row["pointer"], evidence, table), title, str(table), _words(address), stops)


def _training(subject: Subject, folder: Path, sources: Sources) -> list[Stop]:
    """From the weights to the raw data; a model that was not trained here ends with its weights."""
    page = sources.page.parent
    if subject.stage == BASE:
        return [_dashed("model", "not trained in this run", folder / "manifest.json", page)]
    stops = [_dashed("model", f"after stage {subject.stage}", folder / "model" / "manifest.json", page)]
    trained = _stages_until(subject, sources.stages)
    if not trained:
        return stops
    for path in reversed(trained):
        manifest = read_manifest(path)
        detail = f"step {manifest.facts.get('chosen_step', manifest.facts.get('steps', '?'))}"
        stops.append(Stop(f"stage {path.parent.name}", detail, relative(path, page), sha256_file(path)))
    base = folder.parents[2] / "models" / BASE / subject.model / "manifest.json"
    stops.append(_dashed("base model", subject.model, base, page))
    return stops + (_data(sources.curation, sources) if sources.curation else [])


def _data(curation: Path, sources: Sources) -> list[Stop]:
    page, manifest = sources.page.parent, read_manifest(curation)
    counts = [f"{manifest.facts[name]:,} {name}" for name in ("train", "validation") if name in manifest.facts]
    stops = [Stop("training set", ", ".join(counts), relative(curation, page), sha256_file(curation))]
    rows = [row for row in sources.funnel if row["source"] == TOTAL]
    if rows and "funnel.csv" in manifest.files:
        detail = f"{int(rows[0]['rows_in']):,} in, {int(rows[-1]['rows_out']):,} kept"
        stops.append(
            Stop(
                "funnel",
                detail,
                relative(curation.parent / "funnel.csv", page),
                str(manifest.files["funnel.csv"]["sha256"]),
            )
        )
    names = dict.fromkeys(row["source"] for row in sources.funnel if row["source"] != TOTAL)
    return stops + [_raw(name, curation.parents[1] / "raw" / name, page) for name in names]


def _raw(source: str, folder: Path, page: Path) -> Stop:
    """The raw data of a source, where one revision of it lies there."""
    found = sorted(folder.glob("*/manifest.json"))
    return _dashed("raw data", source, found[0] if len(found) == 1 else folder / "manifest.json", page)


def _stages_until(subject: Subject, stages: Sequence[Path]) -> list[Path]:
    own = [path for path in stages if parse_subject(path.parent).recipe == subject.recipe]
    names = [path.parent.name for path in own]
    return own[: names.index(subject.stage) + 1] if subject.stage in names else []


def _dashed(name: str, detail: str, path: Path, page: Path) -> Stop:
    return Stop(name, _cut(detail), relative(path, page) if path.exists() else None)


def _cut(text: str) -> str:
    return text if len(text) <= DETAIL else f"{text[: DETAIL - 1]}…"


def _words(address: Address) -> str:
    return f"{address.subject.label},{address.benchmark}"
