"""Verification, rules and funnel: what goes goes for a stated reason, and nothing depends on order."""

import csv
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from true_rows import hub_source

from deepcoder.config.schema import Curation, Deduplication, Difficulty, Verification
from deepcoder.curation.curate import curate, write_curated
from deepcoder.curation.normalise import normalise, select_benchmark
from deepcoder.curation.outcomes import Outcome, outcomes
from deepcoder.curation.prompt_tokens import token_counter
from deepcoder.curation.rows import Parsed, Rejected
from deepcoder.curation.rules import RULES, Evidence
from deepcoder.curation.verify import longest_tests, verify
from deepcoder.errors import UserError
from deepcoder.files import sha256_file
from deepcoder.manifest import write_manifest
from deepcoder.schemas.tests_store import TestsStore

WORDS = [f"word{number}" for number in range(400)]
TESTS = [{"input": f"{number}\n", "output": f"{2 * number}\n"} for number in range(6)]
DOUBLE = "print(2 * int(input()))\n"


def statement(seed, words=30):
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def parsed(identity, **changes):
    values = {"statement": statement(identity), "kind": "stdin", "tests": TESTS, "solutions": [DOUBLE], **changes}
    return Parsed(source_id=identity, **values)


def problems_of(rows, tmp_path, name="made"):
    return normalise(name, hub_source(), rows, TestsStore(tmp_path / "tests"))


def curation(**changes):
    values = {"min_tests": 5, "max_prompt_tokens": 100, "validation_fraction": 0.0, **changes}
    return Curation(**{"verification": Verification(comparator="tokens"), **values})


def evidence(problems, **changes):
    values = {
        "outcomes": {row["id"]: Outcome(True, False, "") for row in problems},
        "verifiable": frozenset({"made"}),
        "prompt_tokens": lambda row: len(row["statement"].split()),
        "benchmarks": {},
        **changes,
    }
    return Evidence(**values)


def test_longest_tests_are_chosen_by_input_length():
    tests = [{"input": "a"}, {"input": "aaa"}, {"input": "bbb"}, {"input": "aa"}]
    assert longest_tests(tests, "stdin", 2) == [{"input": "aaa"}, {"input": "bbb"}]
    assert longest_tests(tests, "stdin", 0) == tests
    calls = [{"args": ["long text"]}, {"args": [1, 2]}]
    assert longest_tests(calls, "call", 1) == [{"args": [1, 2]}]


def test_any_solution_verifies_and_majority_asks_for_more_than_half(tmp_path, judge):
    wrong = "print(0)\n"
    rows, _ = problems_of([parsed("a", solutions=[wrong, "print(", DOUBLE]), parsed("b", solutions=[wrong])], tmp_path)
    store = TestsStore(tmp_path / "tests")
    a, b = (next(row["id"] for row in rows if row["source_id"] == name) for name in "ab")

    def result(solutions):
        policy = Verification(comparator="tokens", solutions=solutions, runs=1)
        verdicts = verify(rows, policy, judge, store)
        return verdicts, {identity: outcome.verified for identity, outcome in outcomes(verdicts, policy).items()}

    verdicts, found = result("any")
    assert found == {a: True, b: False}
    assert [row["verdict"] for row in verdicts if row["problem_id"] == a] == ["WA", "CE", "AC"]
    assert result("majority")[1] == {a: False, b: False}
    assert result("first")[1] == {a: False, b: False}
    shuffled = list(rows)
    random.Random(0).shuffle(shuffled)
    assert verify(shuffled, Verification(comparator="tokens", runs=1), judge, store) == verdicts


def test_two_runs_that_differ_make_a_problem_flaky():
    row = {"problem_id": "p", "solution": 0, "passed": 1, "total": 6, "failed_test": None, "verdict": "AC", "run": 0}
    other = {**row, "run": 1, "verdict": "WA", "failed_test": 3}
    outcome = outcomes([other, row], Verification(comparator="tokens"))["p"]
    assert outcome.flaky
    assert not outcome.verified
    assert outcome.reason == "runs of solution 0 differ: AC, WA on test 3"


def test_lenient_verification_passes_what_the_strict_one_refuses(tmp_path, judge):
    tests = [{"input": f"{number}\n", "output": "YES\n"} for number in range(6)]
    rows, _ = problems_of([parsed("banana", tests=tests, solutions=["print('banana')\n"])], tmp_path)
    store = TestsStore(tmp_path / "tests")
    for comparator, expected in (("as_released", True), ("tokens", False)):
        policy = Verification(comparator=comparator, max_tests=15, runs=1)
        (outcome,) = outcomes(verify(rows, policy, judge, store), policy).values()
        assert outcome.verified is expected


