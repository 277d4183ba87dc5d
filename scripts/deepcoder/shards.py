"""Which part of a model's samples one job draws, so that many jobs draw them all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deepcoder.errors import UserError


@dataclass(frozen=True)
class Shard:
    """One of several equal parts of the samples of some problems.

    Attributes:
        number: 0 .. of-1.
        of: how many parts there are.
    """

    number: int = 0
    of: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.of:
            raise UserError(f"there is no shard {self.number} of {self.of}; they are numbered from 0")

    def draws(self, problems: Iterable[str], samples: int) -> dict[str, list[int]]:
        """Sample numbers by problem that fall to this part.

        Pairs of problem and number are dealt out in turn, in the order of problem ids and then of numbers: parts
        differ by at most one sample, a problem whose responses are long is spread over many, and the order in which
        the problems come is of no matter.
        """
        found = {}
        for place, problem in enumerate(sorted(problems)):
            first = place * samples
            found[problem] = [n for n in range(samples) if (first + n) % self.of == self.number]
        return found


WHOLE = Shard()
