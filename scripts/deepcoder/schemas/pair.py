"""The table of pairs: what a rule found alike, with its score; every removal of these rules has one."""

from __future__ import annotations

import pyarrow as pa

PAIR = pa.schema(
    [
        ("rule", pa.string()),  # exact_duplicate | near_duplicate | shared_tests | contamination | leaked
        ("id", pa.string()),
        ("other_id", pa.string()),  # duplicates: the larger id of the two; else the benchmark's; "" for a date
        ("benchmark", pa.string()),  # contamination and leaked only
        ("evidence", pa.string()),  # statement | containment | tests | contest | url | date
        ("score", pa.float64()),  # see EVIDENCE
    ]
)

EVIDENCE = {
    "statement": "Jaccard similarity of the word shingles",
    "containment": "share of the one statement's shingles that the other holds",
    "tests": "share of the tests of the problem with more of them that both have",
    "contest": "1: the same problem of the same contest",
    "url": "1: the same address",
    "date": "1: dated on or after the first day of the benchmark's window",
}
