"""What stands beside the scores: systems, cost, judges and models compared, by the real doors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import PUBLISHED, Results, make_record, make_scores, make_stage

from deepcoder.config.machine import Resources
from deepcoder.config.schema import Benchmark
from deepcoder.errors import UserError
from deepcoder.files import sha256_file, write_json
from deepcoder.manifest import read_manifest
from deepcoder.provenance.cells import read_cell
from deepcoder.provenance.record import TIMINGS, record_path
from deepcoder.report.address import Subject, short_address
from deepcoder.report.comparisons import comparison_rows
from deepcoder.report.cost import WEEK_H, cost_rows, count_nodes, load_job
from deepcoder.report.csv_files import NOT_RUN, read_csv
from deepcoder.report.grader import reference_rows, response_rows
from deepcoder.report.paper.beside import TABLES, comparisons_table, cost_table, grader_table, systems_table
from deepcoder.report.paper.library import read_library
from deepcoder.report.paper.values import Library
from deepcoder.report.published import Published, load_published
from deepcoder.report.systems import systems_rows
from deepcoder.report.tables import load_scores

RESOURCES = {"default": Resources(memory_mb=1, runtime_min=1)}


@pytest.fixture(scope="module")
def library(reported: Results) -> Library:
    return read_library(
        scale="smoke", tables=reported.shown, published=PUBLISHED, scores=reported.scores, stages=reported.stages
    )


def test_a_stage_has_the_mean_seconds_of_its_steps_and_the_schedule_it_ran_with(reported: Results) -> None:
    row = read_csv(reported.accounts[0])[1]
    assert (row["subject"], row["system"], row["steps"]) == ("strict/32k", "one_off", "10")
    parts = {"sampler_s": "1", "trainer_s": "2", "reward_s": "1", "weights_s": "1", "validation_s": "1", "total_s": "4"}
    assert {name: row[name] for name in parts} == parts
    assert (row["parts_s"], row["over_total"], row["sampler_idle"], row["trainer_idle"]) == ("6", "1.5", "0.5", "0.25")
    cell = read_cell(reported.accounts[0], "strict/32k")
    assert cell.faults == []
    assert cell.numbers == {"stage": ("32k", "32k"), "steps": ("10", 10)}


def test_published_systems_are_as_published(reported: Results) -> None:
    theirs = {(row["workload"], row["system"]): row for row in load_published(PUBLISHED, "smoke").tables["systems"]}
    rows = [row for row in read_csv(reported.accounts[0]) if row["kind"] == "published"]
    assert {(row["subject"], row["system"]) for row in rows} == set(theirs)
    for row in rows:
        source = theirs[row["subject"], row["system"]]
        for name in ("sampler_s", "trainer_s", "reward_s", "total_s", "speed_up", "source", "evidence"):
            assert row[name] == source[name]
        assert row["weights_s"] == row["sampler_idle"] == row["pointer"] == ""


def test_a_stage_without_its_times_says_so_and_has_no_number(tmp_path: Path) -> None:
    stage = make_stage(tmp_path, "strict/tiny/16k", 2, 0.1)
    (stage.parent / TIMINGS).unlink()
    (row,) = systems_rows([read_manifest(stage)], Published(), tmp_path / "report/systems.csv")
    assert row == {
        "kind": "run", "subject": "strict/16k", "stage": "16k", "status": "the times of its steps are not here"
    }  # fmt: skip


def test_the_cost_is_the_sum_of_what_the_records_say(reported: Results) -> None:
    rows = {(row["kind"], row["rule"], row["subject"]): row for row in read_csv(reported.accounts[1])}
    trained = rows["run", "train_stage", "strict/32k"]
    # a record of 60 s on two GPUs, and ten steps of 4 s
    assert float(trained["wall_h"]) == pytest.approx(60 / 3600, abs=1e-6)
    assert float(trained["gpu_h"]) == pytest.approx(120 / 3600, abs=1e-6)
    assert float(trained["planned_wall_h"]) == pytest.approx(10 * 6 / 3600, abs=1e-6)
    scored = rows["run", "score", "strict/32k"]
    assert (scored["jobs"], scored["gpu_h"], scored["peak_gb"]) == ("3", "0", "0.5")
    assert float(scored["cpu_h"]) == pytest.approx(3 * 2 * 3 / 3600, abs=1e-6)
    total = rows["total", "all rules", ""]
    for name in ("jobs", "wall_h", "cpu_h", "gpu_h"):
        parts = [float(row[name]) for key, row in rows.items() if key[0] == "run"]
        assert float(total[name]) == pytest.approx(sum(parts), abs=1e-5)
    published = rows["published", "training", ""]
    assert float(published["wall_h"]) == 2.5 * WEEK_H
    assert float(published["gpu_h"]) == 32 * 2.5 * WEEK_H
    assert (published["source"], published["jobs"]) == ("blog", "")


def test_a_stage_that_was_interrupted_counts_with_all_its_steps(tmp_path: Path) -> None:
    stage = make_stage(tmp_path, "strict/tiny/16k", 100, 0.1)
    job = load_job(make_record("train_stage.py", stage, 60.0))
    assert (job.wall_s, job.cpu_s, job.gpus) == (400.0, None, 2)
    (row, _) = cost_rows([job], {}, RESOURCES, Published(), tmp_path / "cost.csv")
    assert row["cpu_h"] is None


def test_what_an_old_record_does_not_say_is_left_empty(tmp_path: Path) -> None:
    paths = [make_record("curate.py", tmp_path / f"data/{name}/manifest.json", 7.0) for name in ("a", "b")]
    jobs = [load_job(path) for path in paths]
    known, _ = cost_rows(jobs, {}, RESOURCES, Published(), tmp_path / "cost.csv")
    paths[1] = make_record("curate.py", tmp_path / "data/b/manifest.json", 7.0, used={})
    unknown, _ = cost_rows([load_job(path) for path in paths], {}, RESOURCES, Published(), tmp_path / "cost.csv")
    assert (known["peak_gb"], unknown["peak_gb"], unknown["cpu_h"], unknown["jobs"]) == (0.5, None, None, 2)


def test_what_is_no_record_is_one_clear_error(tmp_path: Path) -> None:
    write_json(tmp_path / "a.record.json", {"door": "score.py"})
    with pytest.raises(UserError, match="a.record.json: not a record"):
        load_job(tmp_path / "a.record.json")


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5))
def test_nodes_are_counted_in_slurms_notation(sizes: list[int]) -> None:
    names = [f"rack{place}-[001-{size:03}]" if size > 1 else f"node{place}" for place, size in enumerate(sizes)]
    assert count_nodes(",".join(names)) == sum(sizes)
    assert count_nodes("gpu[1-2,7,10-12],b") == 7
    assert count_nodes("") == 1


def test_judges_of_the_same_responses_stand_where_the_pointers_lead(reported: Results) -> None:
    rows = response_rows(
        load_scores(reported.scores),
        [Subject("tiny")],
        {"easy": Benchmark(title="Easy", comparators_beside=["as_released"])},
        "64k",
        reported.tables[4],
    )
    own, lenient = rows
    # Of four samples the strict judge takes three of every third problem, the lenient one a sample of the others too.
    assert (own["judge"], own["value"], lenient["judge"]) == ("tokens", 0.25, "as_released")
    assert lenient["value"] == pytest.approx((3 + 1 + 1) / 12)
    assert (lenient["only_here_correct"], lenient["only_here_wrong"], lenient["samples"]) == (8, 0, 48)
    assert lenient["difference"] == pytest.approx(2 / 12)
    # The door took the comparators of the real benchmark, of which one was judged here.
    cell = read_cell(reported.tables[4], "base/tiny,easy,as_released")
    assert cell.faults == []
    assert {"value", "only_here_correct", "only_here_wrong", "interval_low"} <= set(cell.numbers)


def test_a_benchmark_that_was_not_run_says_so_and_one_without_another_judge_is_left_out(tmp_path: Path) -> None:
    benchmarks = {
        "a": Benchmark(title="A", comparators_beside=["tokens"]),
        "b": Benchmark(title="B"),
    }
    rows = response_rows({}, [Subject("tiny")], benchmarks, "64k", tmp_path / "grader.csv")
    assert [(row["benchmark"], row["status"], row.get("value")) for row in rows] == [("a", NOT_RUN, None)]


def test_references_are_counted_where_both_sets_have_judged_them(reported: Results) -> None:
    rows = reference_rows(read_manifest(reported.comparison), read_manifest(reported.curation), reported.tables[4])
    # The made funnel knows no rule `verified`: what both keep, or lose to a rule about references, counts.
    assert [row["samples"] for row in rows] == [9, 9]
    assert [row["value"] for row in rows] == [pytest.approx(7 / 9), pytest.approx(7 / 9)]
    assert (rows[1]["only_here_correct"], rows[1]["only_here_wrong"]) == (1, 1)


def test_the_compact_comparison_has_the_base_and_the_first_and_last_stage_alone(tmp_path: Path) -> None:
    subjects = ["models/base/tiny", "models/base/other", "strict/tiny/a", "strict/tiny/b", "strict/tiny/c"]
    scores = [path for subject in subjects for path in make_scores(tmp_path, subject, "easy", 2)]
    stages = [make_stage(tmp_path, subject, 1, 0.1) for subject in subjects[2:]]
    rows = comparison_rows(load_scores(scores), 0.8, tmp_path / "report/comparisons.csv")
    texts = [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    found = comparisons_table(Library(tables={"comparisons": texts}, stages=stages, paths={"comparisons": tmp_path}))
    pairs = {(row[1].text, row[2].text) for row in found.rows}
    assert pairs == {("strict/a", "base/tiny"), ("strict/c", "base/tiny"), ("strict/c", "strict/a")}


def test_the_printed_tables_hold_the_numbers_of_their_files(library: Library) -> None:
    (last,) = [row for row in systems_table(library).rows if row[0].text == "strict/32k"]
    assert [cell.text for cell in last][:4] == ["strict/32k", "one off", "1.00", "2.00"]
    assert [cell.text for cell in last][7:] == ["4.00", "1.50", "50.0%", "25.0%", ""]
    (total,) = [row for row in cost_table(library).rows if row[0].text == "all rules"]
    assert total[2].text == str(len(library.stages) + 9)
    (judged,) = [row for row in grader_table(library).rows if row[1].text == "base/tiny"]
    assert [cell.text for cell in judged[2:3] + judged[4:]] == ["tokens", "48", "41.7: +8, −0"]


def test_every_table_has_an_address_and_published_cells_are_marked(library: Library) -> None:
    for name, make in TABLES.items():
        table = make(library)
        assert table.address == short_address(f"report/{name}", sha256_file(library.paths[name]))
        for row in table.rows:
            assert len(row) == len(table.columns)
            for cell in row:
                assert not cell.address.startswith("published/") or cell.published
    heads = [row[0] for row in systems_table(library).rows if row[0].published]
    assert [head.address.partition(" ")[0] for head in heads] == ["published/systems", "published/systems"]


def test_the_same_records_give_the_same_bytes(reported: Results) -> None:
    before = [path.read_bytes() for path in reported.accounts]
    assert reported.account().returncode == 0
    assert [path.read_bytes() for path in reported.accounts] == before
    assert record_path(reported.accounts[1]).exists()
