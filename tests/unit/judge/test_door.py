"""The command line judges a file: order kept, malformed lines named, the rest judged."""

# Cases read best on one line.

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepcoder.judge import JudgePool, Submission
from deepcoder.schemas.tests_store import TestsStore
from deepcoder.schemas.verdict import VERDICT

DOOR = Path(__file__).parents[3] / "scripts" / "judge.py"


def judge(folder: Path, lines: list[object], *options: str) -> tuple[int, list[dict], str]:
    submissions, verdicts = folder / "submissions.jsonl", folder / "verdicts.jsonl"
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    submissions.write_text(text, encoding="utf-8", errors="surrogateescape")
    code, told = run(submissions, verdicts, *options)
    found = [json.loads(line) for line in verdicts.read_text().splitlines()] if verdicts.exists() else []
    return code, found, told


def run(submissions: Path, verdicts: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, str(DOOR), str(submissions), str(verdicts), "--workers", "2", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def stdin(identity: str, program: str, *outputs: str, **more: object) -> dict:
    return {
        "id": identity,
        "kind": "stdin",
        "program": program,
        "tests": [{"input": "1", "output": o} for o in outputs],
        **more,
    }


def test_order_is_kept_and_both_kinds_are_judged(tmp_path):
    lines = [stdin(f"s{n}", f"print({n})", str(n)) for n in range(20)]
    lines.append(
        {
            "id": "f",
            "kind": "call",
            "program": "def f(x): return x",
            "fn_name": "f",
            "tests": [{"args": [1], "expected": 2}],
        }
    )
    code, verdicts, _ = judge(tmp_path, lines)
    assert code == 0
    assert [verdict["id"] for verdict in verdicts] == [f"s{n}" for n in range(20)] + ["f"]
    assert [verdict["verdict"] for verdict in verdicts] == ["AC"] * 20 + ["WA"]


def test_malformed_lines_are_named_and_the_rest_is_judged(tmp_path):
    lines = [
        stdin("a", "print(1)", "1"),
        "not json\n",
        stdin("b", "print(1)"),
        {"id": "c", "kind": "stdin", "program": "x"},
        stdin("d", "print(1)", "1", colour="red"),
        stdin("e", "print(1)", "1", comparator="nearly"),
        "\n",
        "[1]\n",
        '{"id": "\udcff"}\n',
        stdin("g", "print(1)", "1", tests_ref="0" * 64),
        stdin("z", "print(1)", "1"),
    ]
    code, verdicts, told = judge(tmp_path, lines)
    assert code == 1
    assert [verdict["id"] for verdict in verdicts] == ["a", "z"]
    for number, word in (
        (2, "JSON"),
        (3, "no tests"),
        (4, "lacks tests"),
        (5, "colour"),
        (6, "nearly"),
        (8, "object"),
        (9, "JSON"),
        (10, "both"),
    ):
        assert any(f"submissions.jsonl:{number}: " in line and word in line for line in told.splitlines())
    assert "Traceback" not in told


def test_options_reach_the_judge(tmp_path):
    lines = [stdin("a", "print('banana')", "YES", "NO"), stdin("b", "print('banana')", "YES", comparator="exact")]
    _, (first, second), _ = judge(tmp_path, lines, "--comparator", "as_released")
    assert (first["verdict"], second["verdict"]) == ("AC", "WA")
    _, (first, _), _ = judge(
        tmp_path, [stdin("a", "print(2)", "1", "2"), lines[1]], "--all-tests", "--isolation", "process"
    )
    assert (first["passed"], first["failed_test"], first["isolation"]) == (1, 0, "process")


def test_a_missing_file_or_a_bad_option_is_one_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, str(DOOR), str(tmp_path / "none"), str(tmp_path / "out")], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "none" in done.stderr
    code, verdicts, told = judge(tmp_path, [stdin("a", "1", "")], "--comparator", "nearly")
    assert (code, verdicts) == (1, [])
    assert "Traceback" not in told


def test_the_table_of_verdicts_takes_every_field(pool: JudgePool):
    from dataclasses import asdict

    verdict = pool.judge(Submission("s", "stdin", "print(1)", [{"input": "", "output": "1"}]))
    assert pa.Table.from_pylist([asdict(verdict)], schema=VERDICT).to_pylist() == [asdict(verdict)]
    assert VERDICT.names == list(asdict(verdict))


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_text_that_is_no_unicode_harms_no_file(suffix, tmp_path):
    given, verdicts = tmp_path / "s.jsonl", tmp_path / f"v.{suffix}"
    rows = [stdin("\udcff", r"raise ValueError('\udcff')", "1"), stdin("b", r"print('\udcff')", "\udcff")]
    given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, told = run(given, verdicts)
    assert (code, "Traceback" in told) == (0, False)
    if suffix == "jsonl":
        found = [json.loads(line) for line in verdicts.read_text().splitlines()]
        assert found[0]["id"] == "\udcff"
    else:
        found = pq.read_table(verdicts).to_pylist()
    assert [verdict["verdict"] for verdict in found] == ["RE", "AC"]


