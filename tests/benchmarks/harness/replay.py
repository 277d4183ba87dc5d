"""Engines that compute nothing and take the time that a profile says, behind the interfaces that training uses.

One second of a profile lasts `SCALE` seconds here.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from deepcoder.judge import Verdict
from deepcoder.rl.rollout import Request, Rollout, Sample, UpdateReport
from deepcoder.rl.sampler import SamplingOptions, Versions, generate

SCALE = 1 / 250
TOKENS_PER_UNIT = 64  # responses are lists of this many tokens each, so that a run is not one of list handling
POLL_S = 0.02


def lengths(number: int, mean: float, spread: float, cap: float, seed: object) -> list[int]:
    """Log-normal response lengths with a cap, in units; the mean holds before the cap."""
    rng, centre = random.Random(str(seed)), math.log(mean) - spread**2 / 2
    drawn = [min(rng.lognormvariate(centre, spread), cap) for _ in range(number)]
    return [max(1, round(length / TOKENS_PER_UNIT)) for length in drawn]


class ReplaySampler:
    """Decodes by processor sharing: with n sequences a unit takes `latency` + n / `throughput` seconds of a profile.

    The length of a response is the request's max_tokens modulo nothing: `drawn` gives one to each request in turn.
    """

    def __init__(self, latency: float, throughput: float, drawn: Iterator[int], weights_s: float) -> None:
        self.latency, self.throughput, self.drawn, self.weights_s = latency, throughput, drawn, weights_s
        self.flight: dict[str, list[float]] = {}  # key -> units in all, units done
        self.ready: list[Sample] = []
        self.versions = Versions()
        self.clock = time.monotonic()
        self.units = 0.0

    def submit(self, requests: Sequence[Request], options: SamplingOptions) -> None:
        self._advance()
        self.flight |= {request.key: [float(next(self.drawn)), 0.0] for request in requests}

    def poll(self) -> list[Sample]:
        self._advance()
        if self.flight and not self.ready:
            left = min(total - done for total, done in self.flight.values())
            time.sleep(min(max(left / self._speed(), 0.0), POLL_S))
            self._advance()
        ready, self.ready = self.ready, []
        return ready

    def generate(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[Sample]:
        return generate(self, requests, options)

    def put_back(self, samples: Sequence[Sample]) -> None:
        self.ready += samples

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[float]]:
        return [[0.0] * (len(sequence) - 1) for sequence in sequences]

    def load_weights(self, weights: Any, version: int = 0) -> None:
        self._advance()
        time.sleep(self.weights_s * SCALE)
        self.clock = time.monotonic()  # nothing is decoded meanwhile
        self.versions.change(version, {key: int(done) for key, (_, done) in self.flight.items()})

    def _speed(self) -> float:
        """Units a second of this machine's clock, of one sequence."""
        return 1 / (self.latency + len(self.flight) / self.throughput) / SCALE

    def _advance(self) -> None:
        """Decode for the time that has passed, finish by finish, since each changes the speed of the others."""
        now = time.monotonic()
        while self.flight and self.clock < now:
            speed = self._speed()
            first = min(total - done for total, done in self.flight.values())
            step = min(first, (now - self.clock) * speed)
            self.clock += step / speed
            self.units += step * len(self.flight)
            for entry in self.flight.values():
                entry[1] += step
            for key in [key for key, (total, done) in self.flight.items() if total - done < 1e-9]:
                count = int(self.flight.pop(key)[0])
                self.ready.append(Sample(key, [1] * count, [0.0] * count, "stop", self.versions.of(key, count)))
            if step < first:
                break
        self.clock = now


class PhaseSampler(ReplaySampler):
    """Finishes a batch in a given time: each response after its share of it, the longest at the end."""

    def __init__(self, generate_s: float, drawn: Iterator[int], weights_s: float, batch: int) -> None:
        super().__init__(0.0, 0.0, drawn, weights_s)
        self.generate_s, self.batch = generate_s, batch

    def submit(self, requests: Sequence[Request], options: SamplingOptions) -> None:
        super().submit(requests, options)
        self.longest = max(total for total, _ in self.flight.values())

    def _speed(self) -> float:
        return self.longest / self.generate_s / SCALE


@dataclass
class ReplayTrainer:
    """Takes `train_s` seconds of a profile for a batch of `batch` rollouts."""

    train_s: float
    batch: int

    def update(self, rollouts: Sequence[Rollout], minibatch: int) -> UpdateReport:
        seconds = self.train_s * SCALE * len(rollouts) / self.batch
        time.sleep(seconds)
        return UpdateReport(seconds={"update": seconds})

    def score(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> list[list[float]]:
        return [[0.0] * len(response) for response in responses]

    def weights(self) -> Mapping[str, Any]:
        return {}

    def save(self, folder: Any, state: Mapping[str, Any]) -> None: ...

    def load(self, folder: Any) -> dict[str, Any]:
        raise NotImplementedError("a replay is not resumed")


class ReplayGrader:
    """Verdicts that are ready `reward_s` seconds of a profile after the last response of a batch has come."""

    def __init__(self, reward_s: float, batch: int) -> None:
        self.reward_s, self.batch = reward_s, batch
        self.pending: list[Future[Verdict]] = []

    def submit(self, problem_id: str, prompt: str, response: str) -> Future[Verdict]:
        future = _Late(self.reward_s * SCALE)
        verdict = "AC" if len(self.pending) % 3 else "WA"
        self.pending.append(future)
        future.set_result(Verdict(problem_id, verdict, 1, 1, None, 0.0, 0.0, 0.0, "", "none"))  # type: ignore[arg-type]
        if len(self.pending) == self.batch:
            due = time.monotonic() + self.reward_s * SCALE
            for late in self.pending:
                late.due = due  # type: ignore[attr-defined]
            self.pending = []
        return future


class _Late(Future[Verdict]):
    """A result that can be had from a moment on."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.due = time.monotonic() + seconds

    def result(self, timeout: float | None = None) -> Verdict:
        time.sleep(max(0.0, self.due - time.monotonic()))
        return super().result(timeout)


class ReplayText:
    """One token a prompt, none of which matters."""

    def prompt_text(self, message: str) -> str:
        return message

    def encode(self, text: str) -> list[int]:
        return [0]

    def decode(self, token_ids: Sequence[int]) -> str:
        return ""
