"""The table of wrong programs: each mutant of an accepted reference, and which tests fail it."""

from __future__ import annotations

import pyarrow as pa

MUTANT = pa.schema(
    [
        ("problem_id", pa.string()),
        ("solution", pa.int32()),  # the reference it is made of
        ("mutant", pa.int32()),  # from 0, in the order of lines
        ("fault", pa.string()),
        ("line", pa.int32()),  # in the reference
        ("verdict", pa.string()),
        # Positions of the tests it was seen to fail: the first, then those that no mutant before it has failed.
        ("failed_tests", pa.list_(pa.int32())),
    ]
)
