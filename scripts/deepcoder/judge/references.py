"""Tests by reference, read when a submission's turn has come and kept while they are likely to be needed again."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.judge.model import Submission, Test, check_tests
from deepcoder.schemas.tests_store import TestsStore, decode_tests

CACHE_BYTES = 256 << 20


class ReferencedTests:
    """The tests store of one judge, with the most recently used tests kept decoded; safe for threads.

    `capacity_bytes` bounds what is kept, counted as the length of the stored text.
    """

    def __init__(self, root: Path | str | None, capacity_bytes: int = CACHE_BYTES) -> None:
        self.root, self.capacity_bytes = root, capacity_bytes
        self.held_bytes = 0
        self._store = None if root is None else TestsStore(Path(root))
        self._kept: OrderedDict[str, tuple[list[Test], int]] = OrderedDict()
        self._reading: dict[str, Future[list[Test]]] = {}
        self._lock = threading.Lock()

    def check(self, submission: Submission) -> None:
        """Raise UserError when the submission names tests and there is no store to find them in."""
        if submission.tests_ref is not None and self._store is None:
            raise UserError(f"submission {submission.id!r} has a tests_ref; give the judge the folder tests_store")

    def resolve(self, submission: Submission) -> Submission:
        """The submission with its tests at hand; raises UserError when they are missing, damaged or malformed."""
        if submission.tests_ref is None:
            return submission
        self.check(submission)
        found = dataclasses.replace(submission, tests=self._get(submission.tests_ref), tests_ref=None)
        check_tests(found)
        return found

    def stored_bytes(self, ref: str) -> int:
        """Size of the stored file, 0 where this machine does not have it."""
        try:
            return self._store.path(ref).stat().st_size if self._store else 0
        except OSError:
            return 0

    def _get(self, ref: str) -> list[Test]:
        with self._lock:
            if ref in self._kept:
                self._kept.move_to_end(ref)
                return self._kept[ref][0]
            # Programs for one problem come together: the first reads its tests, the others wait for them.
            reading, is_first = self._reading.get(ref), ref not in self._reading
            if reading is None:
                reading = self._reading[ref] = Future()
        if is_first:
            self._read(ref, reading)
        return reading.result()

    def _read(self, ref: str, reading: Future[list[Test]]) -> None:
        assert self._store is not None
        try:
            text = self._store.text(ref)
            tests: list[Test] = list(decode_tests(text))
        except BaseException as error:
            with self._lock:
                del self._reading[ref]
            reading.set_exception(error)
            return
        with self._lock:
            del self._reading[ref]
            self._keep(ref, tests, len(text))
        reading.set_result(tests)

    def _keep(self, ref: str, tests: list[Test], size: int) -> None:
        if size > self.capacity_bytes:
            return
        self._kept[ref] = (tests, size)
        self.held_bytes += size
        while self.held_bytes > self.capacity_bytes:
            self.held_bytes -= self._kept.popitem(last=False)[1][1]
