"""One context stage: what it holds, its phases, and how it begins, resumes and ends.

The order of the phases is a schedule's (schedule.py); what each phase does is here.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch

from deepcoder.config.schema import Batch, Recipe, Stage
from deepcoder.config.schema import Rollout as RolloutConfig
from deepcoder.config.schema import Trainer as TrainerConfig
from deepcoder.errors import UserError
from deepcoder.rl.checkpoints import Checkpoints
from deepcoder.rl.feed import BatchJournal, Feed, rollouts_of
from deepcoder.rl.figures import check_finite, describe, mean_report
from deepcoder.rl.flow import Stream
from deepcoder.rl.losses import sample_weights
from deepcoder.rl.progress_log import ProgressLog
from deepcoder.rl.reward import Grader
from deepcoder.rl.rollout import Request, Rollout, Sample, UpdateReport
from deepcoder.rl.sampler import Sampler, SamplingOptions
from deepcoder.rl.seeds import batch_of, permutation
from deepcoder.rl.stopping import Interrupted, Stop
from deepcoder.rl.text import Text
from deepcoder.schemas.metrics import TIMINGS

Row = Mapping[str, Any]
PROBE = 4  # rollouts whose log-probabilities are compared after each weight sync
RESAMPLE_ROUNDS = 4  # batches sampled at most in search of prompts with a signal, beside the first


class Learner(Protocol):
    """What a schedule needs of a trainer: trainer.Trainer or workers.RemoteTrainer."""

    def update(self, rollouts: Sequence[Rollout], minibatch: int) -> UpdateReport: ...
    def score(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> list[list[float]]: ...
    def weights(self) -> Any: ...
    def save(self, folder: Any, state: Mapping[str, Any]) -> None: ...
    def load(self, folder: Any) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Settings:
    """The configuration of a stage. `name` is the stage's, `seed` the run's."""

    name: str
    seed: int
    stage: Stage
    recipe: Recipe
    rollout: RolloutConfig
    trainer: TrainerConfig

    @property
    def batch(self) -> Batch:
        """Prompts per step and per update: the recipe's own for this stage where it has one."""
        return self.recipe.batch.get(self.name, self.stage.batch)


