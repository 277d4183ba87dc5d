"""A pool of sandboxes: synchronous, with futures, and with asyncio."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from deepcoder.errors import UserError
from deepcoder.judge import grading
from deepcoder.judge.interface import JudgeInterface
from deepcoder.judge.isolation import isolation_level
from deepcoder.judge.model import (
    DEFAULT_MEMORY_LIMIT_MB,
    DEFAULT_TIME_LIMIT_S,
    STALL_SECONDS,
    Kind,
    Limits,
    RunOutput,
    Submission,
    Verdict,
)
from deepcoder.judge.sandbox import Job, RawRun, Sandbox, SandboxError

T = TypeVar("T")
_QUEUED_PER_WORKER = 8
_ATTEMPTS = 2
_END_S = 30.0  # what a cancelled program and its sandbox take to end


@dataclass
class _Worker:
    """The sandboxes of one thread, each started when first needed."""

    level: str
    sandboxes: dict[str, Sandbox] = field(default_factory=dict)

    def run(self, job: Job, payloads: Sequence[bytes], limits: Limits) -> Generator[RawRun]:
        """See Sandbox.run."""
        sandbox = self.sandboxes.get(job.flavour)
        if sandbox is None or not sandbox.alive:
            self.drop(job.flavour)
            sandbox = self.sandboxes[job.flavour] = Sandbox(self.level, job.flavour)
        try:
            yield from sandbox.run(job, payloads, limits)
        except Exception:
            self.drop(job.flavour)
            raise

    def drop(self, flavour: str) -> None:
        sandbox = self.sandboxes.pop(flavour, None)
        if sandbox is not None:
            sandbox.close()

    def close(self) -> None:
        for flavour in list(self.sandboxes):
            self.drop(flavour)


class JudgePool(JudgeInterface):
    """`workers` sandboxes that judge submissions in parallel; a context manager.

    `isolation`: bwrap, landlock, auto (the first of these that works; never none at all), or process (no isolation, by
    choice). `comparator` is the default; a submission's own wins. `all_tests` goes on after a failed test.
    `tests_store` is the folder in which references to tests are looked up. Raises UserError when the level does not
    work here. Pickling a pool carries its configuration: the copy starts its own sandboxes.
    """

    def __init__(
        self,
        workers: int = 2,
        isolation: str = "auto",
        comparator: str = "tokens",
        all_tests: bool = False,
        tests_store: Path | str | None = None,
    ) -> None:
        super().__init__(workers, comparator, all_tests, tests_store)
        self.requested_isolation = isolation
        self.isolation = isolation_level(isolation)
        self._tasks: queue.Queue[tuple[Future[Any], Callable[[_Worker], Any]] | None]
        self._tasks = queue.Queue(workers * _QUEUED_PER_WORKER)
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self.workers, self.requested_isolation, self.comparator, self.all_tests, self.tests.root)
        return JudgePool, options

    def run(
        self,
        program: str,
        kind: Kind,
        inputs: Sequence[Any],
        fn_name: str | None = None,
        time_limit_s: float = DEFAULT_TIME_LIMIT_S,
        memory_limit_mb: int = DEFAULT_MEMORY_LIMIT_MB,
    ) -> list[RunOutput]:
        """Run a program on inputs (text, or lists of arguments) without comparing; an output for each input."""
        limits = Limits(time_limit_s, memory_limit_mb)
        return self._put(lambda worker: _run_inputs(worker, program, kind, inputs, fn_name, limits)).result()

    def close(self, cancel: bool = False) -> None:
        """Finish what is queued (or cancel it), end all sandboxes and threads; harmless when repeated.

        A cancelled pool leaves a thread behind that does not end in time: it would hold up the error it is closed for.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            threads = list(self._threads)
        while cancel:
            try:
                item = self._tasks.get_nowait()
            except queue.Empty:
                break
            if item is not None:
                item[0].cancel()
        for _ in threads:
            self._tasks.put(None)
        deadline = time.monotonic() + _END_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()) if cancel else None)

    def _offer(self, take: Callable[[], Submission], wait: bool) -> Future[Verdict] | None:
        def task(worker: _Worker) -> Verdict:
            submission = self.tests.resolve(take())
            how = grading.comparator_for(submission, self.comparator)
            return _judge(worker, submission, how, self.all_tests, self.isolation.level)

        return self._put(task) if wait else self._try_put(task)

    def _start(self) -> None:
        with self._lock:
            if self._closed:
                raise UserError("the judge is closed; make a new one")
            while len(self._threads) < self.workers:
                name = f"judge-{len(self._threads)}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def _put(self, task: Callable[[_Worker], T]) -> Future[T]:
        self._start()
        future: Future[T] = Future()
        try:
            self._tasks.put((future, task), timeout=STALL_SECONDS)
        except queue.Full:
            raise UserError(
                f"the judge took no program for {STALL_SECONDS / 60:.0f} minutes; end what holds it up, then run again"
            ) from None
        return future

    def _try_put(self, task: Callable[[_Worker], T]) -> Future[T] | None:
        self._start()
        future: Future[T] = Future()
        with contextlib.suppress(queue.Full):
            self._tasks.put_nowait((future, task))
            return future
        return None

    def _serve(self) -> None:
        worker = _Worker(self.isolation.level)
        try:
            while (item := self._tasks.get()) is not None:
                future, task = item
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(task(worker))
                except BaseException as error:
                    future.set_exception(error)
                del item, future, task
        finally:
            worker.close()


def _judge(worker: _Worker, submission: Submission, how: Any, all_tests: bool, level: str) -> Verdict:
    """Judge with one retry where the fault was ours."""
    verdict = None
    for _ in range(_ATTEMPTS):
        try:
            verdict = grading.grade(submission, worker.run, how, all_tests=all_tests, isolation=level)
        except (SandboxError, OSError) as error:
            total = len(submission.tests)
            verdict = Verdict(submission.id, "IE", 0, total, None, 0.0, 0.0, 0.0, str(error)[:300], level)
        if verdict.verdict != "IE":
            break
    assert verdict is not None
    return verdict


def _run_inputs(
    worker: _Worker, program: str, kind: Kind, inputs: Sequence[Any], fn_name: str | None, limits: Limits
) -> list[RunOutput]:
    job = Job(kind, program, fn_name)
    try:
        return [_run_input(worker, job, kind, grading.encode_input(kind, value), limits) for value in inputs]
    finally:
        job.close()


def _run_input(worker: _Worker, job: Job, kind: Kind, payload: bytes, limits: Limits) -> RunOutput:
    output = RunOutput("IE")
    for _ in range(_ATTEMPTS):
        try:
            (raw,) = worker.run(job, [payload], limits)
            output = grading.interpret(kind, raw, limits)
        except (SandboxError, OSError) as error:
            output = RunOutput("IE", detail=str(error)[:300])
        if output.status != "IE":
            break
    return output


def run_program(
    program: str,
    kind: Kind,
    inputs: Sequence[Any],
    fn_name: str | None = None,
    time_limit_s: float = DEFAULT_TIME_LIMIT_S,
    memory_limit_mb: int = DEFAULT_MEMORY_LIMIT_MB,
    isolation: str = "auto",
) -> list[RunOutput]:
    """Run a program in a sandbox of its own on each input, without comparing; for many programs use `JudgePool.run`."""
    with JudgePool(workers=1, isolation=isolation) as pool:
        return pool.run(program, kind, inputs, fn_name, time_limit_s, memory_limit_mb)
