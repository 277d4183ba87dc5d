"""Verdicts of sampled responses at one context length.

Programs go to the judge; mathematical answers are compared here. Equal programs for one problem are judged once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepcoder.config.schema import Benchmark, Judge
from deepcoder.errors import UserError
from deepcoder.evaluation.answers import extract_answer, same_answer
from deepcoder.evaluation.truncation import Cut, Decode, cut, with_opened_thinking
from deepcoder.judge import Submission, Verdict, extract_code, open_judge
from deepcoder.schemas.tests_store import TestsStore
from deepcoder.shards import WHOLE, Shard

DETAIL_CHARACTERS = 400
COMPARED = ("AC", "WA")  # verdicts of a comparator; all others say that there was nothing to compare
TIMED = ("TLE", "MLE")  # their details hold measurements, which differ between equal runs

Row = dict[str, Any]


@dataclass(frozen=True)
class Grading:
    """How responses are graded.

    Attributes:
        context_tokens: response tokens that count.
        thinking: the model thinks before it answers; what it thought is no answer.
        shard: which of the benchmark's samples there are.
    """

    benchmark: Benchmark
    judge: Judge
    context_tokens: int
    thinking: bool
    shard: Shard = WHOLE


@dataclass(frozen=True)
class Graded:
    """Rows of schemas.sample.SAMPLE_VERDICT by (problem order, sample), and the isolation levels that held them."""

    rows: list[Row]
    isolation: list[str]


def grade(samples: Sequence[Row], problems: Sequence[Row], store: TestsStore, decode: Decode, how: Grading) -> Graded:
    """Grade every sample.

    Args:
        samples: rows of schemas.sample.SAMPLE.
        problems: rows of schemas.problem.PROBLEM, the whole benchmark.
        store: the tests that the problems refer to.
        decode: token ids to text, for responses longer than the context.

    Raises:
        UserError: samples that do not cover the benchmark evenly, or a problem without tests.
    """
    by_problem = _by_problem(samples, problems, how)
    cuts = {
        (sample["problem_id"], sample["sample"]): with_opened_thinking(
            cut(sample, how.context_tokens, decode), sample["prompt"]
        )
        for group in by_problem.values()
        for sample in group
    }
    rows: dict[tuple[str, int], Row] = {}
    programs: list[tuple[Row, tuple[str, int], str]] = []
    for problem in problems:
        for sample in by_problem[problem["id"]]:
            key = (problem["id"], sample["sample"])
            if problem["kind"] == "answer":
                rows[key] = _answer_row(key, cuts[key], problem, how.thinking)
            elif (program := find_program(cuts[key].text, problem, how)) is None:
                rows[key] = _row(key, cuts[key], "NF", 0, problem["tests_count"] or 0, None, None, "no code found")
            else:
                programs.append((problem, key, program))
    isolation: set[str] = set()
    for key, program, verdict in _judge(programs, store, how, how.benchmark.comparator):
        isolation.add(verdict.isolation)
        detail = "" if verdict.verdict in TIMED else verdict.detail[:DETAIL_CHARACTERS]
        rows[key] = _row(
            key, cuts[key], verdict.verdict, verdict.passed, verdict.total, verdict.failed_test, program, detail
        )
    for name in how.benchmark.comparators_beside:
        # Only where a comparator decided can another one decide otherwise.
        decided = [item for item in programs if rows[item[1]]["verdict"] in COMPARED]
        given = {key: verdict.verdict for key, _, verdict in _judge(decided, store, how, name)}
        for key, row in rows.items():
            row["beside"].append((name, given.get(key, row["verdict"])))
    return Graded([rows[key] for key in cuts], sorted(isolation))


def find_program(response: str, problem: Row, how: Grading) -> str | None:
    """The program of a response, or None.

    HumanEval's prompt is Python itself, and its helpers and imports may be used by the answer [evalplus runs prompt
    and completion together], so it is put before the program.
    """
    program = extract_code(response, policy="after_thinking" if how.thinking else "response")
    if program is None or how.benchmark.prompt != "humaneval":
        return program
    stub = problem["starter_code"] or problem["statement"]
    return f"{stub}\n\n{program}" if _parses(stub) else program


def time_limit_s(problem: Row, how: Grading) -> float:
    """CPU seconds per test: the problem's own limit, else the benchmark's, else the judge's."""
    return problem["time_limit_s"] or how.benchmark.time_limit_s or how.judge.time_limit_s


