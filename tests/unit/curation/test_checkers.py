"""Problems that allow several answers are judged by a checker where one decides, and leave the set where none does."""

from dataclasses import replace

import pytest
from test_curate import curation, evidence, parsed, problems_of

from deepcoder.config.schema import Verification
from deepcoder.curation.checkers import checker_for
from deepcoder.curation.curate import curate, write_curated
from deepcoder.curation.outcomes import outcomes
from deepcoder.curation.verify import verify
from deepcoder.judge import JudgePool, Submission
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table
from deepcoder.schemas.tests_store import TestsStore

CHECKER = Verification(comparator="tokens", runs=1, several_answers="checker")
ORDER, CASE = "Print the edges in any order.", "You can print each letter in any case."
TOLERANCE = "The answer is right if its relative or absolute error is at most 10^{-2}."
ANY = "If there are several answers, print any of them."


def problem(statement, kind="stdin"):
    return {"statement": statement, "kind": kind}


@pytest.fixture(scope="module")
def pool():
    with JudgePool(workers=1) as running:
        yield running


@pytest.mark.parametrize(
    ("statement", "expected", "printed", "verdict"),
    [
        (ORDER, "2\n1 2\n3 4", "2\n3 4\n1 2", "AC"),
        (ORDER, "1 2 3", "3 1 2", "AC"),
        (ORDER, "1 2\n3 4", "3 2\n1 4", "WA"),  # other edges
        (ORDER, "1 2\n3 4", "4 3\n2 1", "WA"),  # both lines and their tokens
        (ORDER, "1 2 2", "1 1 2", "WA"),
        (ORDER, "a b", "B a", "WA"),
        (CASE, "YES\n1", "yes\n1", "AC"),
        (CASE, "YES\n1", "no\n1", "WA"),
        (CASE, "YES 1", "1 YES", "WA"),
        (f"{ORDER} {CASE}", "Yes a", "A yes", "AC"),
        (TOLERANCE, "1.5", "1.509", "AC"),
        (TOLERANCE, "200.0", "201.9", "AC"),
        (TOLERANCE, "1.5", "1.53", "WA"),
        (TOLERANCE, "150", "151", "WA"),  # integers are exact
        (TOLERANCE, "1.5", "nan", "WA"),
        (TOLERANCE, "1.5", "", "WA"),
    ],
)
def test_a_checker_allows_what_the_statement_allows_and_no_more(pool, statement, expected, printed, verdict):
    checker = checker_for(problem(statement), CHECKER)
    tests = [{"input": "", "output": expected}]
    program = f"print({printed!r})"
    asked = Submission("s", "stdin", program, tests, comparator="checker", checker=checker.source)
    assert pool.judge(asked).verdict == verdict


def test_no_checker_where_none_decides_or_none_is_wanted():
    assert checker_for(problem(ORDER), CHECKER).name == "any_order"
    assert checker_for(problem(f"{CASE} {ORDER}"), CHECKER).name == "any_order, any_case"
    assert checker_for(problem(TOLERANCE), CHECKER).name == "tolerance 0.01"
    fine = TOLERANCE.replace("-2", "-9")  # comparator tokens decides it
    for statement in ("Add two numbers.", ANY, f"{ORDER} {ANY}", f"{ANY} {CASE}", fine):
        assert checker_for(problem(statement), CHECKER) is None
    assert checker_for(problem(ORDER, "call"), CHECKER) is None
    for policy in ("keep", "drop"):
        assert checker_for(problem(ORDER), replace(CHECKER, several_answers=policy)) is None


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ("keep", {"plain", "any", "order", "case", "loose"}),
        ("drop", {"plain", "case", "loose"}),
        ("checker", {"plain", "case", "loose", "order"}),
    ],
)
def test_the_policy_says_which_problems_leave_the_set(tmp_path, policy, kept):
    texts = {"plain": "", "any": ANY, "order": ORDER, "case": CASE, "loose": TOLERANCE}
    problems, _ = problems_of([parsed(name, statement=f"{name}. {text}") for name, text in texts.items()], tmp_path)
    config = curation(verification=replace(CHECKER, several_answers=policy))
    result = curate(problems, [], config, evidence(problems))
    assert {row["source_id"] for row in result.train} == kept
    assert {row["rule"] for row in result.dropped} <= {"several_answers"}
    reasons = {row["source_id"]: row["reason"] for row in result.dropped}
    assert reasons.get("any", ANY) in (ANY, f'the statement allows several answers (any_answer): "{ANY.rstrip(".")}"')


