"""Ending on request: SLURM's signal before a time limit, a preemption, a user's SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from deepcoder.errors import TEMPORARY_FAILURE

SIGNALS = (signal.SIGUSR1, signal.SIGTERM)


class Interrupted(SystemExit):
    """The stage was asked to end; what it has is saved, and the process exits with 75."""

    def __init__(self) -> None:
        super().__init__(TEMPORARY_FAILURE)


class Stop:
    """Whether the stage was asked to end."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def ask(self) -> None:
        """Ask the stage to end at the next place where nothing is lost."""
        self._asked.set()

    def check(self) -> None:
        """Raise Interrupted when asked to end."""
        if self.asked:
            raise Interrupted

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Listen to SIGUSR1 and SIGTERM while the block runs; a second SIGTERM ends the process at once.

        SLURM may send SIGTERM to every process of a job when one of them has handed it on as SIGUSR1 already.
        """
        terminated = False

        def heard(number: int, frame: FrameType | None) -> None:
            nonlocal terminated
            if terminated and number == signal.SIGTERM:
                raise SystemExit(128 + number)
            terminated = terminated or number == signal.SIGTERM
            self.ask()

        before = {number: signal.signal(number, heard) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
