"""Verdicts are drawn by a seed, given again, and what differs is told apart from what only wavers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.judge.again import Row, Stored, judge_again


def row(problem: str, sample: int, verdict: str = "AC") -> dict[str, Any]:
    return {"problem_id": problem, "sample": sample, "verdict": verdict, "passed": 1, "total": 1, "failed_test": None}


ROWS = [row(problem, sample) for problem in "abcde" for sample in range(4)]


class Bench:
    """A table of verdicts whose programs give `now` in turn, the last for ever; keeps what was asked."""

    def __init__(self, *now: str) -> None:
        self.now, self.asked = list(now), list[list[Row]]()

    def again(self, rows: Sequence[Row], workers: int, slack: float) -> list[Row]:
        self.asked.append(list(rows))
        verdict = self.now.pop(0) if len(self.now) > 1 else self.now[0]
        return [{**row, "verdict": "AC" if slack > 1 else verdict} for row in rows]

    def stored(self, rows: Sequence[Row] = ROWS, faults: Sequence[str] = ()) -> Stored:
        return Stored(Path("verdicts.parquet"), len(rows), faults, ("sample",), lambda: (rows, self.again))


def drawn(seed: int) -> list[tuple[str, int]]:
    bench = Bench("AC")
    judge_again([bench.stored()], 7, seed, 2)
    return sorted((row["problem_id"], row["sample"]) for batch in bench.asked for row in batch)


def test_a_seed_draws_the_same_rows_and_another_seed_others() -> None:
    assert len(drawn(1)) == len(set(drawn(1))) == 7
    assert drawn(1) == drawn(1) != drawn(2)


def test_all_rows_are_judged_when_more_are_asked_and_no_problem_twice_at_once() -> None:
    bench = Bench("AC")
    found = judge_again([bench.stored(), bench.stored()], 1000, 0, 2)
    assert (found.judged, found.programs, found.differ, found.unsteady) == (40, 40, [], [])
    assert all(len({row["problem_id"] for row in batch}) == len(batch) for batch in bench.asked)


def test_a_verdict_that_stays_another_one_is_named_with_both() -> None:
    found = judge_again([Bench("WA").stored(ROWS[1:2])], 1, 0, 2)
    assert found.differ == ["verdicts.parquet: problem a sample 1: stored AC, now WA, 3 times alone"]


def test_a_verdict_that_comes_out_as_stored_when_repeated_is_no_difference() -> None:
    found = judge_again([Bench("TLE", "TLE", "AC").stored(ROWS[:1])], 1, 0, 2)
    assert found.differ == []
    assert found.unsteady == [
        "verdicts.parquet: problem a sample 0: stored AC, now TLE, as stored when judged alone (attempt 2)"
    ]


def test_a_limit_of_time_that_is_missed_now_is_told_as_one_of_time() -> None:
    (told,) = judge_again([Bench("TLE").stored(ROWS[:1])], 1, 0, 2).differ
    assert told.endswith("differs (time): stored AC, now TLE, 3 times alone; with 3 times the time limit as stored")
    (told,) = judge_again([Bench("TLE").stored([row("a", 0, "WA")])], 1, 0, 2).differ
    assert told.endswith("with 3 times the time limit not as stored either")
    (told,) = judge_again([Bench("AC").stored([row("a", 0, "TLE")])], 1, 0, 2).differ
    assert told.endswith("a faster machine, or a forged verdict")


def test_what_cannot_be_judged_is_named_and_the_rest_goes_on() -> None:
    def gone() -> Any:
        raise UserError("samples.parquet: missing")

    broken = Stored(Path("broken.parquet"), 5, [], (), gone)
    found = judge_again([broken, Bench("AC").stored(faults=["verdicts.parquet: too few rows"])], 1000, 0, 2)
    assert found.differ == [
        "verdicts.parquet: too few rows",
        "broken.parquet: cannot be judged again (samples.parquet: missing)",
    ]
    assert found.judged == 20
