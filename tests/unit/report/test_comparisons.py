"""comparisons.csv: every two models on the same problems, by the real doors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from made_results import SUBJECTS, door, make_scores

from deepcoder.files import read_json, write_json
from deepcoder.provenance.cells import at
from deepcoder.report.csv_files import read_csv


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("results")
    return [path for number, subject in enumerate(SUBJECTS) for path in make_scores(root, subject, "easy", number + 1)]


def table_of(scores: list[Path], name: str = "comparisons.csv") -> Path:
    table = scores[0].parents[6] / "report" / name
    done = door("compare_models.py", table, "--scores", *scores)
    assert done.returncode == 0, done.stderr
    return table


def test_every_two_models_are_compared_at_every_context(scores: list[Path]) -> None:
    rows = read_csv(table_of(scores))
    pairs = [("strict/16k", "base/tiny"), ("strict/32k", "base/tiny"), ("strict/32k", "strict/16k")]
    assert [(row["context"], row["subject"], row["other"]) for row in rows] == [
        (context, *pair) for context in ("16k", "32k", "64k") for pair in pairs
    ]
    for row in rows:
        assert float(row["difference"]) == pytest.approx(float(row["value"]) - float(row["other_value"]), abs=2e-6)
        assert float(row["difference_low"]) <= float(row["difference"]) <= float(row["difference_high"])
        assert 0 < float(row["p_value"]) <= 1
        assert row["units"] == "12"


def test_both_numbers_stand_where_their_pointers_lead(scores: list[Path]) -> None:
    table = table_of(scores)
    for row in read_csv(table):
        for number, where in (("value", "pointer"), ("other_value", "other_pointer")):
            file, _, pointer = row[where].partition("#")
            target = Path(os.path.normpath(table.parent / file))
            assert at(read_json(target), pointer, target) == pytest.approx(float(row[number]), abs=1e-6)


def test_the_order_of_the_scores_changes_nothing(scores: list[Path]) -> None:
    assert table_of(scores).read_bytes() == table_of(scores[::-1], "again.csv").read_bytes()


def test_ratings_are_compared_by_contest(scores: list[Path], tmp_path: Path) -> None:
    made = []
    for subject, ratings in (("models/base/tiny", [1400.0, 1500.0]), ("strict/tiny/16k", [1500.0, 1620.0])):
        path = tmp_path / subject / "eval/codeforces/64k/scores.json"
        rated = {"rating": sum(ratings) / 2, "contests": {str(n): rating for n, rating in enumerate(ratings)}}
        write_json(path, read_json(scores[0]) | {"metric": "codeforces_rating", "codeforces": rated})
        made.append(path)
    table = tmp_path / "report/comparisons.csv"
    assert door("compare_models.py", table, "--scores", *made).returncode == 0
    [row] = read_csv(table)
    assert (row["unit"], row["units"], row["difference"], row["difference_error"]) == ("contest", "2", "110", "10")
    assert row["pointer"].endswith("#/codeforces/rating")


def test_scores_without_results_by_problem_are_one_clear_error(scores: list[Path], tmp_path: Path) -> None:
    made = []
    for subject in SUBJECTS[:2]:
        made.append(tmp_path / subject / "eval/easy/64k/scores.json")
        write_json(made[-1], {k: v for k, v in read_json(scores[0]).items() if k != "by_problem"})
    done = door("compare_models.py", tmp_path / "comparisons.csv", "--scores", *made)
    assert done.returncode == 1
    assert "by problem" in done.stderr
    assert "Traceback" not in done.stderr