@dataclass
class Run:
    """A stage in progress.

    Attributes:
        problems, validation, test_window: rows of schemas.problem.PROBLEM; the last two may be empty.
        queued: judged rollouts of the next batches that a checkpoint held, or None.
        metrics, timings: a row for each step done.
        version: batches that the trainer's weights have been trained on.
        given_up: an error has ended the stage, and what samples in a thread should end too.
    """

    settings: Settings
    text: Text
    sampler: Sampler
    trainer: Learner
    grader: Grader
    checkpoints: Checkpoints
    problems: Sequence[Row]
    validation: Sequence[Row] = ()
    test_window: Sequence[Row] = ()
    stop: Stop = field(default_factory=Stop)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    timings: list[dict[str, Any]] = field(default_factory=list)
    queued: list[Rollout] | None = None
    version: int = 0
    given_up: bool = False
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    reports: list[UpdateReport] = field(default_factory=list)
    _began: float = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the block's wall time to the step's timings."""
        start = time.monotonic()
        yield
        self.seconds[name] += time.monotonic() - start

    def steps(self) -> Iterator[int]:
        """The steps that are left, from 1; ends the stage between two of them when asked to stop."""
        done = self.resume()
        self._progress.started(done)
        for step in range(done + 1, self.settings.stage.steps + 1):
            self.stop.check()
            self._began, self.seconds, self.reports = time.monotonic(), defaultdict(float), []
            yield step

    def resume(self) -> int:
        """Go on from the newest sound checkpoint; returns the number of steps done. The sampler gets the weights."""
        done = self.checkpoints.newest(self.settings.stage.steps)
        if done is None:
            return 0
        state = self.checkpoints.state(done)
        self.trainer.load(self.checkpoints.folder(done))
        self.metrics, self.timings = state["metrics"], state["timings"]
        self.queued = [Rollout(**row) for row in state["queued"]] if state["queued"] is not None else None
        self.version = done
        if done < self.settings.stage.steps:
            self.sampler.load_weights(self.trainer.weights(), self.version)
        return done

    def feed(self, purpose: str = "train") -> Feed:
        """A new way from the sampler to the judge."""
        settings = self.settings
        limit = settings.stage.max_response_tokens
        return Feed(self.text, self.grader, settings.seed, settings.name, limit, purpose)

    def rows_of(self, step: int) -> list[Row]:
        """The problems of a step's batch, in order."""
        settings = self.settings
        chosen = batch_of(len(self.problems), settings.batch.prompts, step - 1, settings.seed, settings.name, "batch")
        return [self.problems[index] for index in chosen]

    def sample(self, step: int) -> list[Rollout]:
        """Sample the batch of a step; each response goes to the judge when it is finished, while others are decoded.

        Returns:
            judged rollouts, by problem of the batch and number of the sample.
        """
        rollouts = self._judged(self.rows_of(step), self._number, self.options, ("train", step - 1), self._journal())
        if self.settings.recipe.groups_without_signal == "resample":
            rollouts = self._resampled(step, rollouts)
        if self.settings.rollout.shuffle_rewards:
            order = permutation(len(rollouts), self.settings.seed, self.settings.name, "shuffled rewards", step - 1)
            for rollout, reward in zip(rollouts, [rollouts[i].reward for i in order], strict=True):
                rollout.reward = reward
        return rollouts

    def groups(self, step: int) -> Stream:
        """The batch of a step, group by group as they are finished."""
        return Stream(self, self.rows_of(step), ("train", step - 1))

    @contextmanager
    def beside(self, work: Callable[[int], list[Rollout]], step: int) -> Iterator[Future[list[Rollout]] | None]:
        """Do the work of a step in a thread while the block runs; None where the stage has no such step."""
        if step > self.settings.stage.steps:
            yield None
            return
        with ThreadPoolExecutor(1) as thread:
            future = thread.submit(work, step)
            try:
                yield future
            except BaseException:
                self.given_up = True  # the thread is waited for: not to the end of its batch
                raise

    def train(self, rollouts: Sequence[Rollout]) -> None:
        """Weigh the rollouts of whole groups and update on them."""
        self.weigh(rollouts)
        self.reports.append(self.update(rollouts))

    def weigh(self, rollouts: Sequence[Rollout]) -> None:
        """Set the advantage of each rollout and its place in the loss."""
        number = self.settings.rollout.samples_per_prompt

        def grid(values: list[Any]) -> torch.Tensor:
            return torch.tensor(values).reshape(-1, number)

        weights = sample_weights(
            rewards=grid([r.reward for r in rollouts]),
            truncated=grid([r.truncated for r in rollouts]),
            judged=grid([r.verdict != "IE" for r in rollouts]),
            recipe=self.settings.recipe,
        )
        for index, rollout in enumerate(rollouts):
            place = divmod(index, number)
            rollout.advantage = float(weights.advantages[place])
            rollout.in_loss = bool(weights.in_loss[place])
            rollout.in_denominator = bool(weights.in_denominator[place])

    def update(self, rollouts: Sequence[Rollout]) -> UpdateReport:
        """The optimizer updates of one batch; raises UserError where their figures are not numbers."""
        report = self.trainer.update(rollouts, self.settings.batch.minibatch * self._number)
        check_finite(report, len(self.metrics) + 1)
        for name, value in report.seconds.items():
            self.seconds[name] += value
        return report

    def hand_over(self, rollouts: Sequence[Rollout]) -> None:
        """Give the sampler the trainer's weights, and compare log-probabilities on some of the rollouts.

        Raises:
            UserError: the mean gap of some engine is above rollout.logprob_tolerance: it has not the trainer's weights.
        """
        self.version += 1
        with self.phase("sync"):
            self.sampler.load_weights(self.trainer.weights(), self.version)
            self.check_weights(rollouts)

    def check_weights(self, rollouts: Sequence[Rollout]) -> None:
        """See hand_over."""
        probe = [[*r.prompt_ids, *r.response_ids] for r in rollouts[:: max(1, len(rollouts) // PROBE)][:PROBE]]
        ours = [value for row in self.trainer.score([s[:1] for s in probe], [s[1:] for s in probe]) for value in row]
        copies = [[value for row in copy for value in row] for copy in self.sampler.score(probe)]
        gap = max(sum(abs(a - b) for a, b in zip(copy, ours, strict=True)) / len(ours) for copy in copies)
        limit = self.settings.rollout.logprob_tolerance
        if not gap <= limit:
            raise UserError(
                f"weight sync: the sampler's log-probabilities differ from the trainer's by {gap:.3g} nats per token "
                f"(rollout.logprob_tolerance is {limit:g}); the sampler runs on stale weights, stop and mend the sync"
            )

    def validate(self, step: int) -> dict[str, float | None]:
        """Pass rates on what is held back, where they are due after a step."""
        stage = self.settings.stage
        validation, window = self.due(stage.validate_every, step), self.due(stage.save_every, step)
        with self.phase("validate"):
            return {
                "validation_pass_rate": self.pass_rate(self.validation, "validation") if validation else None,
                "test_window_pass_rate": self.pass_rate(self.test_window, "test window") if window else None,
            }

    def finish(
        self,
        step: int,
        rollouts: Sequence[Rollout],
        report: Callable[[dict[str, Any]], None],
        scores: Mapping[str, float | None] | None = None,
        queued: Sequence[Rollout] | None = None,
    ) -> None:
        """End a step: write down its rows, tell of it, save.

        Args:
            scores: of `validate`, which is called where they are not given.
            queued: rollouts that the next steps will train on and a checkpoint must hold.
        """
        self.record(step, rollouts, **(self.validate(step) if scores is None else scores))
        report(self.metrics[-1])
        self._progress.finished(self.metrics[-1], self.timings[-1])
        self._journal().forget()
        if self.due(self.settings.stage.save_every, step) or self.stop.asked:
            self.save(step, queued)

    def pass_rate(self, rows: Sequence[Row], purpose: str) -> float | None:
        """Share of samples that pass, with the same seeds at every step; None without problems."""
        if not rows:
            return None
        options = SamplingOptions(self.settings.rollout.temperature, self.settings.rollout.top_p)
        seconds = self.seconds.copy()  # its sampling is not the step's
        found = self._judged(rows, self.settings.trainer.validation_samples, options, (purpose,))
        self.seconds = seconds
        return sum(r.reward for r in found) / len(found)

    def due(self, every: int, step: int) -> bool:
        """Whether something done every `every` steps, and at the end, is due after `step` steps."""
        return step == self.settings.stage.steps or (every > 0 and step % every == 0)

    def record(self, step: int, rollouts: Sequence[Rollout], **scores: float | None) -> None:
        """Append the rows of a finished step."""
        self.seconds["step"] = time.monotonic() - self._began
        busy = {
            "sampler": self.seconds["sample"] + self.seconds["sync"] + self.seconds["validate"],
            "trainer": self.seconds["log_probs"] + self.seconds["update"] + self.seconds["sync"],
        }
        for device, worked in busy.items():
            self.seconds[f"{device}_idle"] = max(0.0, self.seconds["step"] - worked)
        told = describe(rollouts, self._number, mean_report(self.reports), self.version - 1)
        self.metrics.append({"step": step, **told, **scores})
        seconds = {name: self.seconds[name.removesuffix("_s")] for name in TIMINGS.names if name.endswith("_s")}
        self.timings.append({"step": step, **seconds, "tokens": sum(len(r.response_ids) for r in rollouts)})

    def save(self, step: int, queued: Sequence[Rollout] | None = None) -> None:
        """Write a checkpoint of everything a restart needs."""
        rows = None if queued is None else [asdict(rollout) for rollout in queued]
        state = {"metrics": self.metrics, "timings": self.timings, "queued": rows}
        write = lambda folder: self.trainer.save(folder, {"step": step})  # noqa: E731
        self.checkpoints.save(step, write, state, also={self.best_step()})

    def save_what_is_whole(self) -> None:
        """Save the last finished step where the trainer still stands at its end."""
        step = len(self.metrics)
        if step and not self.reports and step not in self.checkpoints.steps():
            self.save(step)

    def best_step(self) -> int:
        """The step whose weights the stage yields: the last, or by recipe the best on the test window."""
        if self.settings.recipe.stage_checkpoint == "last":
            return self.metrics[-1]["step"]
        scored = [row for row in self.metrics if row["test_window_pass_rate"] is not None]
        return max(scored, key=lambda row: row["test_window_pass_rate"])["step"]  # the earliest of equals

    @property
    def options(self) -> SamplingOptions:
        """How training samples."""
        rollout = self.settings.rollout
        return SamplingOptions(rollout.temperature, rollout.top_p, rollout.top_k)

    @property
    def _number(self) -> int:
        return self.settings.rollout.samples_per_prompt

    @property
    def _progress(self) -> ProgressLog:
        return ProgressLog(self.checkpoints.root)

    def _journal(self) -> BatchJournal:
        return BatchJournal(self.checkpoints.root / "samples.jsonl")

    def _judged(
        self,
        rows: Sequence[Row],
        number: int,
        options: SamplingOptions,
        names: tuple[Any, ...],
        journal: BatchJournal | None = None,
    ) -> list[Rollout]:
        """Rollouts of a whole batch; with a journal, those of an interrupted attempt are taken from there."""
        feed, version = self.feed(str(names[0])), self.version
        requests = [request for place, row in enumerate(rows) for request in feed.ask(place, row, number, names)]
        groups = {id(group): group for group in feed.groups.values()}
        with self.phase("sample"):
            for sample in self._samples(requests, options, f"{names} {version}", journal):
                feed.take(sample, version)
                if self.given_up:
                    raise Interrupted
                if journal and self.settings.trainer.schedule == "sync":
                    self.stop.check()
        with self.phase("judge_wait"):
            return rollouts_of(list(groups.values()))

    def _samples(
        self, requests: list[Request], options: SamplingOptions, name: str, journal: BatchJournal | None
    ) -> Iterator[Sample]:
        if journal is None:
            yield from self.sampler.generate(requests, options)
            return
        part = self.settings.trainer.reuse_part_of_a_batch
        yield from journal.samples(name, requests, lambda missing: self.sampler.generate(missing, options), part)

    def _resampled(self, step: int, rollouts: list[Rollout]) -> list[Rollout]:
        """Replace groups without signal by those of further prompts, a few times over (dynamic sampling, DAPO 3.2)."""
        number, prompts = self._number, self.settings.batch.prompts
        kept = self._with_signal(rollouts)
        for attempt in range(RESAMPLE_ROUNDS):
            if len(kept) >= prompts * number:
                break
            extra = self.rows_of(step + (attempt + 1) * self.settings.stage.steps)
            kept += self._with_signal(self._judged(extra, number, self.options, ("resample", step - 1, attempt)))
        return kept[: prompts * number] or rollouts

    def _with_signal(self, rollouts: list[Rollout]) -> list[Rollout]:
        groups = [rollouts[i : i + self._number] for i in range(0, len(rollouts), self._number)]
        return [r for group in groups if len({r.reward for r in group if r.verdict != "IE"}) > 1 for r in group]
