"""Joining Ray: the cluster of the job if there is one, else one that starts here and dies with this process.

Ray itself is imported when it is used, not with this module.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import Resumable, UserError

ADDRESS = "RAY_ADDRESS"
OBJECT_STORE_BYTES = 256 << 20  # local runs only; a cluster sizes its own


@dataclass(frozen=True)
class Node:
    """A node that Ray holds: what it is called there, and what it offers."""

    id: str
    cpus: int
    gpus: int


@contextmanager
def joined_ray(cpus: int = 0) -> Iterator[None]:
    """Join the cluster that RAY_ADDRESS names, else start one of `cpus` cores; harmless where that was done before.

    Raises:
        Resumable: the cluster cannot be reached, or a part of it was lost during the block.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Worker processes find this package where this process did.
    paths = [str(Path(__file__).resolve().parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    try:
        ray.init(include_dashboard=False, logging_level="ERROR", log_to_driver=True, **_options(cpus))
    except ConnectionError as error:
        raise Resumable(f"Ray at {os.environ.get(ADDRESS)} cannot be reached; run again to resume") from error
    try:
        yield
    except ray.exceptions.RayError as error:
        raise told(error) or error from None
    finally:
        ray.shutdown()


def _options(cpus: int) -> dict[str, Any]:
    if os.environ.get(ADDRESS):
        # The nodes' own path may be that of another copy of this package.
        return {"address": os.environ[ADDRESS], "runtime_env": {"env_vars": {"PYTHONPATH": os.environ["PYTHONPATH"]}}}
    return {"num_cpus": cpus, "object_store_memory": OBJECT_STORE_BYTES}


def nodes() -> list[Node]:
    """The nodes that are alive, in an order that is the same for every caller."""
    import ray

    found = [
        Node(node["NodeID"], int(node["Resources"].get("CPU", 0)), int(node["Resources"].get("GPU", 0)))
        for node in ray.nodes()
        if node["Alive"]
    ]
    return sorted(found, key=lambda node: node.id)


def told(error: BaseException) -> UserError | None:
    """What a user should read of an error that Ray raised; None for a defect of ours, to be raised as it is."""
    import ray

    cause = getattr(error, "cause", None)
    if isinstance(cause, UserError):
        return cause
    if isinstance(error, ray.exceptions.RayTaskError):
        return None
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if getattr(error, "actor_init_failed", False):
        return UserError(f"an actor failed to start: {lines[-1]}")
    first = lines[0]
    if isinstance(error, ray.exceptions.RayActorError):
        return Resumable(f"an actor of this run died: {first}; run again to resume")
    return Resumable(f"Ray lost a node or a process: {first}; run again to resume") if _is_loss(error) else None


def _is_loss(error: BaseException) -> bool:
    import ray

    lost = ray.exceptions
    kinds = (
        *(lost.LocalRayletDiedError, lost.NodeDiedError, lost.ObjectLostError, lost.WorkerCrashedError),
        *(lost.RaySystemError, lost.RpcError, lost.GetTimeoutError),
    )
    return isinstance(error, kinds)
