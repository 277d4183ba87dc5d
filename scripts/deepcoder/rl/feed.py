"""Between sampler and judge: problems become requests, finished responses go to the judge, groups become rollouts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deepcoder import prompts
from deepcoder.errors import UserError
from deepcoder.journal import Journal
from deepcoder.judge import STALL_SECONDS, Verdict
from deepcoder.rl.reward import Grader
from deepcoder.rl.rollout import Request, Rollout, Sample
from deepcoder.rl.seeds import seed_of
from deepcoder.rl.text import Text

Row = Mapping[str, Any]


@dataclass
class Group:
    """All samples of one prompt.

    Attributes:
        place: the caller's number for it; groups of a batch are put in order by it.
        row: of schemas.problem.PROBLEM.
        requests: of the samples, by number.
        feed: that it went through.
        rollouts, verdicts: by number, as far as they have come.
        started_at: policy version at its start.
    """

    place: int
    row: Row
    prompt: str
    requests: list[Request]
    feed: Feed
    rollouts: dict[int, Rollout] = field(default_factory=dict)
    verdicts: dict[int, Future[Verdict]] = field(default_factory=dict)
    started_at: int = 0

    @property
    def sampled(self) -> bool:
        """Whether every sample is there (its verdict may not)."""
        return len(self.rollouts) == len(self.requests)

    @property
    def oldest_version(self) -> int:
        """The oldest policy version that sampled a token of it."""
        return min(rollout.policy_version for rollout in self.rollouts.values())

    def judged(self) -> list[Rollout]:
        """The rollouts by number with their rewards; waits for the judge, see Feed.verdict."""
        for number, rollout in self.rollouts.items():
            rollout.verdict = self.feed.verdict(self.verdicts[number]).verdict
            rollout.reward = float(rollout.verdict == "AC")
        return [self.rollouts[number] for number in range(len(self.requests))]


class Feed:
    """Makes requests of problems and rollouts of samples.

    Seeds are by counter, from (run seed, stage, names, problem, number): a sample does not depend on its neighbours.
    """

    def __init__(
        self, text: Text, grader: Grader, seed: int, stage: str, max_tokens: int, purpose: str = "train"
    ) -> None:
        self.purpose = purpose  # keys of requests of one purpose are distinct from all others in flight
        self.text, self.grader = text, grader
        self.names, self.max_tokens = (seed, stage), max_tokens
        self.groups: dict[str, Group] = {}
        self.judged = 0  # verdicts that have come

    def ask(self, place: int, row: Row, samples: int, names: tuple[object, ...]) -> list[Request]:
        """Requests for one prompt; their samples are awaited from now on."""
        prompt = self.text.prompt_text(prompts.message(row, prompts.training_style(row["source"])))
        prompt_ids = self.text.encode(prompt)
        requests = [
            Request(
                f"{self.purpose}/{place}/{n}", prompt_ids, seed_of(*self.names, *names, row["id"], n), self.max_tokens
            )
            for n in range(samples)
        ]
        self.groups |= dict.fromkeys((r.key for r in requests), Group(place, row, prompt, requests, self))
        return requests

    def take(self, sample: Sample, version: int = 0) -> Group:
        """Send a finished sample to the judge; the group that it belongs to.

        Args:
            version: policy version of its tokens where the sample does not say.
        """
        group = self.groups.pop(sample.key)
        number = int(sample.key.rpartition("/")[2])
        request = group.requests[number]
        versions = sample.versions or ((version, len(sample.token_ids)),)
        group.rollouts[number] = Rollout(
            problem_id=group.row["id"],
            number=number,
            prompt_ids=list(request.prompt_ids),
            response_ids=list(sample.token_ids),
            log_probs=list(sample.log_probs),
            truncated=sample.finish == "length",
            policy_version=versions[0][0],
            versions=versions,
        )
        response = self.text.decode(sample.token_ids)
        group.verdicts[number] = self.grader.submit(group.row["id"], group.prompt, response)
        group.verdicts[number].add_done_callback(self._count)
        return group

    def verdict(self, future: Future[Verdict]) -> Verdict:
        """Wait for a verdict, as long as verdicts come at all.

        Raises:
            UserError: none has come for judge.STALL_SECONDS.
        """
        while not future.done():
            before = self.judged
            wait([future], timeout=STALL_SECONDS)
            if not future.done() and self.judged == before:
                raise UserError(
                    f"the judge gave no verdict for {STALL_SECONDS / 60:.0f} minutes; end what holds it up, then "
                    "run again to resume"
                )
        return future.result()

    def _count(self, future: Future[Verdict]) -> None:
        self.judged += 1


class BatchJournal:
    """Finished samples of the batch in flight."""

    def __init__(self, path: Path) -> None:
        self._lines = Journal(path)

    def samples(
        self,
        name: str,
        requests: Sequence[Request],
        generate: Callable[[list[Request]], Iterator[Sample]],
        reuse_part: bool = False,
    ) -> Iterator[Sample]:
        """The samples of the batch called `name`, as far as an interrupted attempt has them from the journal.

        A part of a batch is decoded in other company than the whole, which shows in the last bits: only a whole one is
        as if nothing had happened, and a part is used where `reuse_part` allows it.
        """
        known = self._read(name)
        missing = [request for request in requests if request.key not in known]
        if not missing:
            yield from known.values()
            return
        if not reuse_part:
            known, missing = {}, list(requests)
        self._lines.begin()
        for sample in itertools.chain(known.values(), generate(missing)):
            self._lines.add([name, asdict(sample)])
            yield sample

    def forget(self) -> None:
        """Delete it."""
        self._lines.forget()

    def _read(self, name: str) -> dict[str, Sample]:
        """By key; samples of another batch are worth nothing."""
        found = {}
        for line in self._lines.read():
            try:
                owner, value = line
                versions = tuple((version, count) for version, count in value.pop("versions"))
                sample = Sample(**value, versions=versions)
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
            if owner != name:
                return {}
            found[sample.key] = sample
        return found


def rollouts_of(groups: Sequence[Group]) -> list[Rollout]:
    """Judged rollouts of groups, by place and number."""
    return [rollout for group in sorted(groups, key=lambda g: g.place) for rollout in group.judged()]
