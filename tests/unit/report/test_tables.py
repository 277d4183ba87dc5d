"""Tables made by the real door from a made results tree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_results import PUBLISHED, SUBJECTS, Results, make_scores

from deepcoder.config.schema import Recipe
from deepcoder.errors import UserError
from deepcoder.manifest import write_manifest
from deepcoder.report.address import Address, Subject, parse_scores_path
from deepcoder.report.csv_files import NOT_RUN, read_csv, write_csv
from deepcoder.report.published import load_published
from deepcoder.report.recipes import result_rows, switch_rows
from deepcoder.report.tables import FUNNEL_INPUT, funnel_rows, load_scores, score_row


def follow(pointer: str, table: Path) -> float:
    """The value that a table's pointer names."""
    file, _, path = pointer.partition("#")
    value = json.loads((table.parent / file).read_text())
    for part in path.strip("/").split("/"):
        value = value[part]
    return value


def test_every_value_is_the_one_its_pointer_names(reported: Results) -> None:
    for table in reported.tables[:2]:
        rows = [row for row in read_csv(table) if row["status"] == "run"]
        assert len(rows) == (3 if table.stem == "benchmarks" else 9)
        for row in rows:
            assert float(row["value"]) == pytest.approx(follow(row["pointer"], table), abs=1e-6)


def test_benchmarks_are_shown_at_the_longest_context(reported: Results) -> None:
    rows = [row for row in read_csv(reported.tables[0]) if row["benchmark"] == "easy"]
    assert [(row["subject"], row["context"], row["context_tokens"]) for row in rows] == [
        ("base/tiny", "64k", "128"),
        ("strict/16k", "64k", "128"),
        ("strict/32k", "64k", "128"),
    ]
    assert [round(float(row["value"]), 3) for row in rows] == [0.25, 0.5, 0.75]


def test_a_declared_benchmark_without_scores_says_so_and_has_no_value(reported: Results) -> None:
    rows = [row for row in read_csv(reported.tables[0]) if row["benchmark"] == "livecodebench"]
    assert len(rows) == len(SUBJECTS)
    assert {(row["status"], row["value"], row["published"], row["pointer"]) for row in rows} == {(NOT_RUN, "", "", "")}


def test_a_stage_that_was_not_scored_says_so(tmp_path: Path) -> None:
    results = Results(tmp_path)
    run = results.summarise([path for path in results.scores if "32k/eval" not in str(path)])
    assert run.returncode == 0, run.stderr
    rows = [row for row in read_csv(results.tables[0]) if row["benchmark"] == "easy"]
    assert [row["status"] for row in rows] == ["run", "run", NOT_RUN]


def test_curves_count_steps_over_the_stages(reported: Results) -> None:
    rows = read_csv(reported.report / "curves.csv")
    assert [int(row["total_step"]) for row in rows] == list(range(1, 21))
    assert [row["stage"] for row in rows[9:11]] == ["16k", "32k"]
    assert rows[10]["step"] == "1"
    assert rows[0]["validation_pass_rate"] == ""


def test_funnel_points_at_the_curation_and_has_no_published_count_at_smoke_scale(reported: Results) -> None:
    rows = read_csv(reported.report / "funnel.csv")
    assert rows[0]["pointer"] == "../data/strict/funnel.csv#/0"
    assert rows[-1]["rows_out"] == "242"
    assert {row[name] for row in rows for name in ("published_in", "published_out", "published_source")} == {""}


def test_summarising_twice_writes_the_same_bytes(reported: Results, tmp_path: Path) -> None:
    before = [table.read_bytes() for table in reported.tables]
    assert reported.summarise().returncode == 0
    assert [table.read_bytes() for table in reported.tables] == before


def test_published_values_stand_beside_ours_at_the_papers_scale_only(tmp_path: Path) -> None:
    [*_, path] = make_scores(tmp_path, "strict/r1-distill-qwen-14b/32k", "livecodebench", 3)
    address = parse_scores_path(path)
    scored = load_scores([path])[address]
    row = score_row(scored, address, "LCB", load_published(PUBLISHED, "paper"), tmp_path / "report" / "t.csv")
    assert (row["published"], row["published_source"]) == (pytest.approx(0.606), "blog")
    assert row["published_inside_interval"] == ("yes" if row["interval_low"] <= 0.606 <= row["interval_high"] else "no")
    row = score_row(scored, address, "LCB", load_published(PUBLISHED, "smoke"), tmp_path / "report" / "t.csv")
    assert "published" not in row


def test_a_published_value_of_the_main_table_stands_at_its_context_alone(tmp_path: Path) -> None:
    paths = make_scores(tmp_path, "strict/r1-distill-qwen-14b/32k", "humanevalplus", 3)
    published, table = load_published(PUBLISHED, "paper"), tmp_path / "report" / "t.csv"
    found = {}
    for path in paths:
        address = parse_scores_path(path)
        row = score_row(load_scores([path])[address], address, "HumanEval+", published, table)
        found[address.context] = row.get("published")
    assert found == {"16k": None, "32k": None, "64k": pytest.approx(0.926)}


