"""Shared tests say that two problems are one only where chance and kinship cannot."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from deepcoder.config.schema import SharedTests
from deepcoder.curation.similarity.digests import KEPT, digests_of_tests
from deepcoder.curation.similarity.shared_tests import shared_tests

HOW = SharedTests()


def cases(answer, inputs):
    return [{"input": f"{given}\n", "output": f"{answer(given)}\n"} for given in inputs]


def found(*problems, similarity=0.0, between=None):
    result = shared_tests(list(map(digests_of_tests, problems)), HOW, lambda first, other: similarity, between)
    return [pair[:2] for pair in result.pairs]


def large(seed, count=12):
    rng = random.Random(seed)
    return [rng.randrange(10**6, 10**7) for _ in range(count)]


def test_the_same_tests_in_another_order_and_layout_make_two_problems_one():
    tests = cases(lambda given: given**2, large(1))
    other = [{"input": f" {test['input']}\n\n", "output": test["output"].strip()} for test in reversed(tests)]
    assert found(tests, cases(lambda given: given**2, large(2)), other) == [(0, 2)]
    calls = [{"args": [test["input"], [1]], "expected": {"a": test["output"]}} for test in tests]
    assert found(calls, calls) == [(0, 1)]
    assert found(calls, tests) == []
    odd = [{"args": [(1, {2}), "\ud800"], "expected": f"\ud800{number}" * 9} for number in range(3)]
    assert found(odd, odd) == [(0, 1)]


def test_yes_and_no_over_the_same_inputs_are_no_evidence():
    inputs = large(3, 200)
    even, also = (cases(lambda given, k=k: "YES" if given % 2 else "NO", inputs) for k in range(2))
    assert found(even, also) == []


def test_trivial_tests_are_no_evidence():
    assert found(cases(lambda given: given, range(6)), cases(lambda given: given % 6, range(6)), similarity=1.0) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(4, 100), st.floats(0, 0.7), st.integers(0, 1000))
def test_problems_on_the_same_inputs_with_some_equal_outputs_stay_apart(count, equal, seed):
    rng = random.Random(seed)
    inputs = large(seed, count)
    answers = [given * 7 if rng.random() < equal else given * 11 for given in inputs]
    if sum(answer == 7 * given for given, answer in zip(inputs, answers, strict=True)) > equal * count:
        return
    first = cases(lambda given: given * 7, inputs)
    other = [{"input": f"{given}\n", "output": str(answer)} for given, answer in zip(inputs, answers, strict=True)]
    assert found(first, other, similarity=1.0) == []


def test_the_samples_of_a_problem_need_the_support_of_its_statement():
    tests = cases(lambda given: given**2, large(4))
    assert found(tests, tests[:3], similarity=0.31) == [(0, 1)]
    assert found(tests, tests[:3], similarity=0.29) == []
    assert found(tests, tests[:2], similarity=1.0) == []


def test_a_problem_with_thousands_of_tests_keeps_few_digests_and_is_still_found():
    tests = cases(lambda given: given**2, large(5, 3000))
    digests = digests_of_tests(tests)
    assert digests == sorted(set(digests))
    assert len(digests) == KEPT
    assert digests_of_tests(tests[::-1] + tests) == digests
    assert found(tests, tests[:2900]) == [(0, 1)]
    assert found(tests, tests[:1500]) == []


def test_hundreds_of_problems_with_the_same_tests_are_all_paired_and_nothing_else():
    tests = cases(lambda given: given**2, large(6))
    others = [cases(lambda given: given**2, large(seed)) for seed in range(100, 120)]
    result = shared_tests(list(map(digests_of_tests, [tests] * 200 + others)), HOW, lambda first, other: 0.0)
    assert not result.complete
    assert {place for pair in result.pairs for place in pair[:2]} == set(range(200))
    assert found(tests, *others, tests, between=1) == [(0, 21)]
    assert found(*others, tests, tests, between=5) == []
