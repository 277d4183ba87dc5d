"""Two training sets side by side: each problem is counted once, and what one loses names the rule."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcoder.config.schema import Verification
from deepcoder.curation.compare import (
    ALL,
    COLUMNS,
    Curation,
    compare,
    comparison_schema,
    count,
    load_curation,
    write_comparison,
)
from deepcoder.curation.curate import Curated, write_curated
from deepcoder.errors import UserError
from deepcoder.files import sha256_file
from deepcoder.schemas.csv_table import read_csv

PARSE = {"id": "f", "source": "made", "source_id": "6", "rule": "parse", "reason": "no tests"}


def problem(identity: str, source: str = "made") -> dict[str, Any]:
    return {"id": identity, "source": source, "source_id": f"the {identity}", "statement": "Add.", "solutions": []}


def dropped(identity: str, rule: str, reason: str, source: str = "made") -> dict[str, Any]:
    return {"id": identity, "source": source, "source_id": f"the {identity}", "rule": rule, "reason": reason}


def leak(identity: str, benchmark: str) -> dict[str, Any]:
    return {"rule": "leaked", "id": identity, "other_id": "b", "benchmark": benchmark, "score": 0.9}


def written(root: Path, name: str, **parts: Any) -> Path:
    values = {"train": [], "validation": [], "dropped": [], "pairs": [], "funnel": []} | parts
    rows, policy = [*values["train"], *values["validation"]], Verification(comparator="tokens")
    write_curated(root / name / "manifest.json", name, policy, Curated(**values), rows)
    return root / name / "manifest.json"


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    strict = written(
        tmp_path,
        "strict",
        train=[problem("a"), problem("g", "other")],
        validation=[problem("b")],
        dropped=[dropped("c", "contamination", "bench: similar"), dropped("d", "flaky", "runs differ"), PARSE],
    )
    released = written(
        tmp_path,
        "as_released",
        train=[problem("b"), problem("c"), problem("d")],
        validation=[problem("a")],
        dropped=[dropped("g", "verified", "0 of 1 pass", "other"), PARSE],
        pairs=[leak("c", "two"), leak("c", "one"), leak("x", "one"), {**leak("d", "one"), "rule": "near_duplicate"}],
    )
    return strict, released


def test_each_problem_has_its_fate_and_reason_in_both(two: tuple[Path, Path], tmp_path: Path) -> None:
    manifest = write_comparison(tmp_path / "out" / "manifest.json", *map(load_curation, two))
    table = pq.read_table(manifest.file("curations.parquet"))
    assert table.schema.equals(comparison_schema("strict", "as_released"))
    rows = {row["id"]: row for row in table.to_pylist()}
    assert {name: row["kept_by"] for name, row in rows.items()} == {
        "a": "both", "b": "both", "c": "as_released", "d": "as_released", "f": "neither", "g": "strict",
    }  # fmt: skip
    assert rows["a"]["strict_fate"] == "train"
    assert rows["a"]["as_released_fate"] == "validation"
    assert rows["a"]["strict_reason"] is None
    assert (rows["c"]["strict_fate"], rows["c"]["strict_reason"]) == ("contamination", "bench: similar")
    assert rows["c"]["as_released_leaks"] == "one, two"
    assert rows["d"]["as_released_leaks"] is None
    assert (rows["f"]["strict_fate"], rows["f"]["as_released_reason"]) == ("parse", "no tests")
    assert manifest.facts["problems"] == {"both": 2, "strict": 1, "as_released": 2, "neither": 1}


def test_the_counts_name_the_rule_by_which_the_other_loses_a_problem(two: tuple[Path, Path], tmp_path: Path) -> None:
    manifest = write_comparison(tmp_path / "out" / "manifest.json", *map(load_curation, two))
    rows = [tuple(row.values()) for row in read_csv(manifest.file("curations.csv"), COLUMNS)]
    assert [row for row in rows if row[0] == "made"] == [
        ("made", "both", "", "2", "0"),
        ("made", "strict", "", "0", "0"),
        ("made", "as_released", "", "2", "1"),
        ("made", "as_released", "contamination", "1", "1"),
        ("made", "as_released", "flaky", "1", "0"),
        ("made", "neither", "", "1", "0"),
    ]
    assert ("all", "strict", "verified", "1", "0") in rows


def test_the_bytes_do_not_depend_on_the_order_of_the_rows(two: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = map(load_curation, two)
    turned = Curation(
        first.name, dict(reversed(first.fates.items())), dict(reversed(first.names.items())), first.rejected, {}
    )
    hashes = {sha256_file(write_comparison(tmp_path / n / "m.json", one, second).path) for n, one in
              (("1", first), ("2", turned))}  # fmt: skip
    assert len(hashes) == 1


def test_sets_made_from_other_problems_are_refused(two: tuple[Path, Path], tmp_path: Path) -> None:
    other = written(tmp_path / "other", "as_released", train=[problem("z")], dropped=[PARSE])
    with pytest.raises(UserError, match=r"strict and as_released were made from other problems \(problem a\)"):
        compare(*map(load_curation, (two[0], other)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(["train", "validation", "flaky", "verified"])] * 2), max_size=30))
def test_the_counts_add_up(fates: list[tuple[str, str]]) -> None:
    names = {f"p{number:02}": (random.Random(number).choice(["x", "y"]), str(number)) for number in range(len(fates))}
    one, other = (
        Curation(name, {key: (pair[place], "") for key, pair in zip(names, fates, strict=True)}, names, [], {})
        for place, name in enumerate(("one", "other"))
    )
    table = count(compare(one, other), "one", "other")
    total = {row["kept_by"]: row["problems"] for row in table if row["source"] == ALL and not row["rule"]}
    assert sum(total.values()) == len(fates)
    for row in (row for row in table if not row["rule"]):
        parts = [
            r["problems"] for r in table if r["rule"] and (r["source"], r["kept_by"]) == (row["source"], row["kept_by"])
        ]
        assert sum(parts) == (row["problems"] if row["kept_by"] in ("one", "other") else 0)
        if row["source"] == ALL:
            of_sources = [r for r in table if r["source"] != ALL and not r["rule"] and r["kept_by"] == row["kept_by"]]
            assert sum(r["problems"] for r in of_sources) == row["problems"]
    kept = {name: sum(fate in ("train", "validation") for fate in column) for name, column in
            zip(("one", "other"), zip(*fates, strict=True) if fates else ((), ()), strict=True)}  # fmt: skip
    assert {name: total["both"] + total[name] for name in ("one", "other")} == kept
