"""Raw datasets of true shape: TACO-verified, SYNTHETIC-1 and LiveCodeBench, written as their hubs carry them.

Statements are made of words in the frequencies of a natural text. Programs are those of the corpus; most problems have
5 to 40 of their tests, a few have megabytes of them, as the real ones do.
"""

from __future__ import annotations

import base64
import json
import pickle
import random
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.benchmarks.corpus import LIGHT_PROBLEMS, Problem

from deepcoder.curation.rules.statements import ENGLISH

Row = dict[str, Any]
SHARES = {"taco_verified": 0.4, "primeintellect": 0.5, "livecodebench": 0.1}
# Tests made of each program for each problem asked for: two problems rarely share one, at any size.
POOL_SHARE, LEAST_POOL = 0.1, 80
LARGE_ONE_IN = 50  # problems with tests of many bytes
LONG_SUM = "n = int(input())\nprint(sum(map(int, input().split())))\n"
BATCH_BYTES = 64 << 20


class Numbers:
    """A long text of numbers of which any stretch, with its sum, costs one slice."""

    def __init__(self, count: int = 2_000_000) -> None:
        rng = random.Random(1)
        values = [rng.randrange(10**9) for _ in range(count)]
        texts = [str(value) for value in values]
        self.text = " ".join(texts)
        self.ends = list(accumulate((len(text) + 1 for text in texts), initial=0))
        self.sums = list(accumulate(values, initial=0))

    def test(self, rng: random.Random, size: int) -> Row:
        """A test of LONG_SUM with an input of about `size` bytes."""
        first = rng.randrange(len(self.sums) // 2)
        last = min(bisect_right(self.ends, self.ends[first] + size), len(self.sums) - 1)
        stretch = self.text[self.ends[first] : self.ends[last] - 1]
        return {"input": f"{last - first}\n{stretch}\n", "output": f"{self.sums[last] - self.sums[first]}\n"}


@cache
def vocabulary() -> tuple[list[str], list[float]]:
    """Words and their cumulative weights (Zipf's law); those of English grammar are the commonest."""
    rng = random.Random(2)
    words = sorted(ENGLISH) + [
        "".join(rng.choice("aeioubcdfglmnprst") for _ in range(rng.randint(1, 10))) for _ in range(8000)
    ]
    return words, list(accumulate(1 / (rank + 3) for rank in range(len(words))))


def statement(rng: random.Random) -> str:
    """120 to 400 words in sentences."""
    words, weights = vocabulary()
    chosen = rng.choices(words, cum_weights=weights, k=rng.randint(120, 400))
    return " ".join(word + ("." if place % 14 == 13 else "") for place, word in enumerate(chosen))


@cache
def pool(problem: Problem, count: int) -> list[Row]:
    return problem.tests(max(LEAST_POOL, int(count * POOL_SHARE)))


def problems(count: int, tests_mb: float, seed: int = 0) -> Iterator[Row]:
    """`count` problems with about `tests_mb` of tests; the same for the same seed."""
    numbers, rng = Numbers(), random.Random(seed)
    large = max(1, count // LARGE_ONE_IN)
    mean = max(0.0, tests_mb * 1e6 - 2000 * count) / large
    for position in range(count):
        text = statement(rng)
        if position % LARGE_ONE_IN == 0:
            size = mean * rng.choice((0.25, 0.25, 0.5, 0.5, 1, 1, 1.5, 3))
            tests = [numbers.test(rng, max(20, int(size / 12))) for _ in range(12)]
            yield {"id": position, "statement": text, "program": LONG_SUM, "fn_name": None, "tests": tests}
        else:
            problem = rng.choice(LIGHT_PROBLEMS)
            tests = rng.sample(pool(problem, count), rng.randint(5, 40))
            yield {
                "id": position,
                "statement": text,
                "program": problem.program,
                "fn_name": problem.fn_name,
                "tests": tests,
            }


def taco_row(problem: Row) -> Row:
    pairs: Row = {"inputs": [], "outputs": []}
    for test in problem["tests"]:
        pairs["inputs"].append(test["args"] if problem["fn_name"] else test["input"])
        pairs["outputs"].append([test["expected"]] if problem["fn_name"] else test["output"])
    if problem["fn_name"]:
        pairs["fn_name"] = problem["fn_name"]
    return {
        "id": problem["id"],
        "question": problem["statement"],
        "solutions": json.dumps([problem["program"], problem["program"] + "\n# once more\n"]),
        "input_output": json.dumps(pairs),
        "starter_code": "",
        "url": f"https://codeforces.com/problemset/problem/{problem['id'] // 6 + 1}/{'ABCDEF'[problem['id'] % 6]}",
        "date": "2019-12-31T00:00:00",
        "time_limit": "2.0 seconds",
    }


def primeintellect_row(problem: Row) -> Row:
    cases = []
    for test in problem["tests"]:
        called = {"type": "function_call", "fn_name": problem["fn_name"]}
        if problem["fn_name"]:
            cases.append({**called, "input": test["args"], "output": [test["expected"]]})
        else:
            cases.append({"type": "stdin_stdout", "fn_name": None, "input": test["input"], "output": test["output"]})
    return {
        "problem_id": f"vcp_{problem['id']}",
        "prompt": problem["statement"],
        "gold_standard_solution": f"```python\n{problem['program']}```",
        "verification_info": json.dumps({"language": "python", "test_cases": cases}),
    }


def livecodebench_row(problem: Row) -> Row:
    tests = []
    for test in problem["tests"]:
        if problem["fn_name"]:
            lines = "\n".join(map(json.dumps, test["args"]))
            tests.append({"input": lines, "output": json.dumps(test["expected"]), "testtype": "functional"})
        else:
            tests.append({**test, "testtype": "stdin"})
    text = pickle.dumps(json.dumps(tests[2:]))
    return {
        "question_id": f"q{problem['id']}",
        "question_content": problem["statement"],
        "public_test_cases": json.dumps(tests[:2]),
        "private_test_cases": base64.b64encode(zlib.compress(text, 1)).decode(),
        "contest_date": f"{2023 + problem['id'] % 2}-{problem['id'] % 3 + 9:02}-13T00:00:00",
        "starter_code": "",
        "metadata": json.dumps({"func_name": problem["fn_name"]} if problem["fn_name"] else {}),
    }


ROWS: dict[str, Callable[[Row], Row]] = {
    "taco_verified": taco_row,
    "primeintellect": primeintellect_row,
    "livecodebench": livecodebench_row,
}


def write_raw(folder: Path, count: int, tests_mb: float, shuffled: bool = False) -> dict[str, Path]:
    """The raw file of each source, below `folder`; `shuffled` ones hold the same rows in another order."""
    made = {}
    for number, (source, share) in enumerate(SHARES.items()):
        path = folder / source / ("release.jsonl" if source == "livecodebench" else "train-00000-of-00001.parquet")
        path.parent.mkdir(parents=True)
        rows: Iterable[Row] = map(ROWS[source], problems(int(count * share), tests_mb * share, seed=number))
        if shuffled:
            rows = list(rows)
            random.Random(3).shuffle(rows)
        (_write_lines if source == "livecodebench" else _write_parquet)(path, rows)
        made[source] = path
    return made


def _write_lines(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)


def _write_parquet(path: Path, rows: Iterable[Row]) -> None:
    writer, batch, held = None, [], 0
    for row in rows:
        batch.append(row)
        held += sum(len(value) for value in row.values() if isinstance(value, str))
        if held > BATCH_BYTES:
            writer = _flush(path, writer, batch)
            batch, held = [], 0
    _flush(path, writer, batch).close()


def _flush(path: Path, writer: pq.ParquetWriter | None, batch: list[Row]) -> pq.ParquetWriter:
    table = pa.Table.from_pylist(batch)
    writer = writer or pq.ParquetWriter(path, table.schema)
    writer.write_table(table)
    return writer
