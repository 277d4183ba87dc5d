"""Training by Ray: an actor for each sampling engine, one for each rank of the trainer; the judge is the driver's.

The proxies have the methods of Sampler and Trainer. Weights go from actors to actors (weights.py), never through the
driver. On more than one node cluster/nodes.py starts Ray first; actors on GPUs of several nodes have not been run here.
"""

from __future__ import annotations

import functools
import itertools
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from deepcoder.cluster.ray import told
from deepcoder.config.schema import Engine as EngineConfig
from deepcoder.config.schema import Recipe
from deepcoder.config.schema import Rollout as RolloutConfig
from deepcoder.config.schema import Trainer as TrainerConfig
from deepcoder.errors import Resumable, UserError
from deepcoder.rl.placement import place
from deepcoder.rl.rollout import Request, Rollout, Sample, UpdateReport
from deepcoder.rl.sampler import SamplingOptions, generate
from deepcoder.rl.weights import Layout, Meeting

START_SECONDS = 900  # loading 14B from a shared disk takes minutes
STALL_SECONDS = 3600  # a 14B step of sampling finishes some response every few minutes, an update takes ten
PEER_SECONDS = 45  # after one rank failed: for Ray to tell that another is dead, 30 where its node vanished


class Devices:
    """The placement group in which ranks and engines live."""

    def __init__(self, rollout: RolloutConfig, trainer: TrainerConfig, cpus_per_rank: int) -> None:
        """Reserve all bundles at once.

        Raises:
            UserError: the configuration does not fit, or the cluster has not the room within START_SECONDS.
        """
        gpus = int(ray.cluster_resources().get("GPU", 0))
        self.place = place(rollout, trainer, cpus_per_rank, gpus)
        self.gpus, self.cpus_per_rank, self.width = gpus, cpus_per_rank, rollout.engine.tensor_parallel
        self.group = placement_group(self.place.bundles, strategy="PACK")
        if not self.group.wait(START_SECONDS):
            raise UserError(
                f"Ray found no room for {self.place.bundles} in {START_SECONDS / 60:.0f} minutes; ask for more CPUs or "
                f"GPUs (resources.train), or set fewer trainer__ranks or rollout__engines"
            )

    def for_rank(self, rank: int) -> dict[str, Any]:
        """Options of a rank's actor."""
        devices = 1 if self.gpus else 0
        return self._options(self.place.rank_bundles[rank], self.cpus_per_rank, devices)

    def for_engine(self, engine: int) -> dict[str, Any]:
        """Options of an engine's actor; where it shares GPUs it asks for none, and is told which."""
        own = self.width if self.gpus and not self.place.shared else 0
        return self._options(self.place.engine_bundles[engine], 1, own)

    def _options(self, bundle: int, cpus: int, gpus: int) -> dict[str, Any]:
        where = PlacementGroupSchedulingStrategy(self.group, placement_group_bundle_index=bundle)
        return {"num_cpus": cpus, "num_gpus": gpus, "scheduling_strategy": where}


@ray.remote
class SamplerActor:
    """Holds a sampling engine."""

    def __init__(
        self, folder: str, config: EngineConfig, max_tokens: int, shares_device: bool, devices: Sequence[int]
    ) -> None:
        if devices:
            os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices))
        from deepcoder.rl.sampler import make_sampler

        self.sampler = make_sampler(Path(folder), config, max_tokens, shares_device)

    def call(self, method: str, *args: Any) -> Any:
        return getattr(self.sampler, method)(*args)


@ray.remote
class TrainerActor:
    """One rank of the trainer."""

    def address(self) -> tuple[str, int]:
        with socket.socket() as probe:
            probe.bind(("", 0))
            return ray.util.get_node_ip_address(), int(probe.getsockname()[1])

    def devices(self) -> list[int]:
        return [int(number) for number in ray.get_gpu_ids()]

    def start(self, folder: str, settings: tuple[Any, ...], rank: int, ranks: int, meeting: tuple[str, int]) -> None:
        import torch

        from deepcoder.rl.trainer import Place, Trainer

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        config, recipe, temperature, max_tokens, response_limit = settings
        place = Place(rank, ranks, *meeting)
        self.trainer = Trainer(Path(folder), config, recipe, temperature, max_tokens, place, response_limit)

    def call(self, method: str, *args: Any) -> Any:
        return getattr(self.trainer, method)(*args)


