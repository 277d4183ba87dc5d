"""What every judge offers, wherever its programs run: futures, asyncio, and verdicts in order."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Literal, Self, overload

from deepcoder.errors import UserError
from deepcoder.judge import grading
from deepcoder.judge.comparators import comparator as named_comparator
from deepcoder.judge.model import Submission, Verdict, check_submission
from deepcoder.judge.order import costliest_first, estimated_cost
from deepcoder.judge.references import ReferencedTests

_WINDOW_PER_WORKER = 64
_FULL_PAUSE_S = 0.005


class JudgeInterface(ABC):
    """Judges submissions in parallel; a context manager.

    Attributes:
        workers: programs that run at a time.
    """

    def __init__(self, workers: int, comparator: str, all_tests: bool, tests_store: Path | str | None) -> None:
        if workers < 1:
            raise UserError(f"a judge needs at least 1 worker, not {workers}")
        named_comparator(comparator)
        self.workers, self.comparator, self.all_tests = workers, comparator, all_tests
        self.tests = ReferencedTests(tests_store)

    @abstractmethod
    def close(self, cancel: bool = False) -> None:
        """Finish what is queued (or cancel it) and end all that was started; harmless when repeated."""

    @abstractmethod
    def _start(self) -> None:
        """Start what is not yet running; raises UserError when closed."""

    @abstractmethod
    def _offer(self, take: Callable[[], Submission], wait: bool) -> Future[Verdict] | None:
        """Judge the submission that `take` gives when its turn has come; None when full and not to wait."""

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close(cancel=exc_info[0] is not None)

    def check(self, submission: Submission) -> None:
        """Raise UserError when the submission cannot be judged here, naming the field and the remedy."""
        check_submission(submission)
        grading.comparator_for(submission, self.comparator)
        self.tests.check(submission)

    def submit(self, submission: Submission) -> Future[Verdict]:
        """Queue one submission; blocks while the queue is full.

        Raises UserError when it is malformed; tests that its reference does not lead to are a UserError of the future.
        """
        self.check(submission)
        future = self._offer(lambda: submission, True)
        assert future is not None
        return future

    def judge(self, submission: Submission) -> Verdict:
        """Judge one submission and wait for its verdict; raises UserError when it is malformed."""
        return self.submit(submission).result()

    async def ajudge(self, submission: Submission) -> Verdict:
        """Judge one submission without blocking the event loop, also while the queue is full."""
        self.check(submission)
        while (future := self._offer(lambda: submission, False)) is None:
            await asyncio.sleep(_FULL_PAUSE_S)
        return await asyncio.wrap_future(future)

    def map(self, submissions: Iterable[Submission]) -> list[Verdict]:
        """Judge all, in parallel; verdicts in the order of the submissions."""
        return list(self.imap(submissions))

    @overload
    def imap(self, submissions: Iterable[Submission]) -> Iterator[Verdict]: ...

    @overload
    def imap(
        self, submissions: Iterable[Submission], *, errors: Literal["raise", "yield"]
    ) -> Iterator[Verdict | UserError]: ...

    def imap(
        self, submissions: Iterable[Submission], *, errors: Literal["raise", "yield"] = "raise"
    ) -> Iterator[Verdict | UserError]:
        """Like `map`, verdict by verdict, holding only a bounded number of submissions at a time.

        Of those it holds, the costliest are judged first. With `errors` "yield" a UserError met at judging (tests
        that a reference does not lead to) takes the place of the verdict and the rest is judged.
        """
        size = _WINDOW_PER_WORKER * self.workers
        for future in costliest_first(self._checked(submissions), self._cost, self._offer, size):
            try:
                yield future.result()
            except UserError as error:
                if errors == "raise":
                    raise
                yield error

    def _checked(self, submissions: Iterable[Submission]) -> Iterator[Submission]:
        for submission in submissions:
            self.check(submission)
            yield submission

    def _cost(self, submission: Submission) -> tuple[float, int]:
        stored = self.tests.stored_bytes(submission.tests_ref) if submission.tests_ref else 0
        return estimated_cost(submission, stored)
