"""Placement by Ray: one actor samples, one actor per rank trains, the judge stays with the driver.

The proxies have the methods of Sampler and Trainer. Weights travel as a reference: the driver never holds them.
On more than one node start Ray first and set RAY_ADDRESS; that, and actors on GPUs, has not been run here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

from deepcoder.config.schema import Recipe
from deepcoder.config.schema import Rollout as RolloutConfig
from deepcoder.config.schema import Trainer as TrainerConfig
from deepcoder.errors import UserError
from deepcoder.rl.rollout import Request, Rollout, Sample, UpdateReport
from deepcoder.rl.sampler import SamplingOptions

START_SECONDS = 900  # loading 14B from a shared disk takes minutes
STALL_SECONDS = 3600  # a 14B step of sampling finishes some response every few minutes, an update takes ten
OBJECT_STORE_BYTES = 256 << 20  # local runs only; a cluster sizes its own


@contextmanager
def local_ray(cpus: int) -> Iterator[None]:
    """Join the cluster that RAY_ADDRESS names, else start one here that dies with this process."""
    address = os.environ.get("RAY_ADDRESS")
    here: dict[str, Any] = {} if address else {"num_cpus": cpus, "object_store_memory": OBJECT_STORE_BYTES}
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Worker processes find this package where this process did.
    paths = [str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    ray.init(address=address, include_dashboard=False, logging_level="ERROR", log_to_driver=True, **here)
    try:
        yield
    finally:
        ray.shutdown()


@ray.remote
class SamplerActor:
    """Holds the sampling engine."""

    def __init__(self, folder: str, config: RolloutConfig, max_tokens: int) -> None:
        from deepcoder.rl.sampler import make_sampler

        self.sampler = make_sampler(Path(folder), config, max_tokens)

    def submit(self, requests: Sequence[Request], options: SamplingOptions) -> None:
        self.sampler.submit(requests, options)

    def poll(self) -> list[Sample]:
        return self.sampler.poll()

    def generate(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[Sample]:
        yield from self.sampler.generate(requests, options)

    def put_back(self, samples: Sequence[Sample]) -> None:
        self.sampler.put_back(samples)

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[float]]:
        return self.sampler.score(sequences)

    def load_weights(self, weights: Mapping[str, Any], version: int) -> None:
        # Ray hands out read-only views of shared memory; the engines copy from them.
        self.sampler.load_weights(weights, version)


@ray.remote
class TrainerActor:
    """One rank of the trainer."""

    def address(self) -> tuple[str, int]:
        with socket.socket() as probe:
            probe.bind(("", 0))
            return ray.util.get_node_ip_address(), int(probe.getsockname()[1])

    def start(self, folder: str, settings: tuple[Any, ...], rank: int, ranks: int, meeting: tuple[str, int]) -> None:
        import torch

        from deepcoder.rl.trainer import Place, Trainer

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        config, recipe, temperature, max_tokens, response_limit = settings
        place = Place(rank, ranks, *meeting)
        self.trainer = Trainer(Path(folder), config, recipe, temperature, max_tokens, place, response_limit)

    def call(self, method: str, *args: Any) -> Any:
        return getattr(self.trainer, method)(*args)


class RemoteSampler:
    """A Sampler whose engine lives in an actor."""

    def __init__(self, folder: Path, config: RolloutConfig, max_tokens: int) -> None:
        gpus = config.tensor_parallel if _gpus() else 0
        self.actor = SamplerActor.options(  # type: ignore[attr-defined]
            num_cpus=1, num_gpus=gpus
        ).remote(str(folder), config, max_tokens)

    def generate(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[Sample]:
        """See sampler.Sampler; each sample crosses to the driver when it is finished."""
        stream = self.actor.generate.options(num_returns="streaming").remote(list(requests), options)
        for _ in requests:
            if not ray.wait([stream], timeout=STALL_SECONDS)[0]:
                raise _stalled("the sampler")
            yield _result(next(stream))

    def submit(self, requests: Sequence[Request], options: SamplingOptions) -> None:
        """See sampler.Sampler."""
        _result(self.actor.submit.remote(list(requests), options))

    def poll(self) -> list[Sample]:
        """See sampler.Sampler."""
        return _result(self.actor.poll.remote())

    def put_back(self, samples: Sequence[Sample]) -> None:
        """See sampler.Sampler."""
        _result(self.actor.put_back.remote(list(samples)))

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[float]]:
        """See sampler.Sampler."""
        return _result(self.actor.score.remote(sequences))

    def load_weights(self, weights: Any, version: int = 0) -> None:
        """See sampler.Sampler; `weights` is what RemoteTrainer.weights returned."""
        _result(self.actor.load_weights.remote(weights, version))


class RemoteTrainer:
    """All ranks of the trainer behind the interface of one."""

    def __init__(
        self,
        folder: Path,
        config: TrainerConfig,
        recipe: Recipe,
        temperature: float,
        max_tokens: int,
        cpus: int,
        response_limit: int = 0,
    ) -> None:
        gpus = 1 if _gpus() else 0
        share = max(1, cpus // config.ranks)
        self.ranks = [
            TrainerActor.options(  # type: ignore[attr-defined]
                num_cpus=share, num_gpus=gpus
            ).remote()
            for _ in range(config.ranks)
        ]
        meeting = _result(self.ranks[0].address.remote()) if config.ranks > 1 else ("127.0.0.1", 0)
        settings = (config, recipe, temperature, max_tokens, response_limit)
        self.started = [
            actor.start.remote(str(folder), settings, rank, config.ranks, meeting)
            for rank, actor in enumerate(self.ranks)
        ]

    def wait(self) -> None:
        """Block until every rank is up."""
        _result(self.started)

    def update(self, rollouts: Sequence[Rollout], minibatch: int) -> UpdateReport:
        """See trainer.Trainer."""
        return self._all("update", ray.put(list(rollouts)), minibatch)

    def score(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> list[list[float]]:
        """See trainer.Trainer."""
        return self._all("score", prompts, responses)

    def weights(self) -> Any:
        """A reference to rank 0's weights; the other ranks take part in gathering them."""
        references = [actor.call.remote("weights") for actor in self.ranks]
        return references[0]

    def save(self, folder: Path, state: Mapping[str, Any]) -> None:
        """See trainer.Trainer."""
        self._all("save", folder, state)

    def load(self, folder: Path) -> dict[str, Any]:
        """See trainer.Trainer."""
        return self._all("load", folder)

    def _all(self, method: str, *args: Any) -> Any:
        return _result([actor.call.remote(method, *args) for actor in self.ranks])[0]


def _gpus() -> float:
    return ray.cluster_resources().get("GPU", 0)


def _result(reference: Any) -> Any:
    """The value behind a reference; the error a user can mend is raised as such, and no wait is without end."""
    try:
        return ray.get(reference, timeout=STALL_SECONDS)
    except ray.exceptions.GetTimeoutError:
        raise _stalled("an actor of the training") from None
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, UserError):
            raise error.cause from None
        raise
    except ray.exceptions.RayActorError as error:
        if isinstance(error.cause if hasattr(error, "cause") else None, UserError):
            raise error.cause from None
        raise UserError(f"an actor of the training died: {str(error).splitlines()[0]}; run again to resume") from error


def _stalled(who: str) -> UserError:
    return UserError(f"{who} gave no sign of life for {STALL_SECONDS / 60:.0f} minutes; run again to resume")
