"""Sampling with plain transformers: the fallback where vLLM has no build, and the engine of fast tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from deepcoder.config.schema import Engine as EngineConfig
from deepcoder.rl.policy import load_model, pad_sequences
from deepcoder.rl.rollout import Request, Sample
from deepcoder.rl.sampler import SamplingOptions, Versions, generate
from deepcoder.rl.text import Text
from deepcoder.rl.weights import Layout, Meeting, join


class HfSampler:
    """Decodes `max_sequences` requests at a time in lock step, each with its own stream of random numbers."""

    def __init__(self, folder: Path, config: EngineConfig) -> None:
        self.model: Any = load_model(folder, config.dtype).eval()
        self.end = Text(folder, "plain").end
        self.max_sequences = config.max_sequences
        self.waiting: deque[tuple[Request, SamplingOptions]] = deque()
        self.active: Iterator[list[Sample]] = iter(())
        self.found: dict[int, tuple[Request, list[int], list[float]]] = {}  # the batch in flight by row
        self.ready: list[Sample] = []
        self.versions = Versions()

    def submit(self, requests: Sequence[Request], options: SamplingOptions) -> None:
        """See sampler.Sampler."""
        self.waiting.extend((request, options) for request in requests)

    @torch.no_grad()
    def poll(self) -> list[Sample]:
        """See sampler.Sampler; a batch is decoded to its end before the next one starts."""
        if self.ready:
            ready, self.ready = self.ready, []
            return ready
        while (finished := next(self.active, None)) is None:
            if not self.waiting:
                return []
            options = self.waiting[0][1]
            batch: list[Request] = []
            while self.waiting and len(batch) < self.max_sequences and self.waiting[0][1] == options:
                batch.append(self.waiting.popleft()[0])
            self.active = self._decode(batch, options)
        return finished

    def generate(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[Sample]:
        """See sampler.Sampler."""
        return generate(self, requests, options)

    def put_back(self, samples: Sequence[Sample]) -> None:
        """See sampler.Sampler."""
        self.ready += samples

    @torch.no_grad()
    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[list[float]]]:
        """See sampler.Sampler."""
        block = pad_sequences([s[:1] for s in sequences], [s[1:] for s in sequences])
        log_p = torch.log_softmax(self.model(block.input_ids).logits[block.predicts].float(), dim=-1)
        values = log_p.gather(-1, block.targets[:, None]).squeeze(-1)
        return [[part.tolist() for part in values.split([len(s) - 1 for s in sequences])]]

    @torch.no_grad()
    def load_weights(self, weights: Iterable[tuple[str, Tensor]], version: int = 0) -> None:
        """See sampler.Sampler; raises ValueError when the weights are not those of the model."""
        missing = dict(self.model.named_parameters())
        for name, value in weights:
            if name == "lm_head.weight" and self.model.config.tie_word_embeddings:
                continue
            if name not in missing:
                raise ValueError(f"weights do not fit the model: it has no {name}, or it came twice")
            missing.pop(name).copy_(value)
        if missing:
            raise ValueError(f"weights do not fit the model: {sorted(missing)} did not come")
        self.versions.change(version, {request.key: len(ids) for request, ids, _ in self.found.values()})

    def join_weights(self, meeting: Meeting, first_rank: int) -> None:
        """See sampler.Engine."""
        self.group = join(meeting, first_rank)

    def receive_weights(self, layouts: Sequence[Layout], version: int) -> None:
        """See sampler.Engine."""
        self.load_weights(self.group.receive(layouts), version)

    def sleep(self) -> None:
        """See sampler.Sampler; this engine runs on the CPU."""

    def _decode(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[list[Sample]]:
        """Samples that finished with each token, where any did."""
        longest = max(len(r.prompt_ids) for r in requests)
        rows = [[0] * (longest - len(r.prompt_ids)) + list(r.prompt_ids) for r in requests]
        mask = torch.tensor([[0] * (longest - len(r.prompt_ids)) + [1] * len(r.prompt_ids) for r in requests])
        draws = torch.stack([_uniform(r.seed, max(r.max_tokens for r in requests)) for r in requests])
        step_ids, positions = torch.tensor(rows), (mask.cumsum(-1) - 1).clamp(min=0)
        cache = DynamicCache()
        self.found = {row: (request, [], []) for row, request in enumerate(requests)}
        for number in range(draws.shape[1]):
            logits = self.model(
                input_ids=step_ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
            ).logits[:, -1]
            log_p = _filtered_log_probs(logits.float() / options.temperature, options)
            chosen = _pick(log_p, draws[:, number])
            taken = log_p.gather(-1, chosen[:, None]).squeeze(-1)
            if finished := self._take(chosen.tolist(), taken.tolist()):
                yield finished
            if not self.found:
                return
            step_ids, positions = chosen[:, None], positions[:, -1:] + 1
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)

    def _take(self, chosen: list[int], log_probs: list[float]) -> list[Sample]:
        """Add a token to each response of the batch; those that it finished."""
        finished = []
        for row in list(self.found):
            request, tokens, values = self.found[row]
            tokens.append(chosen[row])
            values.append(log_probs[row])
            if tokens[-1] == self.end or len(tokens) == request.max_tokens:
                del self.found[row]
                reason = "stop" if tokens[-1] == self.end else "length"
                runs = self.versions.of(request.key, len(tokens))
                finished.append(Sample(request.key, tokens, values, reason, runs))
        return finished


def _uniform(seed: int, number: int) -> Tensor:
    return torch.rand(number, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _filtered_log_probs(logits: Tensor, options: SamplingOptions) -> Tensor:
    """(rows, vocabulary) log-probabilities after top-k and top-p (nucleus) filtering."""
    if options.top_k > 0:
        floor = logits.topk(min(options.top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < floor, -torch.inf)
    if options.top_p < 1:
        ordered, order = logits.softmax(-1).sort(descending=True, dim=-1)
        beyond = ordered.cumsum(-1) - ordered >= options.top_p
        logits = logits.masked_fill(beyond.scatter(-1, order, beyond), -torch.inf)
    return logits.log_softmax(-1)


def _pick(log_p: Tensor, draws: Tensor) -> Tensor:
    """(rows,) tokens by inverting the cumulative distribution at one uniform number a row."""
    cumulative = log_p.double().exp().cumsum(-1)
    chosen = torch.searchsorted(cumulative, (draws * cumulative[:, -1])[:, None], right=True).squeeze(-1)
    return chosen.clamp(max=log_p.shape[-1] - 1)
