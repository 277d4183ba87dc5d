"""Which devices sampler and trainer work on.

Under the schedule `sync` they take turns on the same GPUs: while one works the other has given up all that it can.
Under the other schedules both work at once, each on GPUs of its own. Engines and ranks are dealt to bundles of Ray's
placement group, none of which crosses a node: the ranks that share a sequence and the workers of an engine exchange
data for every layer. Without GPUs the same bundles hold cores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from deepcoder.config.schema import Rollout, Trainer
from deepcoder.errors import UserError


@dataclass(frozen=True)
class Placement:
    """How many of each there are, and where: bundles, and the bundle of each rank and engine.

    Attributes:
        shared: sampler and trainer take turns on the same GPUs.
        bundles: CPUs and GPUs that must be on one node.
        rank_bundles, engine_bundles: index of the bundle, by rank and by engine.
        engine_ranks: where devices are shared, the ranks whose GPUs an engine uses, by engine.
    """

    shared: bool
    bundles: list[dict[str, float]]
    rank_bundles: list[int]
    engine_bundles: list[int]
    engine_ranks: list[list[int]]


def takes_turns(trainer: Trainer) -> bool:
    """Whether sampler and trainer never work at the same time."""
    return trainer.schedule == "sync"


def place(rollout: Rollout, trainer: Trainer, cpus_per_rank: int, gpus: int) -> Placement:
    """Deal ranks and engines to bundles.

    Args:
        gpus: of the whole cluster; 0 for a run on cores.

    Raises:
        UserError: there are too few GPUs, or engines and ranks do not fit on the same ones.
    """
    ranks, engines, width = trainer.ranks, rollout.engines, rollout.engine.tensor_parallel
    shared = takes_turns(trainer) and gpus > 0
    check_devices(rollout, trainer, gpus)
    if not shared:
        size = trainer.sequence_parallel
        first = ranks // size
        return Placement(
            shared=False,
            bundles=[_bundle(size * cpus_per_rank, size, gpus)] * first + [_bundle(width, width, gpus)] * engines,
            rank_bundles=[rank // size for rank in range(ranks)],
            engine_bundles=[first + engine for engine in range(engines)],
            engine_ranks=[[] for _ in range(engines)],
        )
    size = math.lcm(trainer.sequence_parallel, width)
    return Placement(
        shared=True,
        bundles=[_bundle(size * cpus_per_rank + size, size, gpus)] * (ranks // size),
        rank_bundles=[rank // size for rank in range(ranks)],
        engine_bundles=[engine * width // size for engine in range(engines)],
        engine_ranks=[list(range(engine * width, (engine + 1) * width)) for engine in range(engines)],
    )


def cores_of(rollout: Rollout, trainer: Trainer, cpus_per_rank: int) -> int:
    """Cores that Ray must have to hold all bundles of a run without GPUs."""
    return int(sum(bundle["CPU"] for bundle in place(rollout, trainer, cpus_per_rank, gpus=0).bundles))


def widest(rollout: Rollout, trainer: Trainer, nodes: Sequence[tuple[int, int]]) -> int:
    """The most cores for each rank with which all bundles find room.

    Args:
        nodes: CPUs and GPUs of each node.

    Raises:
        UserError: there is no room even with one core for each rank.
    """
    gpus = sum(gpus for _, gpus in nodes)
    for cpus in range(max(cpus for cpus, _ in nodes), 0, -1):
        if _have_room(place(rollout, trainer, cpus, gpus).bundles, nodes):
            return cpus
    raise UserError(
        f"nodes with {', '.join(f'{cpus} CPUs and {gpus} GPUs' for cpus, gpus in nodes)} have no room for "
        f"{place(rollout, trainer, 1, gpus).bundles}, none of which crosses a node; ask for more CPUs or GPUs "
        f"(resources.train), or set fewer trainer__ranks or rollout__engines"
    )


def _have_room(bundles: Sequence[dict[str, float]], nodes: Sequence[tuple[int, int]]) -> bool:
    """Whether the bundles fit when the largest is placed first, each on the first node that can hold it."""
    free = [[float(cpus), float(gpus)] for cpus, gpus in nodes]
    for bundle in sorted(bundles, key=lambda bundle: (bundle.get("GPU", 0), bundle["CPU"]), reverse=True):
        asked = (bundle["CPU"], bundle.get("GPU", 0))
        room = next((node for node in free if all(a <= f for a, f in zip(asked, node, strict=True))), None)
        if room is None:
            return False
        room[:] = [f - a for a, f in zip(asked, room, strict=True)]
    return True


def check_devices(rollout: Rollout, trainer: Trainer, gpus: int) -> int:
    """How many of `gpus` GPUs (0: a run on cores) have work; raises UserError where ranks and engines do not fit."""
    ranks, engines, width = trainer.ranks, rollout.engines, rollout.engine.tensor_parallel
    if ranks % trainer.sequence_parallel:
        raise UserError(
            f"trainer: sequence_parallel {trainer.sequence_parallel} does not divide {ranks} ranks; set "
            f"trainer__sequence_parallel to a divisor of trainer__ranks"
        )
    if not gpus:
        return 0
    asked = f"{ranks} ranks and {engines} engines x {width} GPUs"
    if takes_turns(trainer):
        size = math.lcm(trainer.sequence_parallel, width)
        if engines * width > ranks or ranks % size or ranks > gpus:
            raise UserError(
                f"schedule sync shares GPUs: {asked} do not fit on {gpus}; set trainer__ranks to a multiple of {size} "
                f"up to {gpus}, and rollout__engines to at most ranks / {width}"
            )
        return engines * width
    if ranks + engines * width > gpus:
        raise UserError(
            f"schedule {trainer.schedule} gives sampler and trainer their own GPUs: {asked} are more than {gpus}; "
            f"set trainer__ranks={gpus // 2} rollout__engines={gpus // 2 // width}, or add nodes"
        )
    return ranks + engines * width


def _bundle(cpus: int, devices: int, gpus: int) -> dict[str, float]:
    return {"CPU": float(cpus), "GPU": float(devices)} if gpus else {"CPU": float(cpus)}
