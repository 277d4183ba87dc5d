"""Problems of several sources come in order of their id, as often as they are asked for."""

import pytest
from test_curate import parsed, problems_of

from deepcoder.curation.problems import Problems
from deepcoder.errors import UserError
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import write_table


def test_tables_are_merged_by_id_each_time_anew(tmp_path):
    tables, everything = [], []
    for name in ("one", "other"):
        rows, _ = problems_of([parsed(f"{name} {number}") for number in range(150)], tmp_path, name)
        tables.append(tmp_path / f"{name}.parquet")
        write_table(tables[-1], rows, PROBLEM)
        everything += rows
    expected = sorted(everything, key=lambda row: row["id"])
    problems = Problems(tables)
    assert list(problems) == expected
    assert list(problems) == expected


def test_a_table_that_is_not_sorted_is_named(tmp_path):
    rows, _ = problems_of([parsed(str(number)) for number in range(3)], tmp_path)
    write_table(tmp_path / "problems.parquet", rows[::-1], PROBLEM)
    with pytest.raises(UserError, match=rf"problems\.parquet: row {rows[1]['id']} stands after {rows[2]['id']}"):
        list(Problems([tmp_path / "problems.parquet"]))
