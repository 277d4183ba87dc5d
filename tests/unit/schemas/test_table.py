"""Tables are written a row group at a time, whole or not at all."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepcoder.errors import UserError
from deepcoder.schemas.table import ROW_GROUP_ROWS, read_table, write_table

NUMBERS = pa.schema([("number", pa.int32())])


@pytest.mark.parametrize("count", [0, 1, ROW_GROUP_ROWS, ROW_GROUP_ROWS + 1])
def test_rows_come_back_in_their_order(tmp_path, count):
    rows = [{"number": count - number} for number in range(count)]
    path = tmp_path / "numbers.parquet"
    assert write_table(path, iter(rows), NUMBERS) == count
    assert read_table(path, NUMBERS) == rows
    assert pq.ParquetFile(path).num_row_groups == -(-count // ROW_GROUP_ROWS)


def test_a_row_that_does_not_fit_is_named_by_its_position_and_nothing_is_left(tmp_path):
    rows = [{"number": 0} for _ in range(ROW_GROUP_ROWS + 9)]
    rows[ROW_GROUP_ROWS + 5] = {"number": "five"}
    with pytest.raises(UserError, match=rf"numbers\.parquet: row {ROW_GROUP_ROWS + 5} does not fit"):
        write_table(tmp_path / "numbers.parquet", rows, NUMBERS)
    assert list(tmp_path.iterdir()) == []
