"""The judge of a run: sandboxes of this process, or of every node that the run's Ray holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from deepcoder.cluster.ray import ADDRESS, joined_ray, nodes
from deepcoder.judge.cluster import RayJudge
from deepcoder.judge.interface import JudgeInterface
from deepcoder.judge.pool import JudgePool


@contextmanager
def open_judge(workers: int, isolation: str, comparator: str) -> Iterator[JudgeInterface]:
    """A judge with `workers` sandboxes on each node: those of the Ray that RAY_ADDRESS names, else this one alone.

    Verdicts do not depend on where a program ran. Raises UserError where the isolation does not work, Resumable where
    Ray cannot be reached.
    """
    if not os.environ.get(ADDRESS):
        with JudgePool(workers, isolation, comparator) as pool:
            yield pool
        return
    with joined_ray():
        held = [node.id for node in nodes()]
        if len(held) < 2:
            with JudgePool(workers, isolation, comparator) as pool:
                yield pool
            return
        with RayJudge(len(held), workers, isolation, comparator, nodes=held) as judge:
            yield judge
        print(f"verdicts by node: {', '.join(map(str, judge.judged))}", flush=True)
