"""Tamperings of a finished run, and what an audit finds of each, written down beforehand."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from forging import edit_record, edit_table, edit_text, forge, with_lock, with_record
from real_run import (
    BASE,
    COMPARISON,
    COMPARISONS,
    COST,
    DATA,
    EVAL,
    LOCK,
    OUT,
    PAPER,
    PRINTED,
    REPORT,
    SHARDS,
    SHOWN,
    STAGE,
    SYSTEMS,
    TABLES,
    TIMES,
    door,
)

from deepcoder.files import read_json, write_json, write_text
from deepcoder.provenance.lockfile import collect, to_text
from deepcoder.provenance.record import record_path
from deepcoder.schemas.tests_store import TestsStore

VERDICTS, SCORES, FIGURE, PAGE = (
    EVAL / "64k/verdicts.json",
    EVAL / "64k/scores.json",
    REPORT / "figures/funnel.svg",
    REPORT / "index.html",
)
CURATED, BENCHMARK, RAW = (
    DATA / "strict/manifest.json",
    DATA / "benchmarks/easy/manifest.json",
    DATA / "raw/easy/v1/manifest.json",
)
DATASET, EXPORTED = DATA / "strict/dataset.json", DATA / "strict/dataset"
VALUES = REPORT / "paper.json"
ROWS, SAMPLES = EVAL / "64k/verdicts.parquet", EVAL / "samples.json"
PROBLEMS = DATA / "benchmarks/easy/problems.parquet"
WEIGHTS, MODEL = STAGE / "model/hf/model.safetensors", STAGE / "model/manifest.json"


@dataclass(frozen=True)
class Tampering:
    """An act, and the file that each check must name."""

    what: str
    act: Callable[[], object]
    found: Mapping[str, Path]


# The acts.


def flip_verdict() -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        row = next(row for row in rows if row["verdict"] == "WA")
        row |= {"verdict": "AC", "passed": row["total"], "failed_test": None}

    edit_table(ROWS, change)


def drop_verdict() -> None:
    edit_table(ROWS, lambda rows: rows.remove(next(r for r in rows if r["verdict"] == "WA")))


def make_again_below_verdicts() -> None:
    forge(VERDICTS)
    words = ["--benchmark", "easy", "--context", "64k", "--problems", BENCHMARK]
    door(Path.cwd(), "score", VERDICTS, SCORES, *words)
    for output in (TABLES[0], COMPARISONS, SYSTEMS, PAPER):
        door(Path.cwd(), *words_of(output))
    for output in [SCORES, *SHOWN, PAPER, VALUES, PRINTED]:
        with_record(output)
    with_lock()


def words_of(output: Path) -> list[str]:
    """The command that made an output."""
    name, *words = read_json(record_path(output))["command"]
    return [name.removesuffix(".py"), *words]


def edit_score() -> None:
    scores = read_json(SCORES)
    write_json(SCORES, scores | {"value": 0.9})


def edit_cell() -> None:
    value = str(read_json(SCORES)["value"])
    edit_text(TABLES[0], f",{value},", ",0.9,")


def shorten_steps() -> None:
    edit_table(TIMES, lambda rows: rows[0].update(step_s=2.5))


def edit_cost() -> None:
    edit_text(COST, "run,train_stage,strict/16k,1,", "run,train_stage,strict/16k,2,")


def replace_figure() -> None:
    edit_text(FIGURE, "<svg ", "<svg data-other='' ")


def edit_paper() -> None:
    PAPER.write_bytes(PAPER.read_bytes().replace(b"%%EOF", b"%%EOF "))


def edit_printed() -> None:
    edit_text(PRINTED, "± ", "± 0")


def swap_weights() -> None:
    stat, other = WEIGHTS.stat(), WEIGHTS.read_bytes()[::-1]
    WEIGHTS.write_bytes(other)
    os.utime(WEIGHTS, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (WEIGHTS.stat().st_size, WEIGHTS.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_bit() -> None:
    path = RAW.parent / "easy.jsonl"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def a_reference() -> str:
    table = pq.read_table(PROBLEMS, columns=["tests_ref"])
    return str(table["tests_ref"][0])


def stored_tests() -> Path:
    ref = a_reference() if BENCHMARK.exists() else ""
    return DATA / "tests" / ref[:2] / f"{ref}.json.gz"


def other_tests() -> list[dict[str, Any]]:
    tests = TestsStore(DATA / "tests").get(a_reference())
    key = "output" if "output" in tests[0] else "expected"
    return [test | {key: "another"} for test in tests]


def change_expected_output() -> None:
    text = json.dumps(other_tests(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    stored_tests().write_bytes(gzip.compress(text.encode(), mtime=0))


def replace_tests() -> None:
    ref = TestsStore(DATA / "tests").put(other_tests())
    edit_table(PROBLEMS, lambda rows: rows[0].update(tests_ref=ref))
    forge(BENCHMARK)


def edit_response(table: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["response"] = "```python\nprint('something else')\n```"

    edit_table(table, change)


def swap_responses() -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["response"], rows[2]["response"] = rows[2]["response"], rows[0]["response"]

    edit_table(EVAL / "samples.parquet", change)


def edit_training_row() -> None:
    edit_table(CURATED.parent / "train.parquet", lambda rows: rows[0].update(statement="Another task."))


def edit_comparison() -> None:
    edit_text(COMPARISON.parent / "curations.csv", "all,neither,,", "all,neither,,9")


def link_weights() -> None:
    shutil.move(WEIGHTS, "elsewhere")
    WEIGHTS.symlink_to(Path("elsewhere").resolve())


def edit_lock(change: Callable[[dict[str, Any]], object]) -> None:
    blocks = collect(OUT)
    change(blocks)
    write_text(LOCK, to_text(blocks))


def forge_digest(record: dict[str, Any]) -> None:
    record["code_digest"] = "0" * 64


def forge_config(record: dict[str, Any]) -> None:
    record["config"]["judge"]["time_limit_s"] = 60.0


def forge_inputs(record: dict[str, Any]) -> None:
    record["inputs"][0]["sha256"] = "0" * 64


# What each check names. "bytes": re-hashed; "records", "inputs", "tests", "files": compared; "again": scores and tables
# made again; "git": the committed lock; "judged": verdicts given again.
TAMPERINGS = [
    Tampering("a verdict flipped", flip_verdict, {"bytes": VERDICTS, "again": SCORES, "judged": ROWS}),
    Tampering(
        "the same, with manifest, record and lock",
        lambda: (flip_verdict(), forge(VERDICTS)),
        {"again": SCORES, "git": VERDICTS},
    ),
    Tampering(
        "the same, and scores and tables made again from it",
        lambda: (flip_verdict(), make_again_below_verdicts()),
        {"judged": ROWS, "git": SCORES},
    ),
    Tampering(
        "a failed verdict left out, and all made again without it",
        lambda: (drop_verdict(), make_again_below_verdicts()),
        {"judged": ROWS, "git": SCORES},
    ),
    Tampering("a score edited", edit_score, {"bytes": SCORES, "again": SCORES}),
    Tampering(
        "the same, with its record",
        lambda: (edit_score(), with_record(SCORES)),
        {"bytes": SCORES, "records": record_path(SCORES), "inputs": record_path(SCORES), "again": SCORES},
    ),
    Tampering(
        "the same, with record and lock",
        lambda: (edit_score(), forge(SCORES)),
        {"again": SCORES, "git": SCORES},
    ),
    Tampering("a table's cell edited", edit_cell, {"bytes": TABLES[0], "again": TABLES[0]}),
    Tampering(
        "the same, with record and lock",
        lambda: (edit_cell(), forge(TABLES[0])),
        {"again": TABLES[0], "git": TABLES[0]},
    ),
    Tampering(
        "the times of a stage edited",
        shorten_steps,
        {"records": record_path(STAGE / "manifest.json"), "again": SYSTEMS},
    ),
    Tampering(
        "a number of the cost edited, with record and lock",
        lambda: (edit_cost(), forge(COST)),
        {"again": COST, "git": COST},
    ),
    Tampering("a figure replaced", replace_figure, {"bytes": FIGURE}),
    Tampering(
        "the same, with record and lock",
        lambda: (replace_figure(), forge(FIGURE)),
        {"again": PAPER, "git": FIGURE},
    ),
    Tampering("the paper edited", edit_paper, {"bytes": PAPER, "again": PAPER}),
    Tampering(
        "the same, with record and lock",
        lambda: (edit_paper(), forge(PAPER)),
        {"again": PAPER, "git": PAPER},
    ),
    Tampering("a number in a table of the paper edited", edit_printed, {"bytes": PRINTED, "again": PRINTED}),
    Tampering(
        "the prose of the paper edited",
        lambda: edit_text(Path("config/paper/paper.typ"), "deduplicated", "not deduplicated"),
        {"inputs": Path("config/paper/paper.typ"), "again": PAPER},
    ),
    Tampering("the page edited", lambda: edit_text(PAGE, "<body", "<body "), {"bytes": PAGE}),
    Tampering("weights swapped, size and time as before", swap_weights, {"bytes": MODEL}),
    Tampering("a link in place of the weights", link_weights, {"files": WEIGHTS}),
    Tampering("a training state deleted", lambda: shutil.rmtree(STAGE / "state"), {"bytes": STAGE / "manifest.json"}),
    Tampering(
        "a manifest deleted",
        (BASE / "manifest.json").unlink,
        {"bytes": BASE / "manifest.json", "files": BASE / "hf/model.safetensors"},
    ),
    Tampering(
        "a manifest cut short",
        lambda: cut_short(CURATED),
        {"bytes": CURATED, "files": CURATED.parent / "train.parquet"},
    ),
    Tampering("a table cut short", lambda: cut_short(PROBLEMS), {"bytes": BENCHMARK, "again": SAMPLES, "judged": ROWS}),
    Tampering("a bit of a raw file flipped", flip_bit, {"bytes": RAW}),
    Tampering("a stored test's expected output changed", change_expected_output, {"tests": DATA / "tests"}),
    Tampering(
        "the same, with name, problems, record and lock",
        replace_tests,
        {"judged": ROWS, "git": BENCHMARK},
    ),
    Tampering("a stored test deleted", lambda: stored_tests().unlink(), {"tests": DATA / "tests"}),
    Tampering(
        "a training problem changed, with manifest, record and lock",
        lambda: (edit_training_row(), forge(CURATED)),
        {"git": CURATED},
    ),
    Tampering(
        "a count of the comparison edited, with manifest, record and lock",
        lambda: (edit_comparison(), forge(COMPARISON)),
        {"again": COMPARISON, "git": COMPARISON},
    ),
    Tampering(
        "a row of the exported data changed",
        lambda: edit_table(EXPORTED / "train/part-00000.parquet", lambda rows: rows[0].update(tests="[]")),
        {"bytes": DATASET},
    ),
    Tampering(
        "the data card edited", lambda: edit_text(EXPORTED / "README.md", "Apache-2.0", "MIT"), {"bytes": DATASET}
    ),
    Tampering(
        "a response edited, with manifest, record and lock",
        lambda: (edit_response(EVAL / "samples.parquet"), forge(SAMPLES)),
        {"again": SAMPLES, "judged": ROWS, "git": SAMPLES},
    ),
    Tampering(
        "two responses swapped, with manifest, record and lock",
        lambda: (swap_responses(), forge(SAMPLES)),
        {"again": SAMPLES, "judged": ROWS, "git": SAMPLES},
    ),
    Tampering(
        "a response edited in its shard, with manifest, record and lock",
        lambda: (edit_response(SHARDS[1].parent / "easy.parquet"), forge(SHARDS[1])),
        {"again": SAMPLES, "git": SHARDS[1]},
    ),
    Tampering(
        "a record's code digest rewritten",
        lambda: edit_record(SCORES, forge_digest),
        {"records": record_path(SCORES), "inputs": record_path(SCORES)},
    ),
    Tampering(
        "a record's configuration rewritten",
        lambda: edit_record(VERDICTS, forge_config),
        {"records": record_path(VERDICTS), "inputs": record_path(VERDICTS)},
    ),
    Tampering(
        "the same, and the lock made again",
        lambda: (edit_record(VERDICTS, forge_config), with_lock()),
        {"records": record_path(VERDICTS), "inputs": record_path(VERDICTS), "git": record_path(VERDICTS)},
    ),
    Tampering(
        "a record's inputs rewritten, and the lock made again",
        lambda: (edit_record(VERDICTS, forge_inputs), with_lock()),
        {"inputs": SAMPLES, "git": VERDICTS},
    ),
    Tampering(
        "a record's time rewritten",
        lambda: edit_record(TABLES[2], lambda record: record.update(start="2020-01-01T00:00:00.000+00:00")),
        {"records": record_path(TABLES[2])},
    ),
    Tampering(
        "a record deleted",
        record_path(CURATED).unlink,
        {"records": record_path(CURATED), "inputs": record_path(CURATED)},
    ),
    Tampering(
        "a line of the lock deleted",
        lambda: edit_lock(lambda blocks: blocks[str(SCORES)]["inputs"].popitem()),
        {"records": LOCK, "git": SCORES},
    ),
    Tampering(
        "a hash in the lock edited",
        lambda: edit_lock(lambda blocks: blocks[str(RAW)].update(sha256="0" * 64)),
        {"bytes": RAW, "records": record_path(RAW), "inputs": RAW, "git": RAW},
    ),
    Tampering(
        "an artifact left out of the lock",
        lambda: edit_lock(lambda blocks: blocks.pop(str(PAGE))),
        {"records": record_path(PAGE), "files": PAGE, "git": PAGE},
    ),
    Tampering("a file that no rule makes", lambda: (REPORT / "other.csv").touch(), {"files": REPORT / "other.csv"}),
    Tampering(
        "a published number edited",
        lambda: edit_text(Path("config/published/main.csv"), "60.6", "66.6"),
        {"inputs": Path("config/published/main.csv"), "again": TABLES[0]},
    ),
]  # fmt: skip
