"""The reward: 1 if the program in a response passes every chosen test, else 0 (sparse outcome, no format bonus)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from deepcoder.config.schema import Judge, Recipe
from deepcoder.errors import UserError
from deepcoder.judge import JudgeInterface, Submission, Verdict, extract_code, no_code_verdict
from deepcoder.schemas.tests_store import TestsStore

Row = Mapping[str, Any]


def choose_tests(tests: Sequence[Row], kind: str, recipe: Recipe) -> tuple[str, list[Row]]:
    """Kind and tests that a sample is judged on: at most recipe.max_tests, those with the longest input.

    Length is that of the text on standard input, for a call the number of arguments. With call_tests_beyond_max
    "lose_function_name" a call problem with more tests than that is graded as a stdin program, which no function
    can pass: the defect of the released grader [agentica-project/rllm@18e446c rewards/code_reward.py].
    """
    if not recipe.max_tests or len(tests) <= recipe.max_tests:
        return kind, list(tests)
    chosen = sorted(tests, key=lambda t: len(t["input"] if kind == "stdin" else t["args"]), reverse=True)
    chosen = chosen[: recipe.max_tests]
    if kind == "call" and recipe.call_tests_beyond_max == "lose_function_name":
        lost: list[Row] = [{"input": _lines(t["args"]), "output": json.dumps(t["expected"])} for t in chosen]
        return "stdin", lost
    return kind, chosen


def time_limit_s(problem: Row, recipe: Recipe, judge: Judge) -> float:
    """CPU seconds per test: the recipe's for this source, else the problem's own, else the judge's."""
    return float(recipe.time_limit_s.get(problem["source"]) or problem["time_limit_s"] or judge.time_limit_s)


class Grader:
    """Judges responses as they arrive; equal programs for one problem are judged once.

    A problem that came with a checker is judged by it, as its references were, any other by the recipe's comparator.
    """

    def __init__(
        self, problems: Sequence[Row], store: TestsStore, pool: JudgeInterface, recipe: Recipe, judge: Judge
    ) -> None:
        self.store, self.pool, self.recipe, self.judge = store, pool, recipe, judge
        self.problems = {problem["id"]: problem for problem in problems}
        self._tests: dict[str, tuple[str, list[Row]]] = {}
        self._verdicts: dict[tuple[str, str], Future[Verdict]] = {}

    def submit(self, problem_id: str, prompt: str, response: str) -> Future[Verdict]:
        """The verdict to come on a response to a problem.

        Raises:
            UserError: the problem has no tests.
        """
        opened = "<think>\n" if prompt.rstrip().endswith("<think>") else ""
        program = extract_code(opened + response, policy=self.recipe.code_extraction, prompt=prompt)  # type: ignore[arg-type]
        kind, tests = self._chosen(problem_id)
        if program is None:
            nothing: Future[Verdict] = Future()
            nothing.set_result(no_code_verdict(problem_id, len(tests)))
            return nothing
        key = (problem_id, program)
        known = self._verdicts.get(key)
        if known is None or (known.done() and known.result().verdict == "IE"):
            self._verdicts[key] = self.pool.submit(self._submission(problem_id, program, kind, tests))
        return self._verdicts[key]

    def _submission(self, problem_id: str, program: str, kind: str, tests: Sequence[Row]) -> Submission:
        problem = self.problems[problem_id]
        checker = problem["checker"]
        return Submission(
            id=problem_id,
            kind=kind,  # type: ignore[arg-type]
            program=program,
            tests=tests,
            fn_name=problem["fn_name"] if kind == "call" else None,
            time_limit_s=time_limit_s(problem, self.recipe, self.judge),
            memory_limit_mb=self.judge.memory_limit_mb,
            comparator="checker" if checker else self.recipe.comparator,
            checker=checker,
        )

    def _chosen(self, problem_id: str) -> tuple[str, list[Row]]:
        if problem_id not in self._tests:
            problem = self.problems[problem_id]
            if not problem["tests_ref"]:
                raise UserError(f"problem {problem_id} of {problem['source']} has no tests; curate it out first")
            self._tests[problem_id] = choose_tests(self.store.get(problem["tests_ref"]), problem["kind"], self.recipe)
        return self._tests[problem_id]


def _lines(args: Sequence[Any]) -> str:
    return "\n".join(json.dumps(arg) for arg in args) + "\n"
