"""The costliest submissions of a window are judged first, and verdicts still come in the order of submissions."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from deepcoder.judge.model import Submission, Verdict

Cost = tuple[float, int]
Offer = Callable[[Callable[[], Submission], bool], "Future[Verdict] | None"]


def estimated_cost(submission: Submission, stored_bytes: int = 0) -> Cost:
    """Upper bound of the CPU seconds, then the size of the input: bytes of text, for calls lengths of the arguments.

    Tests by reference are not read for this: they count as one test of `stored_bytes`.
    """
    if submission.tests_ref is not None:
        return submission.time_limit_s, stored_bytes
    size = sum(len(test["input"]) if submission.kind == "stdin" else _length(test["args"]) for test in submission.tests)
    return submission.time_limit_s * len(submission.tests), size


def _length(args: Iterable[object]) -> int:
    return sum(len(value) if isinstance(value, str | bytes | list | tuple | dict | set) else 1 for value in args)


def costliest_first(
    submissions: Iterable[Submission], cost: Callable[[Submission], Cost], offer: Offer, size: int
) -> Iterator[Future[Verdict]]:
    """Finished futures in the order of the submissions, of which at most `size` are read ahead.

    One slow program handed out last would run alone at the end, so each worker that is free takes the costliest of
    those that wait.

    Args:
        offer: called with a function that gives the submission when its turn has come, and whether to wait for
            room; returns the future of its verdict, or None where there is no room.
    """
    window = _Window(cost, offer)
    try:
        for submission in submissions:
            window.add(submission)
            if len(window) >= size:
                yield window.oldest()
        while len(window):
            yield window.oldest()
    finally:
        window.abandon()


@dataclass(order=True)
class _Entry:
    key: tuple[float, int, int]
    submission: Submission | None = field(compare=False)
    outcome: Future[Verdict] | None = field(default=None, compare=False)


class _Window:
    """Submissions read and not yet answered; used by one thread, its entries taken by the judge's."""

    def __init__(self, cost: Callable[[Submission], Cost], offer: Offer) -> None:
        self._cost, self._offer = cost, offer
        self._in_order: deque[_Entry] = deque()
        self._waiting: queue.PriorityQueue[_Entry] = queue.PriorityQueue()
        self._finished: queue.SimpleQueue[Future[Verdict]] = queue.SimpleQueue()
        self._offered: set[Future[Verdict]] = set()
        self._read, self._to_offer = 0, 0

    def __len__(self) -> int:
        return len(self._in_order)

    def add(self, submission: Submission) -> None:
        seconds, size = self._cost(submission)
        entry = _Entry((-seconds, -size, self._read), submission)
        self._read += 1
        self._to_offer += 1
        self._in_order.append(entry)
        self._waiting.put(entry)
        self._offer_all()

    def oldest(self) -> Future[Verdict]:
        """The outcome of the oldest submission, waited for."""
        entry = self._in_order[0]
        while entry.outcome is None:
            self._offer_all()
            self._settle(self._finished.get())
        self._in_order.popleft()
        return entry.outcome

    def abandon(self) -> None:
        """Let nothing start any more for a reader that has gone."""
        for future in self._offered:
            future.cancel()

    def _offer_all(self) -> None:
        while not self._finished.empty():
            self._settle(self._finished.get())
        # With nothing under way nothing would wake this thread, so it waits for room instead.
        while self._to_offer and self._offer_one(wait=not self._offered):
            pass

    def _offer_one(self, wait: bool) -> bool:
        taken: list[_Entry] = []

        def take() -> Submission:
            entry = self._waiting.get_nowait()
            taken.append(entry)
            submission, entry.submission = entry.submission, None
            assert submission is not None
            return submission

        def note(future: Future[Verdict]) -> None:
            if taken:
                taken[0].outcome = future
            self._finished.put(future)

        future = self._offer(take, wait)
        if future is None:
            return False
        self._to_offer -= 1
        self._offered.add(future)
        future.add_done_callback(note)
        return True

    def _settle(self, future: Future[Verdict]) -> None:
        self._offered.discard(future)
        if future.cancelled():
            # It ended before it took an entry, which then still needs a turn.
            self._to_offer += 1
