"""Verdicts that grade.py has written are given again from its record alone, for programs and for answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from made_benchmark import Made, make, problem_row, sample_row

from deepcoder.evaluation.rejudge import stored_samples
from deepcoder.files import read_json
from deepcoder.judge.again import judge_again
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.schemas.sample import SAMPLE_VERDICT
from deepcoder.schemas.table import read_table, write_table
from deepcoder.schemas.tests_store import TestsStore

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
SLOW = "```python\nimport time\nend = time.process_time() + 0.7\nwhile time.process_time() < end: pass\nprint(4)\n```"
ENDLESS = "```python\nwhile True: pass\n```"


def graded(made: Made, benchmark: str, samples: int, *overrides: str) -> dict[str, Any]:
    """The record of grading."""
    out = made.root / "16k/verdicts.json"
    command = [
        sys.executable, SCRIPTS / "grade.py", made.samples, out, "--benchmark", benchmark, "--context", "16k",
        "--model", "tiny", "--problems", made.problems, "--model-manifest", made.tokenizer, "--tests-store", made.store,
        "evaluation.contexts.16k=1000", "evaluation.sampling.max_response_tokens=1000",
        f"benchmarks.{benchmark}.samples={samples}", *overrides,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    record: dict[str, Any] = read_json(out.parent / "verdicts.record.json")
    return record


def edit(record: Mapping[str, Any], place: int, **fields: Any) -> None:
    out = Path(record["arguments"]["out"])
    rows = read_table(out.parent / "verdicts.parquet", SAMPLE_VERDICT)
    rows[place] |= fields
    write_table(out.parent / "verdicts.parquet", rows, SAMPLE_VERDICT)
    write_manifest(out, "sample_verdicts", [out.parent / "verdicts.parquet"], read_manifest(out).facts)


def test_graded_programs_come_out_as_they_were_and_a_flipped_verdict_does_not(made: Made) -> None:
    record = graded(made, "easy", 4)
    found = judge_again([stored_samples(record)], 1000, 0, 2)
    assert (found.judged, found.programs, found.differ) == (8, 6, [])
    edit(record, 2, verdict="AC", passed=5, failed_test=None)
    (told,) = judge_again([stored_samples(record)], 1000, 0, 2).differ
    assert "sample 2: stored AC, now WA; passed stored 5, now 0; failed_test stored None, now 0" in told


def test_a_limit_that_this_machine_misses_is_told_apart_from_an_endless_program(tmp_path: Path) -> None:
    store = TestsStore(tmp_path / "tests")
    problem = problem_row("a", store) | {"tests_ref": store.put([{"input": "2\n", "output": "4\n"}]), "tests_count": 1}
    made = make(tmp_path, [problem], [sample_row("a", 0, SLOW), sample_row("a", 1, ENDLESS)])
    record = graded(made, "easy", 2, "judge.time_limit_s=1.5")
    edit(record, 1, verdict="AC", passed=1, failed_test=None)
    record["config"]["judge"]["time_limit_s"] = 0.4
    slow, endless = judge_again([stored_samples(record)], 2, 0, 2).differ
    assert "sample 0: differs (time): stored AC, now TLE" in slow
    assert "with 3 times the time limit as stored" in slow
    assert "with 3 times the time limit not as stored either" in endless


def test_answers_are_compared_again(tmp_path: Path) -> None:
    problem = problem_row("a", None, kind="answer", answer="7", tests_count=None)
    made = make(tmp_path, [problem], [sample_row("a", 0, r"so \boxed{7}"), sample_row("a", 1, r"so \boxed{8}")])
    record = graded(made, "aime2024", 2)
    assert judge_again([stored_samples(record)], 2, 0, 2).differ == []
    edit(record, 1, verdict="AC", passed=1, failed_test=None)
    (told,) = judge_again([stored_samples(record)], 2, 0, 2).differ
    assert "sample 1: stored AC, now WA" in told


def test_verdicts_that_do_not_cover_the_samples_are_a_fault_of_the_table(made: Made) -> None:
    record = graded(made, "easy", 4)
    edit(record, 0, sample=1)
    (told,) = judge_again([stored_samples(record)], 1000, 0, 2).differ
    assert "its 8 rows are not the 8 samples of" in told