def write_parquet(path: Path, columns: dict[str, list[object]], tests: pa.DataType) -> None:
    kinds = {"tests": tests, "id": pa.int64(), "time_limit_s": pa.float64(), "memory_limit_mb": pa.float64()}
    table = {name: pa.array(values, kinds.get(name, pa.string())) for name, values in columns.items()}
    pq.write_table(pa.table(table), path, row_group_size=3)


STRUCTS = pa.list_(pa.struct([("input", pa.string()), ("output", pa.string())]))


def test_parquet_rows_hold_tests_as_structs(tmp_path):
    given, verdicts = tmp_path / "s.parquet", tmp_path / "v.parquet"
    columns: dict[str, list[object]] = {
        "id": list(range(40)),
        "kind": ["stdin"] * 40,
        "program": ["print(int(input()) % 7)"] * 40,
        "tests": [[{"input": str(n), "output": str(n % 7)}] for n in range(39)] + [None],
        "fn_name": [None] * 40,
        "time_limit_s": [None, 2.0] * 20,
        "memory_limit_mb": [None, 128.0] * 20,
    }
    write_parquet(given, columns, STRUCTS)
    code, told = run(given, verdicts)
    found = pq.read_table(verdicts)
    assert found.schema == VERDICT
    assert found["id"].to_pylist() == [str(n) for n in range(39)]
    assert set(found["verdict"].to_pylist()) == {"AC"}
    assert code == 1
    assert f"{given}:40: lacks tests (or tests_ref)" in told


def test_parquet_rows_hold_tests_as_text(tmp_path):
    given, verdicts = tmp_path / "s.parquet", tmp_path / "v.jsonl"
    call = json.dumps([{"args": [1, {"a": 2}], "expected": [1, 2]}])
    columns: dict[str, list[object]] = {
        "id": [1, 2, 3, 4, 5],
        "kind": ["call", "stdin", "call", "call", "stdin"],
        "program": ["def f(x, y): return x, y['a']", "print(3)", "def f(): pass", "def f(): pass", "print(1)"],
        "tests": [call, json.dumps([{"input": "", "output": "3"}]), "[{", '{"args": []}', call],
        "fn_name": ["f", None, "f", "f", None],
    }
    write_parquet(given, columns, pa.large_string())
    code, told = run(given, verdicts)
    found = [json.loads(line) for line in verdicts.read_text().splitlines()]
    assert [(verdict["id"], verdict["verdict"]) for verdict in found] == [("1", "AC"), ("2", "AC")]
    assert code == 1
    for number, word in ((3, "no valid JSON"), (4, "list of objects"), (5, "lacks input")):
        assert any(f"s.parquet:{number}: " in line and word in line for line in told.splitlines())
    assert "Traceback" not in told


def test_a_damaged_parquet_file_is_one_sentence_and_leaves_no_verdicts(tmp_path):
    given, verdicts = tmp_path / "s.parquet", tmp_path / "v.parquet"
    given.write_bytes(b"PAR1 and no more")
    code, told = run(given, verdicts)
    assert (code, verdicts.exists(), list(tmp_path.iterdir())) == (1, False, [given])
    assert told.strip().splitlines()[-1].startswith(f"error: {given}: cannot be read as parquet")


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_reference_stands_for_tests_and_one_that_leads_nowhere_is_a_malformed_row(suffix, tmp_path):
    store = TestsStore(tmp_path / "tests")
    good, damaged = (store.put([{"input": "", "output": output}]) for output in ("1", "2"))
    store.path(damaged).write_bytes(b"x")
    refs = [good, damaged, "0" * 64, "../x", good]
    given, verdicts = tmp_path / f"s.{suffix}", tmp_path / "v.jsonl"
    rows = [{"id": n, "kind": "stdin", "program": "print(1)", "tests_ref": ref} for n, ref in enumerate(refs)]
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), given)
    else:
        given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, told = run(given, verdicts, "--tests-store", str(tmp_path / "tests"))
    found = [json.loads(line) for line in verdicts.read_text().splitlines()]
    assert [(verdict["id"], verdict["verdict"]) for verdict in found] == [("0", "AC"), ("4", "AC")]
    assert code == 1
    for number, word in ((2, "damaged"), (3, "missing"), (4, "64 hex digits")):
        assert any(f"s.{suffix}:{number}: " in line and word in line for line in told.splitlines())
    code, told = run(given, verdicts)
    assert f"s.{suffix}:1: " in told
    assert "tests_store" in told
