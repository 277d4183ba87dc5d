"""The exported folder: loaded by the `datasets` library itself, offline, row for row what was curated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_curate import curation, evidence, parsed, problems_of
from tests.checkout import ROOT
from true_rows import hub_source

from deepcoder.config.schema import Curation, Filters
from deepcoder.curation.card import rule_words
from deepcoder.curation.curate import curate, write_curated
from deepcoder.curation.export import EXPORTED, bytes_of, with_tests, write_parts
from deepcoder.curation.normalise import normalise, write_problems
from deepcoder.curation.rows import Parsed, Rejected
from deepcoder.errors import UserError
from deepcoder.files import sha256_file
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.schemas.tests_store import TestsStore, decode_tests

CALLS = [{"args": [(number, "β")], "expected": {number}} for number in range(6)]
LOAD = """
import json, sys
from datasets import load_dataset
found = {}
for name in (None, "bench", "maths"):
    for split, rows in load_dataset(sys.argv[1], *([name] if name else [])).items():
        found[f"{name or 'training'}/{split}"] = [rows.column_names, rows.to_list()]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a curation of a source and its dataset by the real door, of the configured curation `strict`."""
    root = tmp_path_factory.mktemp("export")
    store = TestsStore(root / "tests")
    rows = [parsed(f"p{number}", family=f"f{number}") for number in range(12)]
    rows += [parsed("typed", kind="call", fn_name="f", tests=CALLS, keeps_types=True), Rejected("bad", "no tests")]
    problems, rejected = problems_of(rows, root, "easy")
    known = evidence(problems, verifiable=frozenset())
    result = curate(problems, rejected, curation(validation_fraction=0.3), known)
    assert result.validation
    write_curated(root / "strict/manifest.json", "strict", curation().verification, result, problems)
    answer = Parsed("a", "How much is 6 times 7?", "answer", answer="42")
    for name, benchmark in (("bench", parsed("b", solutions=[])), ("maths", answer)):
        made, dropped = normalise(name, hub_source(role="benchmark", licence="MIT"), [benchmark], store)
        write_problems(root / name / "manifest.json", name, made, dropped, {"benchmark": name})
    write_manifest(root / "strict/verified/easy/manifest.json", "verified", [], {"source": "easy"})
    assert export(root).returncode == 0
    return root


def export(root: Path) -> subprocess.CompletedProcess[str]:
    words = ["--curation", "strict", "--curated", "strict/manifest.json", "--tests-store", "tests"]
    words += ["--verified", "strict/verified/easy/manifest.json", "--benchmarks", "maths/manifest.json"]
    command = [sys.executable, ROOT / "scripts/export_dataset.py", "strict/dataset.json", *words, "bench/manifest.json"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_library_loads_the_folder_offline_and_every_row_is_the_curated_one(exported: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", LOAD, str(exported / "strict/dataset")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Ignoring" not in done.stderr
    loaded = json.loads(done.stdout)
    tables = {
        "training/train": "strict/train.parquet", "training/validation": "strict/validation.parquet",
        "bench/test": "bench/problems.parquet", "maths/test": "maths/problems.parquet",
    }  # fmt: skip
    assert set(loaded) == set(tables)
    store = TestsStore(exported / "tests")
    for name, table in tables.items():
        columns, rows = loaded[name]
        assert columns == EXPORTED.names
        assert [{k: v for k, v in row.items() if k != "tests"} for row in rows] == pq.read_table(
            exported / table
        ).to_pylist()
        for row in rows:
            expected = store.get(row["tests_ref"]) if row["tests_ref"] else None
            assert (decode_tests(row["tests"]) if row["tests"] else None) == expected
    kinds = {row["source_id"]: row["tests"] for row in loaded["training/train"][1] + loaded["training/validation"][1]}
    assert decode_tests(kinds["typed"])[3] == {"args": [(3, "β")], "expected": {3}}


def test_the_manifest_and_the_card_name_every_file_with_its_hash(exported: Path) -> None:
    manifest = read_manifest(exported / "strict/dataset.json", "dataset")
    folder = exported / "strict/dataset"
    found = {path.relative_to(folder.parent).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(manifest.files) == found
    card = (folder / "README.md").read_text(encoding="utf-8")
    for name in found - {"dataset/README.md"}:
        assert f"`{sha256_file(folder.parent / name)}`" in card
    assert manifest.facts["rows"]["bench/test"] == 1
    train = read_manifest(exported / "strict/manifest.json").facts["train"]
    assert f"| training | train | {train} | 1 |" in card
    assert "| `parse` | the row can be read as a problem with tests, in Python | 1 | 1 | 13 |" in card
    assert "| bench | " in card
    assert "| MIT | bench | 1 |" in card


def test_exporting_again_gives_the_same_bytes_and_leaves_nothing_of_an_older_folder(exported: Path) -> None:
    before = sha256_file(exported / "strict/dataset.json")
    (exported / "strict/dataset/train/part-00009.parquet").write_bytes(b"left over")
    assert export(exported).returncode == 0
    assert sha256_file(exported / "strict/dataset.json") == before
    assert not (exported / "strict/dataset/train/part-00009.parquet").exists()


def test_files_and_row_groups_are_bounded_by_bytes_and_hold_all_rows_in_order(tmp_path: Path) -> None:
    rows, _ = problems_of([parsed(str(number)) for number in range(20)], tmp_path)
    full = [row | {"tests": "[]"} for row in rows]
    size = max(map(bytes_of, full))
    parts = list(write_parts(tmp_path / "out", full, row_group_bytes=2 * size, file_bytes=5 * size))
    assert [path.name for path, _ in parts] == [f"part-{number:05}.parquet" for number in range(len(parts))]
    assert len(parts) > 2
    read: list[Any] = []
    for path, count in parts:
        file = pq.ParquetFile(path)
        groups = [file.read_row_group(number).to_pylist() for number in range(file.num_row_groups)]
        assert all(sum(map(bytes_of, group)) <= 2 * size for group in groups)
        assert sum(map(len, groups)) == count
        assert sum(sum(map(bytes_of, group)) for group in groups) < 7 * size
        read += [row for group in groups for row in group]
    assert read == pa.Table.from_pylist(full, schema=EXPORTED).to_pylist()
    alone = list(write_parts(tmp_path / "alone", full[:2], row_group_bytes=1, file_bytes=1))
    assert [count for _, count in alone] == [1, 1]
    assert list(write_parts(tmp_path / "none", [])) == []


def test_tests_that_are_missing_are_one_clear_error(tmp_path: Path) -> None:
    rows, _ = problems_of([parsed("a"), parsed("b", tests=CALLS, kind="call", fn_name="f")], tmp_path)
    write_problems(tmp_path / "manifest.json", "made", rows, [], {})
    store = TestsStore(tmp_path / "tests")
    store.path(rows[1]["tests_ref"]).unlink()
    found = with_tests(tmp_path / "problems.parquet", store)
    assert decode_tests(next(found)["tests"])
    with pytest.raises(UserError, match="tests are missing; rerun the normalise rule"):
        next(found)


def test_a_card_tells_thresholds_and_what_is_off_and_knows_rules_to_come_by_name() -> None:
    config = Curation(min_tests=7, max_prompt_tokens=9, validation_fraction=0.25, filters=Filters(english=True))
    assert rule_words("enough_tests", config) == "it has at least 7 tests"
    assert "80%" in rule_words("language", config)
    assert rule_words("images", config) == rule_words("test_size", config) == rule_words("difficulty", config) == "off"
    assert rule_words("a_rule_to_come", config) == "a rule to come"
