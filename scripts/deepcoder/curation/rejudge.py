"""Give verdicts on reference solutions again, from what the record of their verification names, by the same code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from deepcoder.config.schema import Judge, Verification
from deepcoder.curation.verify import verify
from deepcoder.errors import UserError
from deepcoder.judge.again import Again, Row, Stored
from deepcoder.manifest import read_manifest
from deepcoder.schemas.curated import VERIFIED
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table
from deepcoder.schemas.tests_store import TestsStore


def stored_references(record: Mapping[str, Any]) -> Stored:
    """The verdicts that a record of verify.py tells of."""
    table = read_manifest(Path(record["arguments"]["out"]), "verified").file("verdicts.parquet")
    rows = len(read_table(table, pa.schema([VERIFIED.field("run")])))
    return Stored(table, rows, [], ("solution", "run"), lambda: _load(table, record))


def _load(table: Path, record: Mapping[str, Any]) -> tuple[Sequence[Row], Again]:
    words, config = record["arguments"], record["config"]
    policy = Verification(**config[f"curations.{words['curation']}.verification"])
    # One solution of each problem at a time, and once: for the verification it is the problem's first and only one.
    single = replace(policy, solutions="first", runs=1, mutants=0)
    judge, store = Judge(**config["judge"]), TestsStore(Path(words["tests_store"]))
    problems = read_table(read_manifest(Path(words["problems"]), "problems").file("problems.parquet"), PROBLEM)
    by_id = {row["id"]: row for row in problems}

    def again(rows: Sequence[Row], workers: int, slack: float) -> list[Row]:
        asked = []
        for row in rows:
            problem = by_id.get(row["problem_id"])
            if problem is None or row["solution"] >= len(problem["solutions"] or []):
                raise UserError(
                    f"{table}: {words['problems']} has no solution {row['solution']} of {row['problem_id']}"
                )
            limit = slack * (problem["time_limit_s"] or judge.time_limit_s)
            asked.append(problem | {"solutions": [problem["solutions"][row["solution"]]], "time_limit_s": limit})
        found = verify(asked, single, replace(judge, workers=workers), store)
        by_problem = {row["problem_id"]: row for row in found}
        return [by_problem[row["problem_id"]] for row in rows]

    return read_table(table, VERIFIED), again
