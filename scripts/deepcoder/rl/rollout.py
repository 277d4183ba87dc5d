"""A rollout: one sampled response with all that training needs to know about it. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """One response to sample.

    Attributes:
        key: the caller's name for it, returned with the sample.
        prompt_ids: tokens of the prompt.
        seed: of this request alone, so that a sample does not depend on its neighbours.
        max_tokens: limit of the response, end token included.
    """

    key: str
    prompt_ids: Sequence[int]
    seed: int
    max_tokens: int


@dataclass(frozen=True)
class Sample:
    """One sampled response.

    Attributes:
        key: of the request.
        token_ids: response tokens, end token included where it was reached.
        log_probs: of each response token under the sampler, at the sampling temperature.
        finish: "stop" (the end token) or "length" (the limit).
        versions: (policy_version, number of tokens) runs in order; more than one where weights changed in flight.
    """

    key: str
    token_ids: list[int]
    log_probs: list[float]
    finish: str
    versions: tuple[tuple[int, int], ...] = ()


@dataclass
class Rollout:
    """A sample in training.

    Attributes:
        problem_id: the problem answered.
        number: 0 .. samples_per_prompt-1 within the problem's group.
        prompt_ids, response_ids: tokens.
        log_probs: (len(response_ids)) under the sampler.
        truncated: stopped by the length limit.
        policy_version: number of batches that the weights which sampled the first token had been trained on.
        versions: runs of (policy_version, tokens), see Sample.
        verdict: the judge's word; "IE" is the judge's own failure.
        reward: 1.0 or 0.0.
        advantage: of every token of this response.
        in_loss, in_denominator: see losses.SampleWeights.
    """

    problem_id: str
    number: int
    prompt_ids: list[int]
    response_ids: list[int]
    log_probs: list[float]
    truncated: bool
    policy_version: int
    verdict: str = ""
    reward: float = 0.0
    advantage: float = 0.0
    in_loss: bool = True
    in_denominator: bool = True
    versions: tuple[tuple[int, int], ...] = ()

    @property
    def length(self) -> int:
        """Tokens of prompt and response."""
        return len(self.prompt_ids) + len(self.response_ids)


@dataclass
class UpdateReport:
    """What the updates on one batch did, averaged over tokens or over the mini-batches.

    Attributes:
        entropy: mean over response tokens, before the updates, in nats.
        clip_fraction_low, clip_fraction_high: share of tokens in the loss beyond either bound.
        grad_norm: before clipping, mean over the mini-batches.
        log_prob_gap: mean |sampler - trainer| over response tokens, before the updates.
        loss: mean over the mini-batches.
        seconds: wall time by phase.
    """

    entropy: float = 0.0
    clip_fraction_low: float = 0.0
    clip_fraction_high: float = 0.0
    grad_norm: float = 0.0
    log_prob_gap: float = 0.0
    loss: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
