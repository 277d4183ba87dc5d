"""Tests are tried on wrong programs: which fail none is found exactly, and told the same way in every run."""

import asyncio
from dataclasses import replace

import pytest
from test_curate import curation, evidence, parsed, problems_of

from deepcoder.config.schema import Verification
from deepcoder.curation.curate import curate
from deepcoder.curation.shards import Shards
from deepcoder.curation.verify import verify_in_shards
from deepcoder.curation.weak_tests import judge_mutants, weak_row
from deepcoder.judge import Verdict
from deepcoder.schemas.tests_store import TestsStore

ABSOLUTE = "n = int(input())\nif n < 0:\n    n = 0 - n\nprint(n)\n"
POLICY = Verification(comparator="tokens", runs=1, mutants=50)


def absolutes(*numbers):
    return [{"input": f"{number}\n", "output": f"{abs(number)}\n"} for number in numbers]


def verified(tmp_path, judge, rows, policy=POLICY):
    problems, _ = problems_of(rows, tmp_path)
    return problems, verify_in_shards(problems, policy, judge, TestsStore(tmp_path / "tests"), Shards(None, ""))


def test_a_test_that_fails_no_mutant_is_weak_and_every_mutant_is_kept(tmp_path, judge):
    positive, both = absolutes(5, 5, 7, 9, 11), absolutes(5, -3, 0, -3, 7)
    rows = [parsed("positive", tests=positive, solutions=[ABSOLUTE]), parsed("both", tests=both, solutions=[ABSOLUTE])]
    problems, found = verified(tmp_path, judge, rows)
    names = {row["id"]: row["source_id"] for row in problems}
    weak = {names[row["problem_id"]]: row for row in found.weak}
    faults = {name: {row["fault"]: row for row in found.mutants if names[row["problem_id"]] == name} for name in weak}
    counts = [(row["mutants"], row["failed"], row["weak"]) for row in (weak["positive"], weak["both"])]
    assert counts == [(10, 2, True), (10, 7, False)]
    assert len(found.mutants) == 22  # one of each problem's crashes
    assert faults["both"]["delete the statement"]["failed_tests"] == [0, 2]
    assert faults["positive"]["Sub to Add"]["verdict"] == "AC"
    assert faults["both"]["Sub to Add"]["verdict"] == "WA"
    assert faults["both"]["Sub to Add"]["failed_tests"][0] == 1
    assert faults["both"]["Sub to Add"]["line"] == 3


def judged_on(failing, verdict="WA"):
    """A judge that stops at the first test which fails a program, and the submissions that it took."""
    asked = []

    async def judge_on(program, places):
        asked.append((program, list(places)))
        first = next((index for index, place in enumerate(places) if failing(program, place)), None)
        passed = len(places) if first is None else first
        return Verdict("m", "AC" if first is None else verdict, passed, len(places), first, 0.0, 0.0, 0.0, "", "none")

    return asked, judge_on


@pytest.mark.parametrize("modulus", [1, 2, 3, 7, 100])
def test_weak_tests_are_those_that_judging_each_pair_would_find(modulus):
    tests, program = 20, "\n".join(f"a{number} = {number} + x" for number in range(6))

    def failing(mutant, place):
        return (len(mutant) * 7 + sum(map(ord, mutant)) + place) % modulus == 0

    asked, judge_on = judged_on(failing)
    rows = asyncio.run(judge_mutants("p", 0, program, 5, tests, judge_on))
    mutants = [text for text, places in asked if len(places) == tests and places == list(range(tests))][: len(rows)]
    truth = [place for place in range(tests) if not any(failing(mutant, place) for mutant in mutants)]
    assert weak_row("p", tests, rows, 0.5)["weak_tests"] == truth
    assert len(asked) <= len(rows) * 2 + tests
    assert rows == asyncio.run(judge_mutants("p", 0, program, 5, tests, judge_on))


def test_a_mutant_that_runs_into_a_limit_is_judged_once():
    asked, judge_on = judged_on(lambda mutant, place: True, "TLE")
    rows = asyncio.run(judge_mutants("p", 0, "while x < 3:\n    x += 1", 3, 10, judge_on))
    assert [row["failed_tests"] for row in rows] == [[0]] * 3
    assert len(asked) == 3


def test_a_program_without_mutants_or_that_does_not_parse_says_nothing_of_its_tests():
    _, judge_on = judged_on(lambda mutant, place: True)
    for program in ("import os", "print 1"):
        rows = asyncio.run(judge_mutants("p", 0, program, 3, 10, judge_on))
        assert rows == []
        row = weak_row("p", 10, rows, 0.5)
        assert (row["mutants"], row["weak_tests"], row["weak"]) == (0, [], False)


def test_tests_that_fail_too_few_mutants_are_flagged_and_dropped_only_on_request(tmp_path, judge):
    rows = [parsed(name, solutions=["print(2 * int(input()))\n"]) for name in ("blind", "seeing")]
    problems, found = verified(tmp_path, judge, rows)
    assert [row["weak"] for row in found.weak] == [False, False]
    assert [row["weak"] for row in verified(tmp_path, judge, rows, replace(POLICY, weak_share=1.1))[1].weak] == [
        True
    ] * 2
    weak = {row["problem_id"]: row for row in found.weak}
    blind = next(row["id"] for row in problems if row["source_id"] == "blind")
    weak[blind] = weak_row(blind, 6, [{"verdict": "AC", "failed_tests": []}] * 4, 0.5)
    assert weak[blind]["weak"]
    known = evidence(problems, weak=weak)
    assert len(curate(problems, [], curation(), known).train) == 2
    (gone,) = curate(problems, [], curation(drop_weak=True), known).dropped
    assert (gone["source_id"], gone["rule"]) == ("blind", "weak_tests")
    assert gone["reason"] == "its 6 tests fail none of 4 mutants of a reference"


def test_what_crashes_makes_no_test_strong():
    rows = [
        {"verdict": "RE", "failed_tests": [0]},
        {"verdict": "WA", "failed_tests": [2]},
        {"verdict": "AC", "failed_tests": []},
    ]
    row = weak_row("p", 4, rows, 0.5)
    assert (row["mutants"], row["failed"], row["weak_tests"], row["weak"]) == (2, 1, [0, 1, 3], False)
