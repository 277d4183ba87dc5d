"""Tests by reference are read where a submission is judged; a lost reference is never a failed program."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from deepcoder.errors import UserError
from deepcoder.judge import JudgePool, Submission
from deepcoder.judge.references import ReferencedTests
from deepcoder.schemas.tests_store import TestsStore


def stored(folder: Path, *outputs: str) -> str:
    return TestsStore(folder).put([{"input": "", "output": output} for output in outputs])


def by_reference(identity: str, ref: str) -> Submission:
    return Submission(identity, "stdin", "print(1)", tests_ref=ref)


def test_a_reference_is_judged_as_its_tests_are(tmp_path):
    with JudgePool(2, tests_store=tmp_path) as pool:
        verdicts = pool.map([by_reference("a", stored(tmp_path, "1", "1")), by_reference("b", stored(tmp_path, "2"))])
    assert [(v.id, v.verdict, v.passed, v.total) for v in verdicts] == [("a", "AC", 2, 2), ("b", "WA", 0, 1)]


def test_lost_tests_are_an_error_of_the_future_and_of_no_program(tmp_path):
    good, damaged = stored(tmp_path, "1"), stored(tmp_path, "2")
    malformed = TestsStore(tmp_path).put([{"input": "x"}])
    TestsStore(tmp_path).path(damaged).write_bytes(b"x")
    refs = ["0" * 64, good, damaged, malformed, good]
    with JudgePool(1, tests_store=tmp_path) as pool:
        futures = [pool.submit(by_reference(str(n), ref)) for n, ref in enumerate(refs)]
        for number, words in ((0, "missing"), (2, "damaged"), (3, "lacks output")):
            with pytest.raises(UserError, match=words):
                futures[number].result()
        assert [futures[n].result().verdict for n in (1, 4)] == ["AC", "AC"]
        found = list(pool.imap((by_reference(str(n), ref) for n, ref in enumerate(refs)), errors="yield"))
        assert [isinstance(item, UserError) for item in found] == [True, False, True, True, False]
        with pytest.raises(UserError, match="missing"):
            pool.map([by_reference("a", refs[0])])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tests": [{"input": "", "output": ""}]}, "both tests and tests_ref"),
        ({"tests_ref": None}, "no tests"),
        ({"tests_ref": "../secret"}, "64 hex digits"),
        ({"tests_ref": 1}, "64 hex digits"),
        ({}, "give the judge the folder tests_store"),
    ],
)
def test_a_submission_has_tests_or_a_reference_that_can_be_followed(change, message, pool):
    with pytest.raises(UserError, match=message):
        pool.submit(replace(by_reference("a", "0" * 64), **change))


def test_a_pickled_pool_finds_the_same_tests(tmp_path):
    ref = stored(tmp_path, "1")
    with pickle.loads(pickle.dumps(JudgePool(1, tests_store=tmp_path))) as copy:
        assert copy.judge(by_reference("a", ref)).verdict == "AC"


def test_kept_tests_are_bounded_in_bytes_and_the_least_used_go_first(tmp_path):
    refs = [stored(tmp_path, str(n) * 100) for n in range(4)]
    size = len(TestsStore(tmp_path).text(refs[0]))
    tests = ReferencedTests(tmp_path, capacity_bytes=2 * size)
    for ref in (refs[0], refs[1], refs[0], refs[2]):
        tests.resolve(by_reference("a", ref))
        assert tests.held_bytes <= 2 * size
    for ref in refs:
        TestsStore(tmp_path).path(ref).unlink()
    for ref in (refs[0], refs[2]):
        assert tests.resolve(by_reference("a", ref)).tests
    with pytest.raises(UserError, match="missing"):
        tests.resolve(by_reference("a", refs[1]))
    small = ReferencedTests(tmp_path, capacity_bytes=size - 1)
    assert small.resolve(by_reference("a", stored(tmp_path, "3" * 100))).tests
    assert small.held_bytes == 0


def test_threads_that_want_the_same_tests_share_one_reading(tmp_path):
    ref = stored(tmp_path, "1" * (1 << 20))
    tests = ReferencedTests(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: tests.resolve(by_reference(str(n), ref)).tests, range(32)))
    assert all(one is found[0] for one in found)
