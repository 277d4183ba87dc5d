"""Shards: every sample falls to one, and what they leave is put together whole or refused."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.errors import UserError
from deepcoder.evaluation.gather import add_up, gather_samples
from deepcoder.schemas.sample import SAMPLE
from deepcoder.schemas.table import write_table
from deepcoder.shards import Shard

PROBLEMS = ["b", "a"]
KEYS = [("b", 0), ("b", 1), ("a", 0), ("a", 1)]


@given(st.sets(st.text(max_size=3), max_size=20).map(list), st.integers(0, 9), st.integers(1, 12), st.randoms())
def test_every_sample_falls_to_one_shard_and_shards_are_even(
    problems: list[str], samples: int, of: int, chance: Any
) -> None:
    shards = [Shard(number, of).draws(problems, samples) for number in range(of)]
    drawn = Counter((name, number) for shard in shards for name, numbers in shard.items() for number in numbers)
    assert drawn == Counter((name, number) for name in problems for number in range(samples))
    sizes = [sum(map(len, shard.values())) for shard in shards]
    assert max(sizes) - min(sizes) <= 1
    shuffled = chance.sample(problems, len(problems))
    assert [Shard(number, of).draws(shuffled, samples) for number in range(of)] == shards


@pytest.mark.parametrize(("number", "of"), [(2, 2), (-1, 2), (0, 0)])
def test_a_shard_that_there_is_not_is_refused(number: int, of: int) -> None:
    with pytest.raises(UserError, match="numbered from 0"):
        Shard(number, of)


def parts_of(folder: Path, *groups: list[tuple[str, int]]) -> list[Path]:
    paths = []
    for number, keys in enumerate(groups):
        rows = [
            {"problem_id": name, "sample": n, "seed": n, "prompt": "p", "response": "r"}
            | {"token_ids": [n], "finish": "stop"}
            for name, n in keys
        ]
        paths.append(folder / f"{number}/one.parquet")
        write_table(paths[-1], rows, SAMPLE)
    return paths


def test_the_gathered_table_has_the_bytes_of_one_written_at_once(tmp_path: Path) -> None:
    whole = parts_of(tmp_path / "whole", KEYS)[0]
    gather_samples(tmp_path / "gathered.parquet", parts_of(tmp_path, KEYS[3:], [], KEYS[:3]), PROBLEMS, 2)
    assert (tmp_path / "gathered.parquet").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ((KEYS[:2], KEYS[2:3]), "sample 1 of problem a is missing"),
        ((KEYS[:3], KEYS[2:]), "sample 0 of problem a is there twice"),
        ((KEYS, [("c", 0)]), "sample 0 of problem c was not asked"),
        ((KEYS, [("a", 2)]), "sample 2 of problem a was not asked"),
    ],
)
def test_shards_that_do_not_make_a_whole_are_named(tmp_path: Path, groups: Any, said: str) -> None:
    with pytest.raises(UserError, match=f"{said}; delete the manifests of these shards and run again"):
        gather_samples(tmp_path / "gathered.parquet", parts_of(tmp_path, *groups), PROBLEMS, 2)
    assert not (tmp_path / "gathered.parquet").exists()


def test_counts_of_a_problem_are_added_over_the_shards() -> None:
    one = {"problem_id": "b", "samples": 3, "passed": 1}
    other = {"problem_id": "a", "samples": 2, "passed": 0}
    more = {"problem_id": "b", "samples": 1, "passed": 1}
    assert add_up([[one], [other, more]]) == [other, {"problem_id": "b", "samples": 4, "passed": 2}]
