"""Grading by the real doors and the real judge, at two context lengths of the same samples."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_benchmark import DOUBLE, Made, byte_tokenizer, make, problem_row, sample_row

from deepcoder.config.schema import Benchmark, Judge
from deepcoder.curation.normalise import without_errata
from deepcoder.errors import UserError
from deepcoder.evaluation.grade import Grading, grade
from deepcoder.evaluation.measurement import judge_modules, prompts_digest
from deepcoder.evaluation.score import score_beside, score_errata, score_verdicts
from deepcoder.manifest import read_manifest
from deepcoder.prompts import prompt_id
from deepcoder.provenance.identity import module_digests
from deepcoder.schemas.sample import SAMPLE_VERDICT
from deepcoder.schemas.table import read_table, write_table
from deepcoder.schemas.tests_store import TestsStore
from deepcoder.shards import Shard

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def door(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPTS / name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def grade_door(made: Made, out: Path, context_tokens: int) -> subprocess.CompletedProcess[str]:
    return door(
        "grade.py", made.samples, out, "--benchmark", "easy", "--context", "16k", "--model", "tiny", "--problems",
        made.problems, "--model-manifest", made.tokenizer, "--tests-store", made.store,
        f"evaluation.contexts.16k={context_tokens}",
        "evaluation.sampling.max_response_tokens=1000",
    )  # fmt: skip


def score_door(made: Made, verdicts: Path, out: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    words = ("--benchmark", "easy", "--context", "16k", "--problems", made.problems)
    return door("score.py", verdicts, out, *words, *overrides)


def verdicts(out: Path) -> list[dict[str, Any]]:
    return read_table(read_manifest(out).file("verdicts.parquet"), SAMPLE_VERDICT)


def test_verdicts_and_scores_of_a_made_benchmark(made: Made) -> None:
    out = made.root / "16k/verdicts.json"
    run = grade_door(made, out, 1000)
    assert run.returncode == 0, run.stderr
    rows = verdicts(out)
    assert [row["verdict"] for row in rows] == ["AC", "AC", "WA", "AC", "NF", "WA", "NF", "AC"]
    assert [row["truncated"] for row in rows] == [False] * 6 + [True, False]
    scores = made.root / "16k/scores.json"
    run = score_door(made, out, scores)
    assert run.returncode == 0, run.stderr
    found = json.loads(scores.read_text())
    assert found["value"] == 0.5  # 3/4 and 1/4
    assert found["standard_error"] == pytest.approx(0.25)  # two problems, each a quarter off: sqrt(0.125 / 2)
    assert found["pass_at_k"]["4"]["value"] == 1.0
    assert found["counts"]["verdicts"] == {"AC": 4, "NF": 2, "WA": 2}
    assert found["identity"]["context"] == {"label": "16k", "tokens": 1000}
    assert found["identity"]["samples"] == {"temperature": 0.6}
    assert found["identity"]["sampling"] == {"temperature": 0.6, "top_p": 0.95, "max_response_tokens": 1000}
    assert found["identity"]["isolation"] != []
    assert found["identity"]["judge"] | {"code": ""} == {"code": "", "time_limit_s": 4.0, "memory_limit_mb": 512}
    assert len(found["identity"]["judge"]["code"]) == len(found["identity"]["prompts_sha256"]) == 64
    assert found["identity"]["prompt"] == prompt_id("plain")
    assert sorted(found["by_problem"].values()) == ["1/4", "3/4"]
    told = {
        name: (one["value"], one["only_here_correct"], one["only_here_wrong"]) for name, one in found["beside"].items()
    }
    assert told == dict.fromkeys(("as_released", "livecodebench"), (0.5, 0, 0))
    assert found["without_errata"] is None


def test_a_shorter_context_takes_the_program_with_it(made: Made) -> None:
    out = made.root / "16k/verdicts.json"
    run = grade_door(made, out, 60)
    assert run.returncode == 0, run.stderr
    rows = verdicts(out)
    assert [row["verdict"] for row in rows] == ["AC", "AC", "WA", "NF", "NF", "WA", "NF", "NF"]
    assert rows[3]["truncated"]
    assert rows[3]["response_tokens"] == 60


def test_grading_twice_writes_the_same_bytes(made: Made) -> None:
    outs = [made.root / name / "verdicts.json" for name in ("one", "two")]
    for out in outs:
        assert grade_door(made, out, 1000).returncode == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_codeforces_rating_without_standings_is_one_clear_error(made: Made) -> None:
    out = made.root / "16k/verdicts.json"
    grade_door(made, out, 1000)
    run = score_door(made, out, made.root / "scores.json", "benchmarks.easy.metric=codeforces_rating")
    assert run.returncode == 1
    assert "standings" in run.stderr
    assert "Traceback" not in run.stderr
    assert not (made.root / "scores.json").exists()


def how(benchmark: Benchmark, thinking: bool = True) -> Grading:
    return Grading(benchmark, Judge(workers=1, isolation="auto", time_limit_s=4.0, memory_limit_mb=512), 1000, thinking)


def benchmark(**values: Any) -> Benchmark:
    base = {"title": "made", "source": "easy", "metric": "pass_at_1", "comparator": "tokens", "samples": 1}
    return Benchmark(**(base | {"prompt": "plain"} | values))


def grade_here(root: Path, problems: list[Any], samples: list[Any], **values: Any) -> list[dict[str, Any]]:
    store = TestsStore(root / "tests")
    return grade(samples, problems, store, byte_tokenizer().decode, how(benchmark(**values))).rows


def test_another_comparator_stands_beside_and_judges_only_what_was_compared(tmp_path: Path) -> None:
    store = TestsStore(tmp_path / "tests")
    tests = [{"input": "1\n", "output": "0.5\n"}, {"input": "3\n", "output": "1.5\n"}]
    own = {"tests_ref": store.put(tests), "tests_count": 2}
    responses = {
        "exact": "```python\nprint(int(input()) / 2)\n```",
        "near": "```python\nprint(int(input()) / 2 + 1e-9)\n```",  # LiveCodeBench allows no difference, tokens 1e-6
        "wrong": "```python\nprint(7)\n```",
        "crash": "```python\nraise ValueError\n```",
        "none": "no program",
    }
    problems = [problem_row(name, None, **own) for name in responses]
    samples = [sample_row(name, 0, response) for name, response in responses.items()]
    values = {"comparator": "livecodebench", "comparators_beside": ["tokens"]}
    rows = grade_here(tmp_path, problems, samples, **values)
    found = {
        problem["source_id"]: (row["verdict"], *row["beside"]) for problem, row in zip(problems, rows, strict=True)
    }
    assert found == {
        "exact": ("AC", ("tokens", "AC")),
        "near": ("WA", ("tokens", "AC")),
        "wrong": ("WA", ("tokens", "WA")),
        "crash": ("RE", ("tokens", "RE")),
        "none": ("NF", ("tokens", "NF")),
    }
    write_table(tmp_path / "verdicts.parquet", rows, SAMPLE_VERDICT)
    beside = score_beside(read_table(tmp_path / "verdicts.parquet", SAMPLE_VERDICT), 0.95)
    assert beside["tokens"]["value"] == 0.4
    assert (beside["tokens"]["only_here_correct"], beside["tokens"]["only_here_wrong"]) == (1, 0)


def test_errata_are_counted_apart_or_left_out_by_a_named_list(tmp_path: Path) -> None:
    problems = [problem_row(name, None) for name in "abc"]
    rows = [
        dict.fromkeys(SAMPLE_VERDICT.names)
        | {"problem_id": problem["id"], "sample": 0, "verdict": verdict, "truncated": False, "response_tokens": 1}
        for problem, verdict in zip(problems, ("AC", "AC", "WA"), strict=True)
    ]
    errata = {"wrong tests": ["a", "not here"], "interactive": ["c"]}
    found = score_errata(rows, problems, errata, 0.95)
    assert found is not None
    assert (found["value"], found["problems"], found["correct_among_left_out"]) == (1.0, 1, 1)
    assert found["left_out"] == {"interactive": 1, "wrong tests": 1}
    assert score_errata(rows, problems, {"wrong tests": ["not here"]}, 0.95) is None
    counted = without_errata(benchmark(errata=errata), problems)
    assert counted == (problems, [])
    kept, dropped = without_errata(benchmark(errata=errata, errata_policy="exclude"), problems)
    assert [row["source_id"] for row in kept] == ["b"]
    assert [(row["source_id"], row["rule"], row["reason"]) for row in dropped] == [
        ("a", "errata", "wrong tests"),
        ("c", "errata", "interactive"),
    ]


def test_the_judges_digest_is_of_what_decides_a_verdict_and_of_nothing_else() -> None:
    modules = judge_modules(module_digests(SCRIPTS / "grade.py"))
    assert {"deepcoder.judge.pool", "deepcoder.judge.inside.program", "deepcoder.evaluation.answers"} <= set(modules)
    assert not {name for name in modules if "prompts" in name or "schemas" in name or name == "grade.py"}


def test_prompts_are_one_digest_in_any_order() -> None:
    rows = [{"problem_id": name, "prompt": f"Do {name}."} for name in "abc"]
    assert prompts_digest(rows) == prompts_digest([*rows[::-1], *rows])
    assert prompts_digest(rows) != prompts_digest([*rows[:2], {"problem_id": "c", "prompt": "Do it."}])


def test_missing_samples_are_refused(tmp_path: Path) -> None:
    store = TestsStore(tmp_path / "tests")
    problems = [problem_row("a", store), problem_row("b", store)]
    with pytest.raises(UserError, match="0 samples"):
        grade_here(tmp_path, problems, [sample_row("a", 0, DOUBLE)])
    with pytest.raises(UserError, match="row 1"):
        grade_here(tmp_path, problems[:1], [sample_row("a", 0, DOUBLE), sample_row("b", 0, DOUBLE)])


def test_a_shard_is_graded_alone_and_must_be_whole(tmp_path: Path) -> None:
    store = TestsStore(tmp_path / "tests")
    problems, second = [problem_row("a", store), problem_row("b", store)], Shard(1, 2)
    asked = replace(how(benchmark(samples=3)), shard=second)
    names = {problem["id"]: name for problem, name in zip(problems, "ab", strict=True)}
    drawn = [(name, number) for name, numbers in second.draws(names, 3).items() for number in numbers]
    samples = [sample_row(names[name], number, DOUBLE) for name, number in drawn]
    rows = grade(samples, problems, store, byte_tokenizer().decode, asked).rows
    assert sorted((row["problem_id"], row["sample"]) for row in rows) == drawn
    with pytest.raises(UserError, match=r"samples instead of 0 .. 2 that fall to shard 1 of 2"):
        grade(samples[:2], problems, store, byte_tokenizer().decode, asked)


def test_a_problem_without_tests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no tests"):
        grade_here(tmp_path, [problem_row("a", None)], [sample_row("a", 0, DOUBLE)])


def test_answers_are_compared_without_the_judge(tmp_path: Path) -> None:
    problems = [problem_row(name, None, kind="answer", answer="73") for name in "abc"]
    samples = [
        sample_row("a", 0, r"<think>hm</think> \boxed{073}"),
        sample_row("b", 0, r"</think> \boxed{74}"),
        sample_row("c", 0, r"hm \boxed{73}", prompt="Solve. <think>"),
    ]
    rows = grade_here(tmp_path, problems, samples, metric="answer_accuracy", comparator="exact_answer")
    assert [row["verdict"] for row in rows] == ["AC", "WA", "NF"]


def test_a_function_may_use_what_the_prompt_of_humaneval_defines(tmp_path: Path) -> None:
    store = TestsStore(tmp_path / "tests")
    stub = 'from typing import List\n\n\ndef total(xs: List[int]) -> int:\n    """Sum."""\n'
    tests = [{"args": [[1, 2]], "expected": 3}, {"args": [[]], "expected": 0}]
    call = {"kind": "call", "fn_name": "total", "tests_ref": store.put(tests), "tests_count": 2, "statement": stub}
    response = "```python\ndef total(xs: List[int]) -> int:\n    return sum(xs)\n```"
    problems = [problem_row("a", None, **call)]
    [row] = grade_here(tmp_path, problems, [sample_row("a", 0, response)], prompt="humaneval", comparator="evalplus")
    assert row["verdict"] == "AC", row


def test_the_judges_own_faults_are_counted_and_never_scored() -> None:
    def row(problem: str, sample: int, verdict: str) -> dict[str, Any]:
        base: dict[str, Any] = dict.fromkeys(SAMPLE_VERDICT.names)
        return base | {
            "problem_id": problem,
            "sample": sample,
            "verdict": verdict,
            "truncated": False,
            "response_tokens": 5,
        }

    rows = [row("a", 0, "AC"), row("a", 1, "IE"), row("b", 0, "WA"), row("b", 1, "WA"), row("c", 0, "IE")]
    found = score_verdicts(rows, 0.95)
    assert found["value"] == 0.5
    assert found["counts"]["internal_errors"] == 2
    assert found["counts"]["problems_unscored"] == 1
    assert found["pass_at_k"]["2"]["problems"] == 1
    with pytest.raises(UserError, match="no verdict to score"):
        score_verdicts(rows[-1:], 0.95)


def test_the_door_refuses_a_benchmark_sampled_too_little(tmp_path: Path) -> None:
    made = make(tmp_path, [problem_row("a", TestsStore(tmp_path / "tests"))], [sample_row("a", 0, DOUBLE)])
    run = grade_door(made, tmp_path / "verdicts.json", 1000)  # one sample, the benchmark declares four
    assert run.returncode == 1
    assert "1 samples instead of 0 .. 3" in run.stderr
    assert not (tmp_path / "verdicts.json").exists()