@dataclass
class Engine:
    """An actor with a copy of the model: how many requests it has, and the poll that it is at."""

    actor: Any
    flight: int = 0
    polling: Any = None

    def call(self, method: str, *args: Any) -> Any:
        """A reference to the result of a method of the engine in the actor."""
        return self.actor.call.remote(method, *args)


class RemoteSampler:
    """A Sampler whose engines live in actors; samples of one prompt go to one engine, which shares their prefix."""

    def __init__(self, folder: Path, config: RolloutConfig, max_tokens: int, devices: Devices, trainer: RemoteTrainer):
        """Start the engines and let them join the trainer's group; returns when both are up."""
        shared = devices.place.shared
        self.engines = [
            Engine(
                SamplerActor.options(  # type: ignore[attr-defined]
                    **devices.for_engine(number)
                ).remote(str(folder), config.engine, max_tokens, shared, trainer.devices_of(ranks))
            )
            for number, ranks in enumerate(devices.place.engine_ranks)
        ]
        self.ready: list[Sample] = []
        trainer.wait()
        width = config.engine.tensor_parallel
        meeting = trainer.meet(1 + width * len(self.engines), "nccl" if devices.gpus and not shared else "gloo")
        joining = [
            engine.call("join_weights", meeting, 1 + number * width) for number, engine in enumerate(self.engines)
        ]
        _result([*joining, trainer.ranks[0].call.remote("join_weights", meeting)])

    def generate(self, requests: Sequence[Request], options: SamplingOptions) -> Iterator[Sample]:
        """See sampler.Sampler; each sample crosses to the driver when it is finished."""
        return generate(self, requests, options)

    def submit(self, requests: Sequence[Request], options: SamplingOptions) -> None:
        """See sampler.Sampler; each prompt goes to the engine with the fewest requests in flight."""
        shares: list[list[Request]] = [[] for _ in self.engines]
        for _, same in itertools.groupby(requests, key=lambda request: request.prompt_ids):
            group = list(same)
            chosen = min(range(len(shares)), key=lambda number: self.engines[number].flight)
            shares[chosen] += group
            self.engines[chosen].flight += len(group)
        pairs = zip(self.engines, shares, strict=True)
        _result([engine.call("submit", share, options) for engine, share in pairs if share])

    def poll(self) -> list[Sample]:
        """See sampler.Sampler; an engine goes on while its last samples are looked at."""
        ready, self.ready = self.ready, []
        if ready or not self._polled():
            return ready
        done, _ = ray.wait([engine.polling for engine in self._polled()], timeout=STALL_SECONDS)
        if not done:
            raise _stalled("the sampler")
        for engine in self.engines:
            if engine.polling in done:
                found = _result(engine.polling)
                engine.polling = None
                engine.flight -= len(found)
                ready += found
        self._polled()
        return ready

    def put_back(self, samples: Sequence[Sample]) -> None:
        """See sampler.Sampler."""
        self.ready += samples

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[list[float]]]:
        """See sampler.Sampler."""
        return [copy for found in _result(self._all("score", sequences)) for copy in found]

    def load_weights(self, weights: Any, version: int = 0) -> None:
        """See sampler.Sampler; `weights` is what RemoteTrainer.weights returned."""
        _result([*self._all("receive_weights", weights.layouts, version), *weights.send()])

    def sleep(self) -> None:
        """See sampler.Sampler."""
        _result(self._all("sleep"))

    def _all(self, method: str, *args: Any) -> list[Any]:
        return [engine.call(method, *args) for engine in self.engines]

    def _polled(self) -> list[Engine]:
        """The engines that are at work, each with a poll on its way."""
        busy = [engine for engine in self.engines if engine.flight]
        for engine in busy:
            engine.polling = engine.polling or engine.call("poll")
        return busy


