"""A judge spread over the nodes of a Ray cluster: actors with a pool each, behind the interface of one pool.

Ray is imported when a judge starts, not with this module.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.judge.interface import JudgeInterface
from deepcoder.judge.isolation import Isolation
from deepcoder.judge.model import Submission, Verdict
from deepcoder.judge.pool import JudgePool

_ATTEMPTS = 2
_IN_FLIGHT_PER_WORKER = 2
_END_S = 15.0


class JudgeActor:
    """One node's share: a pool, made at the first call, so that what prevents it is an error of that call."""

    def __init__(self, options: tuple[Any, ...]) -> None:
        self._options = options
        self._pool: JudgePool | None = None
        self._lock = threading.Lock()

    def judge(self, submission: Submission) -> Verdict:
        """See JudgePool.judge; as many calls run at a time as the actor has threads."""
        return self._started().judge(submission)

    def isolation(self) -> Isolation:
        """The level that works on this node."""
        return self._started().isolation

    def close(self) -> None:
        """End the sandboxes."""
        if self._pool is not None:
            self._pool.close(cancel=True)

    def _started(self) -> JudgePool:
        with self._lock:
            if self._pool is None:
                self._pool = JudgePool(*self._options).__enter__()
            return self._pool


@dataclass
class _Slot:
    """The place of an actor, and how many submissions are with it."""

    actor: Any
    load: int = 0
    node: str | None = None
    judged: int = 0


@dataclass(eq=False)
class _Job:
    submission: Submission
    future: Future[Verdict] = field(default_factory=Future)
    attempts: int = 0