def _by_problem(samples: Sequence[Row], problems: Sequence[Row], how: Grading) -> dict[str, list[Row]]:
    benchmark = how.benchmark
    groups: dict[str, list[Row]] = {problem["id"]: [] for problem in problems}
    for number, sample in enumerate(samples):
        if sample["problem_id"] not in groups:
            raise UserError(
                f"samples of {benchmark.title}: row {number} answers problem {sample['problem_id']}, which the "
                "benchmark does not have; sample again"
            )
        groups[sample["problem_id"]].append(sample)
    drawn = how.shard.draws(groups, benchmark.samples)
    for problem_id, group in groups.items():
        group.sort(key=lambda sample: sample["sample"])
        if [sample["sample"] for sample in group] != drawn[problem_id]:
            part = "" if how.shard == WHOLE else f" that fall to shard {how.shard.number} of {how.shard.of}"
            raise UserError(
                f"samples of {benchmark.title}: problem {problem_id} has {len(group)} samples instead of 0 .. "
                f"{benchmark.samples - 1}{part}; sample again"
            )
    return groups


def _judge(
    programs: Sequence[tuple[Row, tuple[str, int], str]], store: TestsStore, how: Grading, comparator: str
) -> Iterator[tuple[tuple[str, int], str, Verdict]]:
    """Judge equal programs of a problem once; tests are read problem by problem, as the pool takes them."""
    wanted: dict[tuple[str, str], list[tuple[str, int]]] = {}
    known = {problem["id"]: problem for problem, _, _ in programs}
    for problem, key, program in programs:
        wanted.setdefault((problem["id"], program), []).append(key)
    if not wanted:
        return
    with open_judge(how.judge.workers, how.judge.isolation, comparator) as pool:
        for (pair, keys), verdict in zip(
            wanted.items(), pool.imap(_submissions(list(wanted), known, store, how)), strict=True
        ):
            for key in keys:
                yield key, pair[1], verdict


def _submissions(
    pairs: Sequence[tuple[str, str]], known: Mapping[str, Row], store: TestsStore, how: Grading
) -> Iterator[Submission]:
    current, tests = None, []
    for number, (problem_id, program) in enumerate(pairs):
        if problem_id != current:
            current, tests = problem_id, _tests(known[problem_id], store)
        yield _submission(known[problem_id], program, tests, number, how)


def _submission(problem: Row, program: str, tests: list[Row], number: int, how: Grading) -> Submission:
    return Submission(
        id=f"{problem['id']}/{number}",
        kind=problem["kind"],
        program=program,
        tests=tests,
        fn_name=problem["fn_name"],
        time_limit_s=time_limit_s(problem, how),
        memory_limit_mb=how.judge.memory_limit_mb,
    )


def _tests(problem: Row, store: TestsStore) -> list[Row]:
    if not problem["tests_ref"]:
        raise UserError(
            f"problem {problem['id']} ({problem['source']} {problem['source_id']}) has no tests; "
            "prepare the benchmark again without it"
        )
    return store.get(problem["tests_ref"])


def _answer_row(key: tuple[str, int], response: Cut, problem: Row, thinking: bool) -> Row:
    answer = extract_answer(response.text, thinking)
    if answer is None:
        return _row(key, response, "NF", 0, 1, None, None, "no boxed answer found")
    right = same_answer(answer, problem["answer"])
    return _row(key, response, "AC" if right else "WA", int(right), 1, None if right else 0, answer, "")


def _row(
    key: tuple[str, int],
    response: Cut,
    verdict: str,
    passed: int,
    total: int,
    failed_test: int | None,
    program: str | None,
    detail: str,
) -> Row:
    return {
        "problem_id": key[0],
        "sample": key[1],
        "verdict": verdict,
        "passed": passed,
        "total": total,
        "failed_test": failed_test,
        "truncated": response.truncated,
        "response_tokens": response.tokens,
        "program": program,
        "detail": detail,
        "beside": [],
    }


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
