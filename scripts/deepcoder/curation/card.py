"""The data card of an exported training set: what is in it, where from, by which rules, and what falls short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from deepcoder.config.schema import Curation, Source
from deepcoder.curation.export import EXPORTED, TRAINING, File, Split
from deepcoder.manifest import Manifest

Row = Mapping[str, Any]
ALL = "all"  # the funnel's rows over all sources

# What a rule of the funnel lets pass, filled with the curation's configuration; others are shown by their names.
PASSES = {
    "parse": "the row can be read as a problem with tests, in Python",
    "held_out": "it belongs to the training split or window of its source",
    "test_size": "no test has over {filters.max_test_bytes} bytes, and all together at most {filters.max_tests_bytes}",
    "language": "at least {filters.min_latin_letters:.0%} of the statement's letters are Latin and"
    " {filters.min_english_words:.0%} of its words English function words",
    "images": "the task needs no picture (one among the examples is let be)",
    "interactive": "its program does not talk with a judge",
    "parseable": "one of its reference solutions parses",
    "enough_tests": "it has at least {min_tests} tests",
    "prompt_length": "its prompt has at most {max_prompt_tokens} tokens",
    "several_answers": "its statement and its references take one answer to each input, or a checker decides",
    "weak_tests": "its tests fail enough of the wrong programs that were made of a reference",
    "flaky": "the runs of a reference agree",
    "verified": "its reference solutions pass the tests, as `verification` below asks",
    "exact_duplicate": "no other problem has its statement",
    "near_duplicate": "no other statement is similar, as `deduplication` below measures it",
    "shared_tests": "no other problem has the same tests, as `deduplication` below measures it",
    "contamination": "no benchmark has its URL or a similar statement, as `decontamination` below measures it",
    "difficulty": "a model's pass rate lies between {difficulty.low} and {difficulty.high}",
    "validation": "it is not held back for validation ({validation_fraction:.0%} of the families)",
}
# Which value of the configuration, false or null, turns a rule off.
SWITCHES = {
    "test_size": "{filters.max_test_bytes}",
    "language": "{filters.english}",
    "images": "{filters.without_images}",
    "interactive": "{filters.without_interaction}",
    "exact_duplicate": "{deduplication.enabled}",
    "near_duplicate": "{deduplication.enabled}",
    "contamination": "{decontamination.enabled}",
    "difficulty": "{difficulty.enabled}",
    "weak_tests": "{drop_weak}",
}
COLUMN_WORDS = {
    "id": "first 16 hex digits of sha256(source, the source's own id)",
    "kind": "`stdin`, `call` or `answer`",
    "tests_ref": "sha256 of the text in `tests`",
    "tests": "JSON text of the list of tests: `input` and `output`, or `args` and `expected`; `{tagged: ...}` where "
    "tuples, sets or bytes occur",
    "solutions": "reference programs as the source gives them; not all of them pass",
    "family": "template of a generated problem",
    "licence": "of the row's source, or the row's own",
    "time_limit_s": "the problem's own, in seconds",
}
SHORTFALLS = (
    "A problem stays when a reference passes its tests: the tests may still be too weak to tell a wrong program.",
    "Language, pictures and dialogues are told by the statement's words alone; some will be on the wrong side.",
    "Near duplicates and contamination are told by the words of statements: a translation or a retelling is not found.",
    "A licence is that of the dataset that carries a row. Whose the statements are is for the contest sites to say.",
    "Time limits are those that a source states; most state none.",
)
NOT_STREAMED = "`load_dataset(..., streaming=True)` reads row group by row group; one row may hold 100 MB of tests."


@dataclass(frozen=True)
class Content:
    """What a card tells of, beside the files.

    Attributes:
        name: of the curation.
        curation: its configuration.
        sources: configuration of the sources by name.
        funnel: rows of the curation's funnel.csv.
        curated: its manifest.
        verified: manifests of the verdicts on references, with their paths from the folder of the dataset.
        address: of the curation, by which scripts/audit.py leads to the raw data.
    """

    name: str
    curation: Curation
    sources: Mapping[str, Source]
    funnel: Sequence[Row]
    curated: Manifest
    verified: Sequence[tuple[str, Manifest]]
    address: str


def data_card(content: Content, files: Sequence[File]) -> str:
    """The text of README.md: YAML that `datasets` reads, then the card in Markdown."""
    licences = Counter[tuple[str, str, str]]()
    for split in dict.fromkeys(file.split for file in files):
        table = pq.read_table(split.table, columns=["source", "licence"])
        for row in table.to_pylist():
            licences[split.config if split.config != TRAINING else split.name, row["source"], row["licence"]] += 1
    blocks = [
        f"# Coding problems, curation `{content.name}`",
        "Problems with tests and reference solutions, for reinforcement learning with verifiable rewards, and the"
        " benchmarks beside them in the same schema. This card was generated together with the data.",
        *_section("Load", _load(files)),
        *_section("Splits", _table(("configuration", "split", "rows", "files"), _split_rows(files))),
        *_section("Sources and licences", _table(*_licence_table(licences, content.sources))),
        *_section("Rules", *_rules(content)),
        *_section("Verdicts", *_verdicts(content)),
        *_section("Columns", _columns()),
        *_section("Files", _table(("file", "rows", "bytes", "sha256"), _file_rows(files))),
        *_section("What falls short", *(f"- {line}" for line in SHORTFALLS), joined="\n"),
    ]
    front = yaml.safe_dump(_front(files, sorted({key[2] for key in licences})), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n\n".join(blocks) + "\n"


def _section(title: str, *parts: str, joined: str = "\n\n") -> list[str]:
    return [f"## {title}", joined.join(parts)]


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _by_split(files: Sequence[File]) -> dict[Split, list[File]]:
    found: dict[Split, list[File]] = {}
    for file in files:
        found.setdefault(file.split, []).append(file)
    return found


def _front(files: Sequence[File], licences: Sequence[str]) -> dict[str, Any]:
    """What `datasets` and the hub read: a configuration for training and one for each benchmark, one schema for all."""
    splits = _by_split(files)
    names = dict.fromkeys(split.config for split in splits)
    features = [_feature(field) for field in EXPORTED]
    configs, infos = [], []
    for name in names:
        own = {split: parts for split, parts in splits.items() if split.config == name}
        paths = [{"split": split.name, "path": f"{split.folder}/*.parquet"} for split in own]
        configs.append({"config_name": name, "data_files": paths} | ({"default": True} if name == TRAINING else {}))
        rows = [
            {
                "name": split.name,
                "num_bytes": sum(file.bytes for file in parts),
                "num_examples": sum(file.rows for file in parts),
            }
            for split, parts in own.items()
        ]
        infos.append({"config_name": name, "features": [dict(feature) for feature in features], "splits": rows})
    return {
        "license": [name.lower() for name in licences],
        "language": ["en"],
        "tags": ["code", "reinforcement-learning"],
        "configs": configs,
        "dataset_info": infos,
    }


def _feature(field: pa.Field) -> dict[str, Any]:
    if pa.types.is_list(field.type):
        return {"name": field.name, "list": _dtype(field.type.value_type)}
    return {"name": field.name, "dtype": _dtype(field.type)}


def _dtype(kind: pa.DataType) -> str:
    return {"double": "float64"}.get(str(kind), str(kind))


def _load(files: Sequence[File]) -> str:
    benchmark = next((file.split.config for file in files if file.split.config != TRAINING), TRAINING)
    return (
        "```python\nimport json\nfrom datasets import load_dataset\n\n"
        'train = load_dataset("path/to/this/folder", split="train")\n'
        f'test = load_dataset("path/to/this/folder", "{benchmark}")\n'
        'tests = json.loads(train[0]["tests"])\n```\n\n' + NOT_STREAMED
    )


def _split_rows(files: Sequence[File]) -> list[tuple[object, ...]]:
    return [
        (split.config, split.name, f"{sum(file.rows for file in parts):,}", len(parts))
        for split, parts in _by_split(files).items()
    ]


def _licence_table(
    licences: Mapping[tuple[str, str, str], int], sources: Mapping[str, Source]
) -> tuple[Sequence[str], list[Sequence[object]]]:
    rows: list[Sequence[object]] = []
    for (part, source, licence), number in sorted(licences.items(), key=lambda item: (item[0][1], item[0])):
        known = sources.get(source)
        where = " ".join(filter(None, [known.hub_id or known.kind, known.hub_config, known.revision])) if known else ""
        rows.append((source, where, licence, part, f"{number:,}"))
    return ("source", "from", "licence", "part", "rows"), rows


def rule_words(rule: str, curation: Curation) -> str:
    """What a rule lets pass, in words; a rule without words of its own is shown by its name."""
    values = vars(curation)
    if SWITCHES.get(rule, "").format(**values) in ("False", "None"):
        return "off"
    return PASSES.get(rule, rule.replace("_", " ")).format(**values)


def _rules(content: Content) -> Iterator[str]:
    sources = dict.fromkeys(row["source"] for row in content.funnel)
    removed = {(row["source"], row["rule"]): int(row["removed"]) for row in content.funnel}
    left = {row["rule"]: int(row["rows_out"]) for row in content.funnel if row["source"] == ALL}
    rows: list[list[object]] = [
        [f"`{rule}`", rule_words(rule, content.curation), *(f"{removed[name, rule]:,}" for name in sources), f"{out:,}"]
        for rule, out in left.items()
    ]
    header = ["rule", "a problem stays if", *(f"removed, {name}" for name in sources), "left"]
    yield "In this order; each rule sees what those before it have left."
    yield _table(header, rows)
    yield "All thresholds and switches:"
    yield f"```yaml\n{yaml.safe_dump(asdict(content.curation), sort_keys=False)}```"


def _verdicts(content: Content) -> Iterator[str]:
    yield (
        "References were judged by the programs that also reward and score. Each record beside a manifest holds the"
        " digest of the judge's code, its limits, and the hashes of all that it read:"
    )
    rows = [
        (manifest.facts["source"], f"`{path}`", " ".join(sorted(entry["sha256"] for entry in manifest.files.values())))
        for path, manifest in content.verified
    ]
    yield _table(("source", "manifest, seen from this folder", "sha256 of its verdicts"), rows)
    hashes = [f"`{name}` {entry['sha256']}" for name, entry in sorted(content.curated.files.items())]
    yield (
        f"The curation itself (`{content.address}`), of which this folder is a copy with its tests:"
        f" {', '.join(hashes)}."
        f' `python scripts/audit.py path/to/this/README.md --address "{content.address}"` hashes everything from there'
        " to the raw data again, in the checkout that made it."
    )


def _columns() -> str:
    rows = [(f"`{field.name}`", field.type, COLUMN_WORDS.get(field.name, "")) for field in EXPORTED]
    return _table(("column", "type", ""), rows)


def _file_rows(files: Sequence[File]) -> list[tuple[object, ...]]:
    return [(f"`{file.path}`", f"{file.rows:,}", f"{file.bytes:,}", f"`{file.sha256}`") for file in files]