def test_a_checker_goes_with_the_problem_into_the_training_set(tmp_path):
    rows = [parsed("order", statement=f"order. {ORDER}"), parsed("plain", statement="plain.")]
    problems, _ = problems_of(rows, tmp_path)
    for policy in (CHECKER, replace(CHECKER, several_answers="keep")):
        result = curate(problems, [], curation(verification=policy), evidence(problems))
        write_curated(tmp_path / "manifest.json", "made", policy, result, problems)
        written = {row["source_id"]: row["checker"] for row in read_table(tmp_path / "train.parquet", PROBLEM)}
        allowed = checker_for(next(row for row in problems if row["source_id"] == "order"), policy)
        assert written == {"order": allowed and allowed.source, "plain": None}
        assert (allowed is None) == (policy is not CHECKER)


def test_verification_judges_by_the_checker_and_records_it(tmp_path, judge):
    reverse = "print(*reversed(input().split()))"
    tests = [{"input": f"1 2 {last}\n", "output": f"1 2 {last}\n"} for last in "345678"]
    rows = [
        parsed(name, statement=f"{name}. {text}", tests=tests, solutions=[reverse])
        for name, text in (("order", ORDER), ("plain", ""))
    ]
    problems, _ = problems_of(rows, tmp_path)
    names = {row["id"]: row["source_id"] for row in problems}
    for policy, expected in (
        ("checker", {"order": ("AC", "any_order"), "plain": ("WA", None)}),
        ("drop", {"order": ("WA", None), "plain": ("WA", None)}),
    ):
        verdicts = verify(problems, replace(CHECKER, several_answers=policy), judge, TestsStore(tmp_path / "tests"))
        assert {names[row["problem_id"]]: (row["verdict"], row["checker"]) for row in verdicts} == expected


def test_references_that_disagree_tell_of_several_answers(tmp_path, judge):
    double, other, crash = "print(2 * int(input()))", "n = int(input())\nprint(2 * n if n < 3 else 0)", "print(1 // 0)"
    rows = [
        parsed("agree", solutions=[double, "n = int(input())\nprint(n + n)"]),
        parsed("later", solutions=[double, other]),
        parsed("earlier", solutions=[other, double]),
        parsed("crash", solutions=[crash, double]),
        parsed("other problem", solutions=["print('none')", double]),
    ]
    problems, _ = problems_of(rows, tmp_path)
    store = TestsStore(tmp_path / "tests")
    policy = Verification(comparator="tokens", runs=1, several_answers="drop", compare_references=2)
    found = outcomes(verify(problems, policy, judge, store), policy)
    result = curate(problems, [], curation(verification=policy), evidence(problems, outcomes=found))
    assert {row["source_id"]: (row["rule"], row["reason"]) for row in result.dropped} == {
        "later": (
            "several_answers",
            "the references disagree: solution 0 passes all tests, solution 1 gives another answer to test 3",
        ),
        "earlier": (
            "several_answers",
            "the references disagree: solution 1 passes all tests, solution 0 gives another answer to test 3",
        ),
    }
    one = replace(policy, compare_references=1)
    assert [row["solution"] for row in verify(problems[:2], one, judge, store)] == [
        place for row in problems[:2] for place in range(1 if row["solutions"][0] == double else 2)
    ]
    kept = curation(verification=replace(policy, several_answers="keep"))
    assert len(curate(problems, [], kept, evidence(problems, outcomes=found)).train) == len(rows)
