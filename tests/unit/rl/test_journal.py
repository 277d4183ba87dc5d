"""A batch that was interrupted goes on from its samples, where that gives the same bytes or is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deepcoder.journal import Journal
from deepcoder.rl.feed import BatchJournal
from deepcoder.rl.rollout import Request, Sample

REQUESTS = [Request(f"train/{number}/0", [1, 2], number, 4) for number in range(5)]
KEYS = [request.key for request in REQUESTS]


class Generated:
    """A sampler that remembers what it was asked for."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def __call__(self, requests: list[Request]) -> Iterator[Sample]:
        for request in requests:
            self.keys.append(request.key)
            yield Sample(request.key, [request.seed], [-0.5], "stop", ((3, 1),))


def interrupted(path: Path, after: int, name: str = "batch") -> None:
    """Leave a journal of a batch whose process was killed while it wrote the sample behind the first `after`."""
    samples = BatchJournal(path).samples(name, REQUESTS, Generated())
    for _ in range(after + 1):
        next(samples)
    samples.close()
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize(("reuse_part", "asked"), [(False, KEYS), (True, KEYS[3:])])
def test_a_part_of_a_batch_is_used_where_that_is_allowed(tmp_path: Path, reuse_part: bool, asked: list[str]) -> None:
    path = tmp_path / "samples.jsonl"
    interrupted(path, after=3)
    generated = Generated()
    found = list(BatchJournal(path).samples("batch", REQUESTS, generated, reuse_part))
    assert [sample.key for sample in found] == KEYS, "each sample comes once"
    assert generated.keys == asked
    assert list(BatchJournal(path).samples("batch", REQUESTS, Generated())) == found, "the journal has all of them"


def test_a_whole_batch_is_not_sampled_again_and_another_one_is_worth_nothing(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    first = list(BatchJournal(path).samples("batch", REQUESTS, Generated()))
    again, other = Generated(), Generated()
    assert list(BatchJournal(path).samples("batch", REQUESTS, again)) == first
    assert again.keys == []
    list(BatchJournal(path).samples("next batch", REQUESTS, other, reuse_part=True))
    assert other.keys == KEYS


def test_what_a_kill_cut_off_is_cut_away_before_more_is_written(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    for number in range(3):
        journal.add({"number": number})
    path.write_bytes(path.read_bytes()[:-4])
    assert journal.read() == [{"number": 0}, {"number": 1}]
    journal.add({"number": 7})
    assert Journal(path).read() == [{"number": 0}, {"number": 1}, {"number": 7}]
