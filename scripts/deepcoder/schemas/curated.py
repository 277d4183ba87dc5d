"""The tables that curation writes beside the problems: verdicts on references, similar pairs, pass rates."""

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

PAIR = pa.schema(
    [
        ("rule", pa.string()),  # exact_duplicate | near_duplicate | contamination
        ("id", pa.string()),
        ("other_id", pa.string()),  # duplicates: the larger id of the two; contamination: the id in the benchmark
        ("benchmark", pa.string()),  # contamination only
        ("score", pa.float64()),  # Jaccard similarity of word shingles
    ]
)

PASS_RATE = pa.schema([("problem_id", pa.string()), ("samples", pa.int32()), ("passed", pa.int32())])
