"""From the trainer to the samplers: weights, tensor by tensor, over a process group of their own.

Rank 0 of the group is the trainer's first rank, the others are the samplers' workers. A tensor is gathered, sent and
put in place before the next one, so that no host ever holds a second copy of the model. The group speaks NCCL where
sampler and trainer have GPUs of their own, else gloo: NCCL takes no two ranks on one GPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

TIMEOUT = timedelta(minutes=20)  # a tensor waits for the slowest engine to finish the tokens it is at

Named = Iterable[tuple[str, Tensor]]


@dataclass(frozen=True)
class Meeting:
    """Where a group meets: address and port of rank 0, number of ranks, and "nccl" or "gloo"."""

    address: str
    port: int
    size: int
    backend: str


@dataclass(frozen=True)
class Layout:
    """What a tensor is before it arrives."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype


@dataclass(frozen=True)
class Group:
    """A joined process group and the device that its tensors lie on."""

    group: Any
    device: torch.device

    def send(self, weights: Named) -> None:
        """Rank 0: hand over tensors in their order; all other ranks must `receive` them."""
        for _, value in weights:
            self.group.broadcast(_bytes(value.to(self.device).contiguous()), 0).wait()

    def receive(self, layouts: Sequence[Layout]) -> Iterator[tuple[str, Tensor]]:
        """The others: each tensor by name as it arrives."""
        for layout in layouts:
            value = torch.empty(layout.shape, dtype=layout.dtype, device=self.device)
            self.group.broadcast(_bytes(value), 0).wait()
            yield layout.name, value


def join(meeting: Meeting, rank: int, device: torch.device | str = "cpu") -> Group:
    """Join the group as `rank`; returns when all its ranks are there."""
    store = dist.TCPStore(meeting.address, meeting.port, meeting.size, rank == 0, TIMEOUT)
    store = dist.PrefixStore("weights", store)
    if meeting.backend == "nccl":
        return Group(dist.ProcessGroupNCCL(store, rank, meeting.size), torch.device(device))
    return Group(dist.ProcessGroupGloo(store, rank, meeting.size, TIMEOUT), torch.device("cpu"))


def layouts(weights: Named) -> list[Layout]:
    """What the others must know before they receive."""
    return [Layout(name, tuple(value.shape), value.dtype) for name, value in weights]


def _bytes(value: Tensor) -> Tensor:
    """The same memory as flat bytes, which every backend sends whatever the type."""
    return value.view(-1).view(torch.uint8)
