"""The table of what wrong programs tell of tests: how many mutants they fail, and which tests fail none."""

from __future__ import annotations

import pyarrow as pa

WEAK_TESTS = pa.schema(
    [
        ("problem_id", pa.string()),
        ("tests", pa.int32()),
        ("mutants", pa.int32()),  # that do not crash; 0 where the reference gives none
        ("failed", pa.int32()),  # mutants that some test fails
        ("weak_tests", pa.list_(pa.int32())),  # positions of the tests that fail no mutant
        ("weak", pa.bool_()),  # fewer mutants fail than the curation's weak_share
    ]
)