def test_published_counts_stand_at_the_rule_that_they_belong_to_and_the_others_are_said_to_be_unpublished(
    tmp_path: Path,
) -> None:
    rules = ("parse", "verified", "near_duplicate", "validation")
    lines = [(source, rule) for source in ("primeintellect", "taco_verified", "easy", "all") for rule in rules]
    rows = [dict(zip(FUNNEL_INPUT, (*line, 9, 1, 8), strict=True)) for line in lines]
    write_csv(tmp_path / "funnel.csv", FUNNEL_INPUT, rows)
    manifest = write_manifest(tmp_path / "manifest.json", "curated", [tmp_path / "funnel.csv"])
    found = funnel_rows(manifest, load_published(PUBLISHED, "paper"), tmp_path / "report/funnel.csv")
    told = [tuple(row.get(name, "") for name in ("published_in", "published_out", "published_source")) for row in found]
    nothing = ("", "", "unpublished")
    assert told[:4] == [(144169, 35735, "open_r1_card"), nothing, ("", 16252, "dataset"), nothing]
    assert told[4:8] == [(12898, "", "dataset"), nothing, ("", 7436, "dataset"), nothing]
    assert set(told[8:12]) == {nothing}
    assert told[12:] == [nothing, nothing, ("", 24287, "dataset"), nothing]


def test_every_published_row_names_an_explained_source_and_the_funnel_adds_up() -> None:
    tables = load_published(PUBLISHED, "paper").tables
    assert len(tables) == len(PUBLISHED)
    rows = {
        row["source"]: row["rows_out"] for row in tables["funnel"] if (row["dataset"], row["rule"]) == ("train", "")
    }
    parts = sum(int(count) for name, count in rows.items() if name != "all")
    assert parts == int(rows["all"]) == 24287
    for name, table in tables.items():
        assert all(row["evidence"] for row in table if "evidence" in row), name


def test_an_unexplained_source_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "sources.csv", ("key", "kind", "where"), [{"key": "a", "kind": "b", "where": "c"}])
    columns = ("quantity", "stage", "value", "unit", "source", "evidence")
    write_csv(tmp_path / "training.csv", columns, [dict.fromkeys(columns, "hearsay")])
    with pytest.raises(UserError, match="line 2 names source 'hearsay'"):
        load_published(sorted(tmp_path.glob("*.csv")), "paper")


def test_score_files_are_addressed_by_their_path(tmp_path: Path) -> None:
    path = tmp_path / "strict/tiny/16k/eval/easy/64k/scores.json"
    assert parse_scores_path(path) == Address(Subject("tiny", "strict", "16k"), "easy", "64k")
    path = tmp_path / "models/base/tiny/eval/easy/64k/scores.json"
    assert parse_scores_path(path).subject.label == "base/tiny"
    with pytest.raises(UserError, match="expected <subject>"):
        parse_scores_path(tmp_path / "easy/scores.json")


def test_damaged_tables_are_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(UserError, match="line 3 has 1 cells"):
        read_csv(path)
    with pytest.raises(UserError, match="'c' is missing"):
        read_csv(path, ("c",))
    with pytest.raises(UserError, match="cannot be read"):
        read_csv(tmp_path / "none.csv")


def test_a_score_file_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "strict/tiny/16k/eval/easy/64k/scores.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(UserError, match="not a score file"):
        load_scores([path])


def recipe(**switches: object) -> Recipe:
    values = {"title": "t", "curation": "strict", "clip_low": 0.2, "time_limit_s": {}, **switches}
    return Recipe(**values)  # type: ignore[arg-type]


def test_only_switches_that_differ_are_listed() -> None:
    rows = switch_rows({"a": recipe(title="x"), "b": recipe(title="y", apply_clip=False, time_limit_s={"taco": 12.0})})
    assert {row["name"] for row in rows} == {"apply_clip", "time_limit_s.taco"}
    [limit] = [row for row in rows if row["name"] == "time_limit_s.taco"]
    assert (limit["a"], limit["b"]) == ("", "12.0")


def test_recipes_stand_side_by_side_with_their_pointers(tmp_path: Path) -> None:
    paths = [make_scores(tmp_path, f"{name}/tiny/32k", "easy", 2)[-1] for name in ("strict", "as_released")]
    rows = result_rows(load_scores(paths), ["strict", "as_described", "as_released"], tmp_path / "report" / "r.csv")
    assert [row["kind"] for row in rows] == ["score", "standard_error", "pointer"]
    assert rows[0]["as_described"] == NOT_RUN
    assert rows[0]["strict"] == rows[0]["as_released"] == pytest.approx(0.5)
    assert rows[2]["as_released"] == "../as_released/tiny/32k/eval/easy/64k/scores.json#/value"
