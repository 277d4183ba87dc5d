"""Sampling with vLLM: continuous batching in this process, weights replaced in place.

The engine's loop is stepped here, not by AsyncLLM in a process of its own: there a batch begins while it is still
being submitted, and what is decoded together would differ from run to run.
On a GPU, tensor_parallel, memory_utilization and sleep are vLLM's own; they have not been run here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deepcoder.config.schema import Engine as EngineConfig
from deepcoder.rl.rollout import Request, Sample
from deepcoder.rl.sampler import SamplingOptions, Versions, generate
from deepcoder.rl.weights import Layout, Meeting, join

POLL_STEPS = 64
SCORE = "score-"  # keys of requests that are scored, not sampled
ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in this process: no second start, no messages
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # the default binding leaves one core to nobody
    "TORCHDYNAMO_DISABLE": "1",  # else the first log-probs are compiled, for tens of seconds
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}


class VllmSampler:
    """An in-process engine; every sample is a request of its own (n=1) with its own seed."""

    def __init__(self, folder: Path, config: EngineConfig, max_tokens: int, shares_device: bool = False) -> None:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        from vllm import LLM
        from vllm.platforms import current_platform

        self.on_cpu = current_platform.is_cpu()
        self.sleeps, self.asleep = shares_device and not self.on_cpu, False
        options: dict[str, Any] = {"kv_cache_memory_bytes": config.kv_cache_mb << 20} if config.kv_cache_mb else {}
        self.llm = LLM(
            str(folder),
            dtype=config.dtype,
            tensor_parallel_size=config.tensor_parallel,
            gpu_memory_utilization=config.memory_utilization,
            max_model_len=max_tokens,
            max_num_seqs=config.max_sequences,
            max_num_batched_tokens=max(max_tokens, 4096),
            enforce_eager=self.on_cpu,
            logprobs_mode="processed_logprobs",  # of the distribution that was sampled from
            disable_log_stats=True,
            enable_chunked_prefill=False,
            seed=0,
            worker_extension_cls=f"{__name__}.{Receiver.__name__}",
            enable_sleep_mode=self.sleeps,
            **options,
        )
        self.flight: dict[str, tuple[list[int], list[float]]] = {}  # tokens and log-probabilities so far
        self.ready: list[Sample] = []
        self.scored: dict[str, list[float]] = {}
        self.versions = Versions()

    def submit(self, requests: Sequence[Request], options: SamplingOptions) -> None:
        """See sampler.Sampler."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        for request in requests:
            params = SamplingParams(
                n=1,
                temperature=options.temperature,
                top_p=options.top_p,
                top_k=options.top_k,
                seed=request.seed,
                max_tokens=request.max_tokens,
                logprobs=0,
                detokenize=False,
                output_kind=RequestOutputKind.DELTA,  # else every step copies all tokens so far
            )
            self._add(request.key, request.prompt_ids, params)
            self.flight[request.key] = [], []

    def poll(self) -> list[Sample]:
        """See sampler.Sampler; a moment is at most POLL_STEPS tokens of each request."""
        for _ in range(POLL_STEPS):
            if self.ready or not self.flight:
                break
            self._step()
        ready, self.ready = self.ready, []
        return ready

    def generate(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[Sample]:
        """See sampler.Sampler."""
        return generate(self, requests, options)

    def put_back(self, samples: Sequence[Sample]) -> None:
        """See sampler.Sampler."""
        self.ready += samples

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[list[float]]]:
        """See sampler.Sampler."""
        from vllm import SamplingParams

        for index, sequence in enumerate(sequences):
            params = SamplingParams(max_tokens=1, prompt_logprobs=0, detokenize=False)
            self._add(f"{SCORE}{index}", sequence, params)
        while len(self.scored) < len(sequences):
            self._step()
        scored, self.scored = self.scored, {}
        return [[scored[f"{SCORE}{index}"] for index in range(len(sequences))]]

    def load_weights(self, weights: Iterable[tuple[str, Tensor]], version: int = 0) -> None:
        """See sampler.Sampler."""
        self._reload("load_weights", weights, version)

    def join_weights(self, meeting: Meeting, first_rank: int) -> None:
        """See sampler.Engine."""
        self.llm.collective_rpc("join_weights", args=(meeting, first_rank))

    def receive_weights(self, layouts: Sequence[Layout], version: int) -> None:
        """See sampler.Engine."""
        self._reload("receive_weights", layouts, version)

    def sleep(self) -> None:
        """See sampler.Sampler: weights and cache are given up, since new weights come before the next token."""
        if self.sleeps:
            self.llm.sleep(level=2)
            self.asleep = True

    def _reload(self, method: str, what: Any, version: int) -> None:
        if self.asleep:
            self.llm.wake_up(tags=["weights"])
        self.llm.collective_rpc(method, args=(what,))
        if self.asleep:
            self.llm.wake_up(tags=["kv_cache"])
            self.asleep = False
        self.llm.reset_prefix_cache()
        self.versions.change(version, {key: len(ids) for key, (ids, _) in self.flight.items()})

    def _add(self, key: str, token_ids: Sequence[int], params: Any) -> None:
        self.llm.llm_engine.add_request(key, {"prompt_token_ids": list(token_ids)}, params)

    def _step(self) -> None:
        """Decode one token of every request in flight and take what it finished."""
        for output in self.llm.llm_engine.step():
            key = output.request_id
            if key.startswith(SCORE):
                if output.finished:
                    pairs = zip(output.prompt_logprobs[1:], output.prompt_token_ids[1:], strict=True)
                    self.scored[key] = [entry[token].logprob for entry, token in pairs]
                continue
            new = output.outputs[0]
            ids, log_probs = self.flight[key]
            log_probs += [entry[token].logprob for entry, token in zip(new.logprobs, new.token_ids, strict=True)]
            ids += new.token_ids
            if output.finished:
                del self.flight[key]
                runs = self.versions.of(key, len(ids))
                self.ready.append(Sample(key, ids, log_probs, str(new.finish_reason), runs))


class Receiver:
    """What vLLM's workers can do beside their own: take weights in place."""

    rank: int
    device: torch.device
    model_runner: Any
    reload_weights: Any

    def join_weights(self, meeting: Meeting, first_rank: int) -> None:
        """See sampler.Engine."""
        self.weights_group = join(meeting, first_rank + self.rank, self.device)

    def receive_weights(self, layouts: Sequence[Layout]) -> None:
        """See sampler.Engine."""
        self.load_weights(self.weights_group.receive(layouts))

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Reload layer by layer.

        vLLM's reload leaves the packed copy of a tied head stale on a CPU and says so in a log line only: the head
        is packed again here, and stage.check_weights compares log-probabilities after every sync.
        """
        model = self.model_runner.get_model()
        tied = bool(self.model_runner.model_config.hf_config.tie_word_embeddings)
        chosen = ((name, value) for name, value in weights if not (tied and name == "lm_head.weight"))
        self.reload_weights(weights_iterator=chosen)
        if tied and self.device.type == "cpu":
            from vllm.model_executor.layers.utils import dispatch_cpu_unquantized_gemm

            dispatch_cpu_unquantized_gemm(model.lm_head, remove_weight=False)