def changed(text, count, seed):
    words = text.split()
    for position in random.Random(seed).sample(range(len(words)), count):
        words[position] = "changed"
    return " ".join(words)


def test_of_duplicates_the_best_tested_stays_and_reasons_name_it(tmp_path):
    text = statement("x", words=60)
    rows = [
        parsed("few", statement=text, tests=TESTS[:5]),
        parsed("most", statement=f"{text.upper()}!"),
        parsed("near", statement=changed(text, 2, 1), tests=TESTS[:5]),
        parsed("chain", statement=changed(changed(text, 2, 1), 2, 5), tests=TESTS[:5]),
        parsed("other"),
    ]
    problems, _ = problems_of(rows, tmp_path)
    known = evidence(problems)
    result = curate(problems, [], curation(), known)
    assert sorted(row["source_id"] for row in result.train) == ["most", "other"]
    dropped = {row["source_id"]: row for row in result.dropped}
    assert dropped["few"]["rule"] == "exact_duplicate"
    assert {dropped["near"]["rule"], dropped["chain"]["rule"]} == {"near_duplicate"}
    assert all("(made most)" in row["reason"] for row in dropped.values())
    assert {pair["rule"] for pair in result.pairs} == {"exact_duplicate", "near_duplicate"}
    off = Deduplication(enabled=False)
    assert len(curate(problems, [], curation(deduplication=off), evidence(problems)).train) == 5


def test_problems_of_a_benchmark_are_removed_by_text_or_url(tmp_path):
    text = statement("bench", words=60)
    held, _ = problems_of([parsed("t", statement=text, url="https://example.org/t")], tmp_path, "held")
    rows = [
        parsed("leak", statement=changed(text, 1, 1)),
        parsed("link", url="https://example.org/t"),
        parsed("clean"),
    ]
    problems, _ = problems_of(rows, tmp_path)
    result = curate(problems, [], curation(), evidence(problems, benchmarks={"bench": held}))
    assert [row["source_id"] for row in result.train] == ["clean"]
    assert all(row["rule"] == "contamination" and row["reason"].startswith("bench: ") for row in result.dropped)
    off = Deduplication(enabled=False)
    kept = curate(problems, [], curation(decontamination=off), evidence(problems, benchmarks={"bench": held}))
    assert len(kept.train) == 3


def test_each_rule_drops_what_it_is_for(tmp_path):
    rows = [
        parsed("good"),
        parsed("held", split="heldout"),
        parsed("broken", solutions=["print("]),
        parsed("bare", solutions=[]),
        parsed("few", tests=TESTS[:4]),
        parsed("long", statement=statement("long", words=200)),
        parsed("shaky"),
        parsed("wrong"),
    ]
    problems, _ = problems_of(rows, tmp_path)
    ids = {row["source_id"]: row["id"] for row in problems}
    known = evidence(problems)
    known.outcomes = {
        **known.outcomes,
        ids["shaky"]: Outcome(False, True, "runs differ"),
        ids["wrong"]: Outcome(False, False, "0 of 1 pass"),
    }
    result = curate(problems, [], curation(), known)
    assert {row["source_id"]: row["rule"] for row in result.dropped} == {
        "held": "held_out",
        "broken": "parseable",
        "bare": "parseable",
        "few": "enough_tests",
        "long": "prompt_length",
        "shaky": "flaky",
        "wrong": "verified",
    }
    unverifiable = evidence(problems, outcomes={}, verifiable=frozenset())
    kept = {row["source_id"] for row in curate(problems, [], curation(), unverifiable).train}
    assert kept == {"good", "broken", "bare", "shaky", "wrong"}  # a source without references passes unverified


def test_difficulty_keeps_the_open_band_and_asks_for_its_table(tmp_path):
    problems, _ = problems_of([parsed(name) for name in "abcd"], tmp_path)
    rates = dict(zip([row["id"] for row in problems], [0.0, 0.5, 1.0], strict=False))
    config = curation(difficulty=Difficulty(enabled=True))
    result = curate(problems, [], config, evidence(problems, pass_rates=rates))
    assert [row["id"] for row in result.train] == [problems[1]["id"]]
    assert result.dropped[-1]["rule"] == "difficulty"
    with pytest.raises(UserError, match="--pass-rates"):
        curate(problems, [], config, evidence(problems))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8), st.sampled_from("ab")), max_size=25), st.randoms())
