"""The table of problems: one schema for every source, training and benchmark alike."""

from __future__ import annotations

import pyarrow as pa

from deepcoder.files import sha256_text

PROBLEM = pa.schema(
    [
        ("id", pa.string()),  # problem_id(source, source_id)
        ("source", pa.string()),
        ("source_id", pa.string()),
        ("statement", pa.large_string()),
        ("starter_code", pa.large_string()),  # "" where there is none
        ("kind", pa.string()),  # stdin | call | answer (mathematics)
        ("fn_name", pa.string()),  # null for stdin
        ("tests_ref", pa.string()),  # into the tests store; null where none parse
        ("tests_count", pa.int32()),
        ("tests_bytes", pa.int64()),  # of all tests in their stored form, uncompressed
        ("largest_test_bytes", pa.int64()),
        ("test_digests", pa.list_(pa.uint64())),  # curation/similarity/digests.py: two problems' compare
        ("statement_digest", pa.string()),
        ("solutions", pa.list_(pa.large_string())),  # reference programs
        ("answer", pa.string()),  # mathematics only
        ("family", pa.string()),  # generated problems: template family; else null
        ("split", pa.string()),  # train | heldout | test
        ("date", pa.string()),  # YYYY-MM-DD or null
        ("url", pa.string()),
        ("contest_problem", pa.string()),  # codeforces/1899/A, see curation/contest.py; null where unknown
        ("licence", pa.string()),
        ("time_limit_s", pa.float64()),  # the problem's own, or null
        ("checker", pa.large_string()),  # of curated problems: Python source that decides outputs; null: a comparator
    ]
)

DROPPED = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("source_id", pa.string()),
        ("rule", pa.string()),  # the funnel's row
        ("reason", pa.large_string()),
    ]
)


def problem_id(source: str, source_id: str) -> str:
    """16 hex digits of sha256(source, the source's own id): dropping a test changes no id."""
    return sha256_text(f"{source}\n{source_id}")[:16]
