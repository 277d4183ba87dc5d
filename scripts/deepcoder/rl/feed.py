"""Between sampler and judge: problems become requests, finished responses go to the judge, groups become rollouts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deepcoder import prompts
from deepcoder.errors import UserError
from deepcoder.files import remove, writing
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


class Journal:
    """Finished samples of the batch in flight on disk, a line each; a cut last line is ignored."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> list[Sample]:
        """Samples of the batch called `name`; those of another one are worth nothing."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        found = []
        for line in lines:
            try:
                owner, value = json.loads(line)
                versions = tuple((version, count) for version, count in value.pop("versions"))
                found.append(Sample(**value, versions=versions))
            except (ValueError, TypeError, KeyError):
                continue
            if owner != name:
                return []
        return found

    def write(self, name: str, samples: Iterator[Sample]) -> Iterator[Sample]:
        """Begin the journal of a batch and pass its samples through."""
        with writing(self.path):
            self.path.write_bytes(b"")
        for sample in samples:
            with writing(self.path), open(self.path, "a", encoding="utf-8") as handle:
                handle.write(json.dumps([name, asdict(sample)]) + "\n")
            yield sample

    def forget(self) -> None:
        """Delete it."""
        remove(self.path)


def rollouts_of(groups: Sequence[Group]) -> list[Rollout]:
    """Judged rollouts of groups, by place and number."""
    return [rollout for group in sorted(groups, key=lambda g: g.place) for rollout in group.judged()]
