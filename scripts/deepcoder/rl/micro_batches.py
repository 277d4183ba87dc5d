"""Cut a batch into micro-batches by a token budget, the same way on every rank."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def plan_micro_batches(lengths: Sequence[int], budget: int, ranks: int = 1) -> list[list[int]]:
    """Pack sequences into the fewest micro-batches of even size, so that no rank waits long for another.

    Longest first, each sequence goes to the emptiest micro-batch (Graham's rule, 10.1137/0117039).

    Args:
        lengths: tokens of each sequence.
        budget: most tokens of a micro-batch; a longer sequence is a micro-batch of its own.
        ranks: data-parallel ranks; there are a multiple of them, unless sequences are too few.

    Returns:
        indices into `lengths`, each once, the fullest micro-batch first and the longest sequence first in each.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    number = ranks * -(-sum(lengths) // (budget * ranks))
    while True:
        plan: list[list[int]] = [[] for _ in range(number)]
        loads = [(0, place) for place in range(number)]
        for index in order:
            load, place = loads[0]
            heapq.heapreplace(loads, (load + lengths[index], place))
            plan[place].append(index)
        if all(load <= budget or len(plan[place]) == 1 for load, place in loads):
            return [plan[place] for load, place in sorted(loads, key=lambda item: (-item[0], item[1])) if load]
        number += ranks


def share_of(plan: Sequence[list[int]], rank: int, ranks: int) -> list[list[int]]:
    """The micro-batches of one rank: dealt in turn, and empty ones added so that every rank has as many."""
    rounds = -(-len(plan) // ranks)
    mine = [list(part) for part in plan[rank::ranks]]
    return mine + [[] for _ in range(rounds - len(mine))]
