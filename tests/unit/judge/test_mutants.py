"""A program that is nearly right, or no answer at all, does not pass: the tests and the comparison both bite."""

import json

import pytest
from tests.benchmarks.corpus import LIGHT_PROBLEMS

from deepcoder.curation.mutants import mutants
from deepcoder.easy import generate
from deepcoder.judge import JudgePool, Submission

MUTANTS = 12  # of each problem
LIMIT_S = 0.3  # a mutant that never ends costs that much


def problems() -> list[dict]:
    """22 problems of the benchmark and 8 easy ones, spread over families and kinds."""
    rich = [
        {
            "id": problem.name,
            "kind": problem.kind,
            "fn_name": problem.fn_name,
            "solution": problem.program,
            "tests": problem.tests(),
        }
        for problem in LIGHT_PROBLEMS
        if len(mutants(problem.program)) >= MUTANTS
    ]
    easy = [row for row in generate() if not row["id"].startswith("planted")]
    odd = len(easy) // 8 | 1  # kinds alternate
    return rich[:22] + easy[::odd][:8]


PROBLEMS = problems()


def submission(problem: dict, program: str, name: str) -> Submission:
    return Submission(
        name, problem["kind"], program, problem["tests"], fn_name=problem["fn_name"], time_limit_s=LIMIT_S
    )


def function(problem: dict, result: str) -> str:
    return f"def {problem['fn_name']}(*arguments):\n    return {result}"


def empty(problem: dict) -> str:
    return "" if problem["kind"] == "stdin" else function(problem, "None")


def echo(problem: dict) -> str:
    if problem["kind"] == "stdin":
        return "import sys\nsys.stdout.write(sys.stdin.read())"
    return function(problem, "arguments[0]")


def constant(problem: dict) -> str:
    first = problem["tests"][0]
    if problem["kind"] == "stdin":
        return f"print({first['output']!r}, end='')"
    return function(problem, repr(first["expected"]))


def test_the_references_pass(pool: JudgePool):
    verdicts = pool.map(submission(problem, problem["solution"], problem["id"]) for problem in PROBLEMS)
    assert [verdict for verdict in verdicts if verdict.verdict != "AC"] == []
    assert len(PROBLEMS) == 30


@pytest.mark.parametrize("program", [empty, echo, constant])
def test_no_answer_at_all_never_passes(program, pool: JudgePool):
    verdicts = pool.map(submission(problem, program(problem), problem["id"]) for problem in PROBLEMS)
    assert [verdict.id for verdict in verdicts if verdict.verdict in ("AC", "IE")] == []


def test_nine_of_ten_mutants_fail(pool: JudgePool):
    made = {
        json.dumps([problem["id"], mutant.line, mutant.fault, number]): submission(problem, mutant.program, "")
        for problem in PROBLEMS
        for number, mutant in enumerate(mutants(problem["solution"], MUTANTS))
    }
    verdicts = pool.map(made.values())
    passed = {name for name, verdict in zip(made, verdicts, strict=True) if verdict.verdict == "AC"}
    report = f"{len(passed)} of {len(made)} mutants passed:\n" + "\n".join(sorted(passed))
    print(report)
    assert all(verdict.verdict != "IE" for verdict in verdicts)
    assert len(made) > 250
    assert len(passed) <= len(made) / 10, report
