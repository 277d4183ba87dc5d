"""Sampling that goes on while the trainer works: a batch group by group, or without any end.

One thread drives the sampler, so that an engine is never used by two; the schedule's thread takes what is through.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from deepcoder.rl.feed import Group
from deepcoder.rl.rollout import Rollout

if TYPE_CHECKING:
    from deepcoder.rl.stage import Run

Row = Mapping[str, Any]
IDLE_PAUSE_S = 0.01


class Stream:
    """The groups of one batch as they are finished; a context manager."""

    def __init__(self, run: Run, rows: Sequence[Row], names: tuple[object, ...]) -> None:
        self.run, self.rows, self.names = run, rows, names
        self._through: queue.SimpleQueue[Group | BaseException] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._pump, name="sampling", daemon=True)

    def __enter__(self) -> Stream:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing = exc_info[0] is not None
        self._thread.join()

    def minibatches(self, prompts: int) -> Iterator[list[Group]]:
        """Lists of `prompts` groups (the last may be shorter): of those through, the longest."""
        waiting: list[Group] = []
        left = len(self.rows)
        while left:
            wanted = min(prompts, left)
            while len(waiting) < wanted or not self._through.empty():
                item = self._through.get()
                if isinstance(item, BaseException):
                    raise item
                waiting.append(item)
            waiting.sort(key=lambda group: (-_tokens(group), group.place))
            chosen, waiting = waiting[:wanted], waiting[wanted:]
            left -= wanted
            yield sorted(chosen, key=lambda group: group.place)

    def _pump(self) -> None:
        run = self.run
        try:
            feed, number, version = run.feed(), run.settings.rollout.samples_per_prompt, run.version
            requests = [r for place, row in enumerate(self.rows) for r in feed.ask(place, row, number, self.names)]
            with run.phase("sample"):
                for sample in run.sampler.generate(requests, run.options):
                    if self._closing:
                        return
                    group = feed.take(sample, version)
                    if group.sampled:
                        self._through.put(group)
        except BaseException as error:
            self._through.put(error)


class Flow:
    """Endless sampling with a bound on staleness; a context manager.

    Prompts are started in the order of the batches while the bound allows: a group that starts now is trained on at
    most `max_staleness` versions later, because no more groups are under way than the next max_staleness + 1 batches
    need, and a group that would become too old is waited for (the admission rule of AReaL, arXiv 2505.24298 section 5).
    Weights change between two tokens: what is in flight goes on under the new ones.
    """

    def __init__(self, run: Run, max_staleness: int) -> None:
        self.run, self.max_staleness = run, max_staleness
        self.prompts = run.settings.batch.prompts
        self.total = run.settings.stage.steps * self.prompts
        self.started = 0  # prompts of the stage that have been started, in order
        self.version = 0
        self.through: deque[Group] = deque()
        self.under_way: dict[int, Group] = {}
        self._kept: list[list[Rollout]] = []  # groups from a checkpoint, to be trained on first
        self._changed = threading.Condition()
        self._weights: tuple[Any, int, Future[None]] | None = None
        self._closing = self._pause = self._resting = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="sampling", daemon=True)

    def __enter__(self) -> Flow:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def take(self) -> list[Rollout]:
        """One batch of judged rollouts, the oldest first where they are about to be too old."""
        if not self._thread.is_alive():
            self._begin()
        number = self.run.settings.rollout.samples_per_prompt
        kept = [self._kept.pop(0) for _ in range(min(len(self._kept), self.prompts))]
        wanted = self.prompts - len(kept)
        with self.run.phase("wait"), self._changed:
            while not self._enough(wanted):
                self._raise_error()
                self._changed.wait(1.0)
            chosen = sorted(self.through, key=self._age)[:wanted]
            self.through = deque(sorted(self.through, key=self._age)[wanted:])
        rollouts = [rollout for group in kept for rollout in group]
        rollouts += [rollout for group in chosen for rollout in group.judged()]
        assert len(rollouts) == self.prompts * number
        return rollouts

    def hand_over(self) -> None:
        """Change the sampler's weights between two tokens and wait until that is done."""
        done: Future[None] = Future()
        self.run.version += 1
        with self.run.phase("sync"):
            weights = self.run.trainer.weights()
            with self._changed:
                self._weights = (weights, self.run.version, done)
                self._changed.notify_all()
            while not done.done() and self._thread.is_alive():
                time.sleep(IDLE_PAUSE_S)
            self._raise_error()
            done.result()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the sampler to the caller; what is in flight stays there."""
        with self._changed:
            self._pause = True
            while not self._resting and self._thread.is_alive():
                self._changed.wait(IDLE_PAUSE_S)
        try:
            yield
        finally:
            with self._changed:
                self._pause = False
                self._changed.notify_all()

    def _rest(self) -> None:
        with self._changed:
            self._resting = True
            self._changed.notify_all()
            while self._pause and not self._closing:
                self._changed.wait(1.0)
            self._resting = False

    def unused(self) -> list[Rollout]:
        """Judged rollouts of whole groups that a checkpoint must hold; groups under way are started again."""
        with self._changed:
            through = list(self.through)
        return [r for group in self._kept for r in group] + [r for group in through for r in group.judged()]

    @staticmethod
    def _age(group: Group) -> tuple[int, int]:
        return group.oldest_version, group.place

    def _begin(self) -> None:
        number = self.run.settings.rollout.samples_per_prompt
        queued, self.run.queued = self.run.queued or [], None
        self._kept = [queued[i : i + number] for i in range(0, len(queued), number)]
        self.version = self.run.version
        self.started = self.version * self.prompts + len(self._kept)
        self._thread.start()

    def _enough(self, wanted: int) -> bool:
        """Whether a batch is through, and with it all that the next batch would find too old."""
        if len(self.through) < wanted:
            return False
        last = self.version - self.max_staleness
        return not any(group.started_at <= last for group in self.under_way.values())

    def _serve(self) -> None:
        try:
            feed = self.run.feed()
            while not self._closing:
                if self._pause:
                    self._rest()
                self._change_weights()
                self._start_prompts(feed)
                if not self.under_way:
                    with self._changed:
                        self._changed.wait(IDLE_PAUSE_S)
                    continue
                with self.run.phase("sample"):
                    samples = self.run.sampler.poll()
                for sample in samples:
                    group = feed.take(sample, self.version)
                    if group.sampled:
                        self._finished(group)
        except BaseException as error:
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _start_prompts(self, feed: Any) -> None:
        run, number = self.run, self.run.settings.rollout.samples_per_prompt
        allowed = min(self.total, (self.version + self.max_staleness + 1) * self.prompts)
        while self.started < allowed:
            step, position = divmod(self.started, self.prompts)
            requests = feed.ask(self.started, run.rows_of(step + 1)[position], number, ("train", step))
            group = feed.groups[requests[0].key]
            group.started_at = self.version
            self.under_way[self.started] = group
            run.sampler.submit(requests, run.options)
            self.started += 1

    def _finished(self, group: Group) -> None:
        with self._changed:
            del self.under_way[group.place]
            self.through.append(group)
            self._changed.notify_all()

    def _change_weights(self) -> None:
        with self._changed:
            change, self._weights = self._weights, None
        if change is None:
            return
        weights, version, done = change
        try:
            self.run.sampler.load_weights(weights, version)
            self.version = version
            done.set_result(None)
        except BaseException as error:
            done.set_exception(error)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def _tokens(group: Group) -> int:
    return max(len(rollout.response_ids) for rollout in group.rollouts.values())
