"""The costliest submissions that are known go first, and verdicts come back in the order of submissions."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from deepcoder.judge import JudgePool, Submission, Verdict
from deepcoder.judge.order import costliest_first, estimated_cost


def submission(identity: object, tests: int = 1, program: str = "print(1)", given: str = "") -> Submission:
    return Submission(str(identity), "stdin", program, [{"input": given, "output": "1"}] * tests, time_limit_s=2.0)


def test_a_free_worker_takes_the_costliest_that_waits(tmp_path: Path) -> None:
    started = tmp_path / "started"
    counts = [1, 3, 2, 1, 5, 4, 1, 2, 5, 3, 1, 1, 4, 2]
    all_read = threading.Event()

    def submissions() -> Iterator[Submission]:
        for identity, tests in enumerate(counts):
            yield submission(identity, tests, f"open({str(started)!r}, 'a').write('{identity} ')\nprint(1)")
        all_read.set()

    # Only without isolation can a program say on disk when it ran.
    with JudgePool(1, isolation="process") as pool:
        busy = pool._put(lambda worker: all_read.wait(60))
        verdicts = pool.map(submissions())
    assert busy.result()
    assert [verdict.id for verdict in verdicts] == [str(identity) for identity in range(len(counts))]
    order = list(dict.fromkeys(map(int, started.read_text().split())))
    assert order == sorted(range(len(counts)), key=lambda identity: (-counts[identity], identity))


def test_cost_is_seconds_then_input() -> None:
    ranked = [
        submission("many", tests=3),
        submission("long", given="x" * 9),
        submission("short", given="x"),
        Submission("call", "call", "", [{"args": [[1, 2, 3], 4], "expected": 1}], fn_name="f", time_limit_s=1.0),
    ]
    assert sorted(ranked, key=estimated_cost, reverse=True) == ranked
    referenced = Submission("r", "stdin", "", tests_ref="0" * 64, time_limit_s=2.0)
    assert estimated_cost(referenced, 7) == (2.0, 7)


class Judge:
    """Threads that answer as many as `allowed`; it has room for `room` submissions."""

    def __init__(self, threads: int, room: int, allowed: int) -> None:
        self.threads, self.room, self.allowed = (
            ThreadPoolExecutor(threads),
            threading.Semaphore(room),
            threading.Semaphore(allowed),
        )
        self.taken: list[str] = []

    def offer(self, take: Callable[[], Submission], wait: bool) -> Future[Verdict] | None:
        if not self.room.acquire(blocking=wait):
            return None
        future = self.threads.submit(self.answer, take)
        future.add_done_callback(lambda _: self.room.release())
        return future

    def answer(self, take: Callable[[], Submission]) -> Verdict:
        self.allowed.acquire()
        identity = take().id
        self.taken.append(identity)
        return Verdict(identity, "AC", 1, 1, None, 0.0, 0.0, 0.0, "", "none")


@settings(deadline=None)
@given(st.lists(st.integers(1, 5), max_size=40), st.integers(1, 9), st.integers(1, 5), st.integers(1, 3))
def test_every_verdict_comes_once_and_the_window_is_bounded(costs, size, room, threads):
    judge, read = Judge(threads, room, 99), 0

    def submissions() -> Iterator[Submission]:
        nonlocal read
        for read, cost in enumerate(costs, start=1):
            yield submission(read, cost)

    found = 0
    for future in costliest_first(submissions(), estimated_cost, judge.offer, size):
        assert read - found <= size
        found += 1
        assert future.result().id == str(found)
    assert found == len(costs)
    assert sorted(map(int, judge.taken)) == list(range(1, len(costs) + 1))


def test_a_reader_that_leaves_lets_nothing_more_start() -> None:
    judge = Judge(1, 5, allowed=1)
    window = costliest_first((submission(n) for n in range(5)), estimated_cost, judge.offer, 5)
    assert next(window).result().id == "0"
    window.close()
    judge.allowed.release(9)
    judge.threads.shutdown()
    assert len(judge.taken) <= 2