@dataclass(frozen=True)
class RemoteWeights:
    """The weights where they lie: sent when somebody is there to receive them."""

    ranks: list[Any]
    layouts: list[Layout]

    def send(self) -> list[Any]:
        """Start to send; references that are there when all is sent."""
        return [actor.call.remote("send_weights") for actor in self.ranks]


class RemoteTrainer:
    """All ranks of the trainer behind the interface of one."""

    def __init__(
        self,
        folder: Path,
        config: TrainerConfig,
        recipe: Recipe,
        temperature: float,
        max_tokens: int,
        devices: Devices,
        response_limit: int = 0,
    ) -> None:
        self.ranks = [
            TrainerActor.options(  # type: ignore[attr-defined]
                **devices.for_rank(rank)
            ).remote()
            for rank in range(config.ranks)
        ]
        self.gpus = _result([actor.devices.remote() for actor in self.ranks]) if devices.place.shared else []
        meeting = _result(self.ranks[0].address.remote()) if config.ranks > 1 else ("127.0.0.1", 0)
        settings = (config, recipe, temperature, max_tokens, response_limit)
        self.started = [
            actor.start.remote(str(folder), settings, rank, config.ranks, meeting)
            for rank, actor in enumerate(self.ranks)
        ]

    def wait(self) -> None:
        """Block until every rank is up."""
        _result(self.started)

    def devices_of(self, ranks: Sequence[int]) -> list[int]:
        """The GPUs of some ranks, by their numbers on the node."""
        return [device for rank in ranks for device in self.gpus[rank]]

    def meet(self, size: int, backend: str) -> Meeting:
        """Where rank 0 and those who want the weights join their group."""
        address, port = _result(self.ranks[0].address.remote())
        return Meeting(address, port, size, backend)

    def update(self, rollouts: Sequence[Rollout], minibatch: int) -> UpdateReport:
        """See trainer.Trainer."""
        return self._all("update", ray.put(list(rollouts)), minibatch)

    def score(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> list[list[float]]:
        """See trainer.Trainer."""
        return self._all("score", prompts, responses)

    def weights(self) -> RemoteWeights:
        """The weights where they lie."""
        return RemoteWeights(self.ranks, self.layouts)

    @functools.cached_property
    def layouts(self) -> list[Layout]:
        """What the weights are, which never changes."""
        return self._all("weight_layouts")

    def save(self, folder: Path, state: Mapping[str, Any]) -> None:
        """See trainer.Trainer."""
        self._all("save", folder, state)

    def load(self, folder: Path) -> dict[str, Any]:
        """See trainer.Trainer."""
        return self._all("load", folder)

    def _all(self, method: str, *args: Any) -> Any:
        return _result([actor.call.remote(method, *args) for actor in self.ranks])[0]


def _result(reference: Any) -> Any:
    """The value behind a reference; the error a user can mend is raised as such, and no wait is without end."""
    try:
        return ray.get(reference, timeout=STALL_SECONDS)
    except ray.exceptions.GetTimeoutError:
        raise _stalled("an actor of the training") from None
    except ray.exceptions.RayError as error:
        known = told(error)
        if known is None and isinstance(reference, list):
            known = next(filter(None, map(told, _errors(reference))), None)
        if known is None:
            raise
        raise known from None


def _errors(references: Sequence[Any]) -> Iterator[BaseException]:
    """What the actors of one call met: a rank that dies fails the others, and theirs may be the first news of it."""
    for reference in ray.wait(list(references), num_returns=len(references), timeout=PEER_SECONDS)[0]:
        try:
            ray.get(reference)
        except ray.exceptions.RayError as error:
            yield error


def _stalled(who: str) -> Resumable:
    return Resumable(f"{who} gave no sign of life for {STALL_SECONDS / 60:.0f} minutes; run again to resume")
