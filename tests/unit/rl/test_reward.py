"""The reward of a response: which tests, which limits, what counts as a program, and what the judge's fault costs."""

from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from deepcoder.config.schema import Config
from deepcoder.errors import UserError
from deepcoder.judge import JudgePool, Verdict
from deepcoder.prompts import fenced_response
from deepcoder.rl.reward import Grader, choose_tests, time_limit_s
from deepcoder.schemas.tests_store import TestsStore

CALLS = [{"args": list(range(n)), "expected": n} for n in range(1, 5)]
STDIN = [{"input": "x" * n, "output": str(n)} for n in (1, 4, 2, 3)]
PROBLEM = {"id": "p", "source": "easy", "kind": "stdin", "fn_name": None, "time_limit_s": None, "checker": None}


def test_the_tests_with_the_longest_input_are_judged(config: Config) -> None:
    recipe = replace(config.recipes["strict"], max_tests=2)
    assert choose_tests(STDIN, "stdin", recipe) == ("stdin", [STDIN[1], STDIN[3]])
    assert choose_tests(CALLS, "call", recipe) == ("call", [CALLS[3], CALLS[2]])
    assert choose_tests(STDIN, "stdin", replace(recipe, max_tests=4)) == ("stdin", STDIN)


def test_the_released_grader_loses_the_function_name_beyond_its_limit(config: Config) -> None:
    recipe = replace(config.recipes["as_released"], max_tests=3)
    kind, tests = choose_tests(CALLS, "call", recipe)
    assert kind == "stdin"
    assert tests[0] == {"input": "0\n1\n2\n3\n", "output": "4"}
    assert choose_tests(CALLS[:3], "call", recipe) == ("call", CALLS[:3])


def test_the_recipe_s_time_limit_wins_over_the_problem_s(config: Config) -> None:
    strict, described = config.recipes["strict"], config.recipes["as_described"]
    own = {"source": "taco_verified", "time_limit_s": 2.5}
    assert time_limit_s(own, strict, config.judge) == 2.5
    assert time_limit_s(own, described, config.judge) == 12.0
    assert time_limit_s({**own, "time_limit_s": None}, strict, config.judge) == config.judge.time_limit_s


@pytest.fixture
def grader(config: Config, tmp_path: Path) -> Grader:
    store = TestsStore(tmp_path)
    ref = store.put([{"input": f"{n}\n", "output": f"{2 * n}\n"} for n in range(5)])
    problems = [{**PROBLEM, "tests_ref": ref}, {**PROBLEM, "id": "empty", "tests_ref": None}]
    pool = JudgePool(1, "auto", "tokens")
    return Grader(problems, store, pool, config.recipes["strict"], config.judge)


def test_a_right_program_a_wrong_one_and_none(grader: Grader) -> None:
    responses = {
        "AC": fenced_response("print(2 * int(input()))", "double it"),
        "WA": fenced_response("print(int(input()))", "keep it"),
        "NF": "<think>\n```python\nprint(2 * int(input()))\n```",
    }
    with grader.pool:
        found = {name: grader.submit("p", "", text).result().verdict for name, text in responses.items()}
        opened = grader.submit("p", "Question\n<think>\n", "```python\nprint(2 * int(input()))\n```").result()
    assert found == {name: name for name in responses}
    assert opened.verdict == "NF", "thinking that the prompt opened is not an answer"


def test_a_problem_with_a_checker_is_judged_by_it(config: Config, tmp_path: Path) -> None:
    store = TestsStore(tmp_path)
    ref = store.put([{"input": f"{n} 9\n", "output": f"{n} 9\n"} for n in range(5)])
    sorted_words = (
        "import sys\nsys.exit(sorted(open(sys.argv[2]).read().split()) != sorted(open(sys.argv[3]).read().split()))"
    )
    problems = [
        {**PROBLEM, "tests_ref": ref, "id": name, "checker": source}
        for name, source in (("any order", sorted_words), ("one", None))
    ]
    backwards = fenced_response("print(*reversed(input().split()))", "turn it")
    with JudgePool(1, "auto", "tokens") as pool:
        grader = Grader(problems, store, pool, config.recipes["strict"], config.judge)
        verdicts = {row["id"]: grader.submit(row["id"], "", backwards).result().verdict for row in problems}
    assert verdicts == {"any order": "AC", "one": "WA"}


def test_equal_programs_are_judged_once_and_the_judge_s_own_failure_again(grader: Grader) -> None:
    response = fenced_response("print(2 * int(input()))", "double it")
    with grader.pool:
        first = grader.submit("p", "", response)
        assert grader.submit("p", "", response + " again") is first
        broken: Future[Verdict] = Future()
        broken.set_result(replace(first.result(), verdict="IE"))
        grader._verdicts = dict.fromkeys(grader._verdicts, broken)
        assert grader.submit("p", "", response).result().verdict == "AC"


def test_a_problem_without_tests_is_named(grader: Grader) -> None:
    with pytest.raises(UserError, match="problem empty of easy has no tests"):
        grader.submit("empty", "", "anything")
