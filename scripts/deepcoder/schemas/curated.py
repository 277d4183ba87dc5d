"""The tables that curation writes beside the problems: verdicts on references, pass rates; pairs are in pair.py."""

from __future__ import annotations

import pyarrow as pa

VERIFIED = pa.schema(
    [
        ("problem_id", pa.string()),
        ("solution", pa.int32()),  # position in the problem's solutions
        ("run", pa.int32()),  # 0 .. runs-1
        ("verdict", pa.string()),
        ("passed", pa.int32()),
        ("total", pa.int32()),
        ("failed_test", pa.int32()),  # null where none failed
        ("checker", pa.string()),  # curation.checkers; null: the curation's comparator
    ]
)

PASS_RATE = pa.schema([("problem_id", pa.string()), ("samples", pa.int32()), ("passed", pa.int32())])