class RayJudge(JudgeInterface):
    """`actors` pools of `workers_per_actor` sandboxes, spread over the nodes; a context manager.

    Where `nodes` are given, by Ray's ids, the actors take turns on them and reserve no cores: like a JudgePool beside
    a training they use what is free. Without, each waits for as many cores as it has workers.

    The other arguments are those of JudgePool; `tests_store` is a folder that every node sees under this path, so that
    only references to tests travel. Each submission goes to the actor with the fewest, of which each has a bounded
    number. A dead actor is replaced and what it had is judged once more elsewhere; then the verdict is IE.

    Raises UserError when Ray has not been started.
    """

    def __init__(
        self,
        actors: int = 2,
        workers_per_actor: int = 2,
        isolation: str = "auto",
        comparator: str = "tokens",
        all_tests: bool = False,
        tests_store: Path | str | None = None,
        nodes: Sequence[str] = (),
    ) -> None:
        if min(actors, workers_per_actor) < 1:
            raise UserError(f"a judge needs at least 1 actor and 1 worker, not {actors} and {workers_per_actor}")
        super().__init__(actors * workers_per_actor, comparator, all_tests, tests_store)
        self.actors, self.workers_per_actor = actors, workers_per_actor
        self._nodes = [nodes[number % len(nodes)] if nodes else None for number in range(actors)]
        self._options = (workers_per_actor, isolation, comparator, all_tests, tests_store)
        self._slots: list[_Slot] = []
        self._jobs: set[_Job] = set()
        self._changed = threading.Condition()
        self._finished: queue.SimpleQueue[tuple[_Job, _Slot, Any, Future[Verdict]] | None] = queue.SimpleQueue()
        self._collector = threading.Thread(target=self._collect, name="judge-ray", daemon=True)
        self._closed = self._ended = False

    @property
    def isolation(self) -> Isolation:
        """The level that holds programs on the node of the first actor; raises UserError when none works there."""
        import ray

        self._start()
        try:
            return ray.get(self._slots[0].actor.isolation.remote())
        except ray.exceptions.RayTaskError as error:
            raise _cause(error) from None

    @property
    def judged(self) -> list[int]:
        """How many verdicts came from each actor."""
        return [slot.judged for slot in self._slots]

    def close(self, cancel: bool = False) -> None:
        """Finish what is with the actors (or cancel it) and end them; harmless when repeated."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
            if not cancel:
                self._changed.wait_for(lambda: not self._jobs)
            self._ended = True
            for job in self._jobs:
                job.future.set_exception(CancelledError())
            self._jobs.clear()
        if self._slots:
            self._end_actors(gently=not cancel)
            self._finished.put(None)
            self._collector.join()

    def _end_actors(self, gently: bool) -> None:
        import ray

        # Ray may have been shut down before, which has ended the actors already.
        with contextlib.suppress(Exception):
            if gently:
                ray.get([slot.actor.close.remote() for slot in self._slots], timeout=_END_S)
        for slot in self._slots:
            _kill(slot.actor)

    def _start(self) -> None:
        import ray

        with self._changed:
            if self._closed:
                raise UserError("the judge is closed; make a new one")
            if self._slots:
                return
            if not ray.is_initialized():
                raise UserError("Ray is not running; call ray.init() before judging on a cluster")
            self._slots = [_Slot(self._new_actor(node), node=node) for node in self._nodes]
            self._collector.start()

    def _new_actor(self, node: str | None) -> Any:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        threads = self.workers_per_actor * _IN_FLIGHT_PER_WORKER + 1  # one for what is no submission
        where: dict[str, Any] = {"num_cpus": self.workers_per_actor, "scheduling_strategy": "SPREAD"}
        if node is not None:
            # Soft: what replaces an actor whose node was lost goes to another.
            where = {"num_cpus": 0, "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=True)}
        return ray.remote(JudgeActor).options(max_concurrency=threads, **where).remote(self._options)

    def _offer(self, take: Callable[[], Submission], wait: bool) -> Future[Verdict] | None:
        self._start()
        with self._changed:
            while (slot := self._least_loaded()).load >= self.workers_per_actor * _IN_FLIGHT_PER_WORKER:
                if not wait:
                    return None
                self._changed.wait()
                if self._closed:
                    raise UserError("the judge is closed; make a new one")
            job = _Job(take())
            job.future.set_running_or_notify_cancel()
            self._send(job, slot)
            self._jobs.add(job)
        return job.future

    def _least_loaded(self) -> _Slot:
        return min(self._slots, key=lambda slot: slot.load)

    def _send(self, job: _Job, slot: _Slot) -> None:
        """Start one attempt; `_changed` is held."""
        actor = slot.actor
        answer = actor.judge.remote(job.submission).future()
        slot.load += 1
        job.attempts += 1
        # Ray calls back in a thread of its own that must not wait for Ray: the collector takes it from there.
        answer.add_done_callback(lambda done: self._finished.put((job, slot, actor, done)))

    def _collect(self) -> None:
        while (item := self._finished.get()) is not None:
            job, slot, actor, done = item
            try:
                self._settle(job, slot, actor, done)
            except BaseException as error:
                self._resolve(job, partial(job.future.set_exception, error))

    def _settle(self, job: _Job, slot: _Slot, actor: Any, done: Future[Verdict]) -> None:
        import ray

        error = done.exception()
        with self._changed:
            slot.load -= 1
            self._changed.notify_all()
            if self._ended:
                return
            if isinstance(error, ray.exceptions.RayError) and not isinstance(error, ray.exceptions.RayTaskError):
                self._replace(slot, actor, error)
                if job.attempts < _ATTEMPTS:
                    self._send(job, self._least_loaded())
                    return
        if error is None:
            slot.judged += 1
            self._resolve(job, partial(job.future.set_result, done.result()))
        elif isinstance(error, ray.exceptions.RayTaskError):
            self._resolve(job, partial(job.future.set_exception, _cause(error)))
        else:
            self._resolve(job, partial(job.future.set_result, _own_fault(job.submission, error)))

    def _replace(self, slot: _Slot, actor: Any, error: BaseException) -> None:
        """Put a new actor in the place of a dead one, unless another of its submissions has told of it before."""
        import ray

        if slot.actor is actor and isinstance(error, ray.exceptions.RayActorError):
            _kill(actor)  # it may be alive and only out of reach
            slot.actor = self._new_actor(slot.node)

    def _resolve(self, job: _Job, resolve: Callable[[], object]) -> None:
        with self._changed:
            is_open = job in self._jobs
            self._jobs.discard(job)
            self._changed.notify_all()
        if is_open:
            resolve()


def _cause(error: Any) -> BaseException:
    """What the actor raised, without Ray's wrapping."""
    return error.cause if isinstance(error.cause, BaseException) else error


def _own_fault(submission: Submission, error: BaseException) -> Verdict:
    told = (str(error).splitlines() or [type(error).__name__])[0][:300]
    return Verdict(submission.id, "IE", 0, len(submission.tests), None, 0.0, 0.0, 0.0, told, "none")


def _kill(actor: Any) -> None:
    import ray

    with contextlib.suppress(Exception):
        ray.kill(actor)
