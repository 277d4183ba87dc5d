"""What training and evaluation ask of a sampling engine, and which engines there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from deepcoder.config.schema import Engine as EngineConfig
from deepcoder.errors import UserError
from deepcoder.rl.rollout import Request, Sample

if TYPE_CHECKING:
    from torch import Tensor

    from deepcoder.rl.weights import Layout, Meeting


@dataclass(frozen=True)
class SamplingOptions:
    """How to draw a token: temperature above 0, top_p in (0, 1], top_k -1 for no limit."""

    temperature: float
    top_p: float = 1.0
    top_k: int = -1


class Sampler(Protocol):
    """A sampling engine with one copy of the model or several; used by one thread at a time."""

    def submit(self, requests: Sequence[Request], options: SamplingOptions) -> None:
        """Queue requests; nothing is decoded before the next `poll`, so a batch starts as a whole."""
        ...

    def poll(self) -> list[Sample]:
        """Decode until a request is finished, or for a moment; what is finished, in no promised order."""
        ...

    def generate(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[Sample]:
        """Submit requests and yield each sample as soon as it is finished; what else finishes stays for `poll`."""
        ...

    def put_back(self, samples: Sequence[Sample]) -> None:
        """Let the next `poll` return finished samples that somebody else waits for."""
        ...

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[list[float]]]:
        """By copy of the model: log-probabilities at temperature 1 of every token but the first."""
        ...

    def load_weights(self, weights: Iterable[tuple[str, Tensor]], version: int = 0) -> None:
        """Replace all weights in place (Hugging Face names; a tied head may be left out) and drop cached prefixes.

        Requests in flight go on with the new weights and the keys and values that they have; their tokens from here
        on are of policy `version`.
        """
        ...

    def sleep(self) -> None:
        """Leave the device to the trainer until the next `load_weights`; nothing may be in flight."""
        ...


class Versions:
    """Which policy version sampled which tokens of the requests in flight."""

    def __init__(self) -> None:
        self.current = 0
        self._runs: dict[str, list[tuple[int, int]]] = {}  # finished runs of a request: (version, tokens so far)

    def change(self, version: int, tokens: Mapping[str, int]) -> None:
        """From here on `version` samples; `tokens` says how many each request in flight has."""
        for key, count in tokens.items():
            self._runs.setdefault(key, []).append((self.current, count))
        self.current = version

    def of(self, key: str, tokens: int) -> tuple[tuple[int, int], ...]:
        """Runs of (version, tokens) of a request that has finished with a number of tokens; it is forgotten."""
        found, before = [], 0
        for version, count in [*self._runs.pop(key, []), (self.current, tokens)]:
            if count > before:
                found.append((version, count - before))
                before = count
        return tuple(found)


def generate(sampler: Sampler, requests: Sequence[Request], options: SamplingOptions) -> Iterator[Sample]:
    """See Sampler.generate."""
    own, others = {request.key for request in requests}, []
    sampler.submit(requests, options)
    while own:
        for sample in sampler.poll():
            if sample.key in own:
                own.discard(sample.key)
                yield sample
            else:
                others.append(sample)
    sampler.put_back(others)


class Engine(Sampler, Protocol):
    """A sampler with a single copy of the model, which may lie with workers in other processes."""

    def join_weights(self, meeting: Meeting, first_rank: int) -> None:
        """Join the group over which weights come; its workers take the ranks from `first_rank` on."""
        ...

    def receive_weights(self, layouts: Sequence[Layout], version: int) -> None:
        """Do as `load_weights` with what the trainer sends over the group."""
        ...


def make_sampler(folder: Path, config: EngineConfig, max_tokens: int, shares_device: bool = False) -> Engine:
    """Start the engine that rollout.engine.name names.

    Args:
        folder: model and tokenizer in Hugging Face format.
        max_tokens: longest prompt and response together.
        shares_device: the trainer works on the same GPUs in turn, so that `sleep` must free them.

    Raises:
        UserError: the engine is not installed here.
    """
    if config.name == "hf":
        from deepcoder.rl.sampler_hf import HfSampler

        return HfSampler(folder, config)
    from deepcoder.rl.sampler_vllm import VllmSampler

    try:
        return VllmSampler(folder, config, max_tokens, shares_device)
    except ImportError as error:
        raise UserError(f"vLLM does not import here ({error}); install it or set rollout__engine__name=hf") from error