def test_the_funnel_adds_up_and_no_problem_is_lost(tmp_path_factory, kinds, rng):
    tmp_path = tmp_path_factory.mktemp("funnel")
    rows = [
        parsed(f"{number}{source}", statement=statement(text), tests=TESTS[:count])
        if count
        else Rejected(f"{number}{source}", "the test list is empty")
        for number, (text, count, source) in enumerate(kinds)
    ]
    if not any(isinstance(row, Parsed) for row in rows):
        return
    problems, rejected = problems_of(rows, tmp_path)
    config = curation(validation_fraction=0.2)
    result = curate(problems, rejected, config, evidence(problems))
    parts = [*result.train, *result.validation, *result.dropped]
    assert sorted(row["id"] for row in parts) == sorted(row["id"] for row in [*problems, *rejected])
    for before, after in pairwise(result.funnel):
        assert before["rows_out"] == before["rows_in"] - before["removed"]
        if before["source"] == after["source"]:
            assert before["rows_out"] == after["rows_in"]
    assert [row["rule"] for row in result.funnel if row["source"] == "all"] == ["parse", *(name for name, _ in RULES)]
    assert result.funnel[-1]["rows_out"] == len(result.train)
    shuffled = list(problems)
    rng.shuffle(shuffled)
    again = curate(iter(shuffled), rejected[::-1], config, evidence(shuffled))
    assert again == result
    assert not any("statement" in row for row in parts), "statements of problems that stay are kept in memory"


def test_files_are_the_same_bytes_for_any_order_of_the_input(tmp_path):
    rows = [parsed(str(number), statement=statement(number % 25, words=40)) for number in range(40)]
    hashes = []
    for seed in (1, 2):
        random.Random(seed).shuffle(rows)
        problems, rejected = problems_of([*rows, Rejected("bad", "why")], tmp_path / str(seed))
        random.Random(seed).shuffle(problems)
        out = tmp_path / str(seed) / "manifest.json"
        known = evidence(problems)
        result = curate(problems, rejected, curation(validation_fraction=0.2), known)
        write_curated(out, "strict", curation().verification, result, sorted(problems, key=lambda row: row["id"]))
        hashes.append(sha256_file(out))  # of the manifest, which holds those of the files
    assert hashes[0] == hashes[1]
    with open(tmp_path / "1" / "funnel.csv", encoding="utf-8") as handle:
        assert next(csv.reader(handle)) == ["source", "rule", "rows_in", "removed", "rows_out"]


def test_nothing_left_is_an_error_that_says_what_removed_it(tmp_path):
    problems, _ = problems_of([parsed("a", tests=TESTS[:1])], tmp_path)
    with pytest.raises(UserError, match=r"1 by enough_tests.*config/curation/strict\.yaml"):
        result = curate(problems, [], curation(), evidence(problems))
        write_curated(tmp_path / "m.json", "strict", curation().verification, result, problems)


def test_repeated_ids_and_limits_of_a_source(tmp_path):
    problems, dropped = problems_of([parsed("a"), parsed("a")], tmp_path)
    assert len(problems) == 1
    assert dropped[0]["reason"] == "the source has an earlier row with this id"
    limited, _ = normalise("made", hub_source(limit=1), iter([parsed("a"), parsed("b")]), TestsStore(tmp_path))
    assert len(limited) == 1
    with pytest.raises(UserError, match="none of 1 rows became a problem"):
        problems_of([Rejected("a", "why")], tmp_path)


def test_a_benchmark_takes_its_window_and_checks_its_size(tmp_path):
    from deepcoder.config.schema import Benchmark

    source = hub_source(role="both", after="2023-05-01", before="2024-08-01")
    dates = {"old": "2023-01-01", "train": "2024-07-31", "first": "2024-08-01", "late": "2025-02-01", "none": None}
    rows = [parsed(name, date=date) for name, date in dates.items()]
    problems, _ = normalise("made", source, rows, TestsStore(tmp_path))
    window = {"title": "t", "source": "made", "metric": "pass_at_1", "comparator": "tokens", "samples": 1}
    benchmark = Benchmark(**window, prompt="plain", after="2024-08-01", before="2025-02-01", rows_expected=1)
    assert [row["source_id"] for row in select_benchmark("b", benchmark, problems)] == ["first"]
    benchmark.rows_expected = 279
    with pytest.raises(UserError, match="rows_expected is 279, source made gives 1"):
        select_benchmark("b", benchmark, problems)


def test_prompt_tokens_are_counted_by_the_tokenizer_artifact(tmp_path):
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "?": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    manifest = write_manifest(tmp_path / "manifest.json", "tokenizer", [tmp_path / "tokenizer.json"])
    assert token_counter(manifest)({"source": "easy", "statement": "a b c", "starter_code": "d"}) == 4
    (tmp_path / "other.txt").write_text("x")
    with pytest.raises(UserError, match=r"no tokenizer\.json"):
        token_counter(write_manifest(tmp_path / "manifest.json", "tokenizer", [tmp_path / "other.txt"]))
