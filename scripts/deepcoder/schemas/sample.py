"""The tables of evaluation: sampled responses and their verdicts."""

from __future__ import annotations

import pyarrow as pa

SAMPLE = pa.schema(
    [
        ("problem_id", pa.string()),
        ("sample", pa.int32()),  # 0 .. samples-1
        ("seed", pa.int64()),
        ("prompt", pa.large_string()),
        ("response", pa.large_string()),
        ("token_ids", pa.list_(pa.int32())),  # of the response, end token included
        ("finish", pa.string()),  # stop | length
    ]
)

SAMPLE_VERDICT = pa.schema(
    [
        ("problem_id", pa.string()),
        ("sample", pa.int32()),
        ("verdict", pa.string()),
        ("passed", pa.int32()),
        ("total", pa.int32()),
        ("failed_test", pa.int32()),
        ("truncated", pa.bool_()),  # at the context length judged
        ("response_tokens", pa.int32()),
        ("program", pa.large_string()),  # null where none was found
        ("detail", pa.large_string()),
        ("beside", pa.map_(pa.string(), pa.string())),  # comparator -> verdict, of Benchmark.comparators_beside
    ]
)
