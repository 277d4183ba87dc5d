"""Samples and pass rates that several jobs have made a part of each, put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from deepcoder.errors import UserError
from deepcoder.schemas.sample import SAMPLE
from deepcoder.schemas.table import read_arrow, write_arrow

Row = dict[str, Any]


def gather_samples(path: Path, parts: Sequence[Path], problems: Sequence[str], samples: int) -> int:
    """Write the rows of schemas.sample.SAMPLE of all parts, in the order of the problems and of their numbers.

    Tokens are never made Python's: a benchmark at 64K has hundreds of millions of them.

    Returns:
        the number of rows.

    Raises:
        UserError: a sample that is there twice, is missing, or answers no problem of the benchmark.
    """
    table = pa.concat_tables([read_arrow(part, SAMPLE) for part in parts])
    found = list(zip(table["problem_id"].to_pylist(), table["sample"].to_pylist(), strict=True))
    places = {key: place for place, key in enumerate(found)}
    wanted = [(problem, number) for problem in problems for number in range(samples)]
    odd = [key for key, count in Counter(found).items() if count > 1]
    if odd := odd or sorted(places.keys() ^ set(wanted)):
        what = "is there twice" if len(places) < len(found) else "is missing" if odd[0] in wanted else "was not asked"
        raise UserError(
            f"{parts[0].parent.parent}: sample {odd[0][1]} of problem {odd[0][0]} {what}; delete the manifests of "
            "these shards and run again"
        )
    write_arrow(path, table.take([places[key] for key in wanted]))
    return len(wanted)


def add_up(parts: Iterable[Sequence[Row]]) -> list[Row]:
    """Rows of schemas.curated.PASS_RATE over all parts, by problem."""
    samples, passed = Counter[str](), Counter[str]()
    for rows in parts:
        for row in rows:
            samples[row["problem_id"]] += row["samples"]
            passed[row["problem_id"]] += row["passed"]
    return [{"problem_id": name, "samples": samples[name], "passed": passed[name]} for name in sorted(samples)]
