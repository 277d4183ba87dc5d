"""Give verdicts on sampled responses again, from what the record of their grading names, by the same grading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from deepcoder.config.schema import Benchmark, Judge
from deepcoder.evaluation.grade import Grading, grade, time_limit_s
from deepcoder.evaluation.truncation import load_decoder, no_decoder
from deepcoder.judge.again import Again, Row, Stored
from deepcoder.manifest import read_manifest
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.sample import SAMPLE, SAMPLE_VERDICT
from deepcoder.schemas.table import read_table
from deepcoder.schemas.tests_store import TestsStore


def stored_samples(record: Mapping[str, Any]) -> Stored:
    """The verdicts that a record of grade.py tells of."""
    words = record["arguments"]
    table = read_manifest(Path(words["out"]), "sample_verdicts").file("verdicts.parquet")
    samples = read_manifest(Path(words["samples"])).file("samples.parquet")
    rows, drawn = _keys(table), _keys(samples)
    faults = [] if rows == drawn else [f"{table}: its {len(rows)} rows are not the {len(drawn)} samples of {samples}"]
    return Stored(table, 0 if faults else len(rows), faults, ("sample",), lambda: _load(table, record))


def grading_of(record: Mapping[str, Any]) -> Grading:
    """How the responses were graded, as the record has it."""
    words, config = record["arguments"], record["config"]
    return Grading(
        Benchmark(**config[f"benchmarks.{words['benchmark']}"]),
        Judge(**config["judge"]),
        config[f"evaluation.contexts.{words['context']}"],
        config[f"models.{words['model']}.thinking"],
    )


def _keys(table: Path) -> list[tuple[str, int]]:
    rows = read_table(table, pa.schema([SAMPLE.field("problem_id"), SAMPLE.field("sample")]))
    return sorted((row["problem_id"], row["sample"]) for row in rows)


def _load(table: Path, record: Mapping[str, Any]) -> tuple[Sequence[Row], Again]:
    words, how = record["arguments"], grading_of(record)
    # One sample of each problem at a time: for the grading this is a benchmark with one sample a problem.
    single = replace(how.benchmark, samples=1)
    samples = read_table(read_manifest(Path(words["samples"])).file("samples.parquet"), SAMPLE)
    responses = {(row["problem_id"], row["sample"]): row for row in samples}
    problems = read_table(read_manifest(Path(words["problems"])).file("problems.parquet"), PROBLEM)
    by_id = {row["id"]: row for row in problems}
    tokenizer = words.get("model_manifest")
    decode = load_decoder(read_manifest(Path(tokenizer))) if tokenizer else no_decoder
    store = TestsStore(Path(words["tests_store"]))

    def again(rows: Sequence[Row], workers: int, slack: float) -> list[Row]:
        chosen = [responses[row["problem_id"], row["sample"]] | {"sample": 0} for row in rows]
        asked = [by_id[row["problem_id"]] for row in rows]
        timed = [row | {"time_limit_s": slack * time_limit_s(row, how)} for row in asked]
        now = replace(how, benchmark=single, judge=replace(how.judge, workers=workers))
        return [*grade(chosen, timed, store, decode, now).rows]

    return read_table(table, SAMPLE_VERDICT), again
