"""Honest programs that use numpy, on standard input and as functions."""

from __future__ import annotations

import random

from .problem import Problem, line, numbers, size


def _values(rng: random.Random) -> str:
    return line(numbers(rng, -20, 20, size(rng, 2, 200)))


def _rows(rng: random.Random) -> str:
    height, width = size(rng, 1, 20), size(rng, 2, 20)
    return f"{height} {width}\n" + "".join(line(numbers(rng, -9, 9, width)) for _ in range(height))


def _two_lists(rng: random.Random) -> list[list[int]]:
    count = size(rng, 1, 40)
    return [numbers(rng, -9, 9, count), numbers(rng, -9, 9, count)]


RUNNING_SUMS = """
import numpy as np

values = np.array(input().split(), dtype=np.int64)
print(*np.cumsum(values).tolist())
"""

COUNTS = """
import sys
import numpy as np

values, counts = np.unique(np.array(sys.stdin.read().split(), dtype=int), return_counts=True)
for value, count in zip(values, counts):
    print(int(value), int(count))
"""

TOTALS = """
import sys
import numpy as np

height, width = map(int, sys.stdin.readline().split())
table = np.array([sys.stdin.readline().split() for _ in range(height)], dtype=int).reshape(height, width)
print(*table.sum(axis=0).tolist())
print(*table.max(axis=1).tolist())
"""

GRAM = """
import numpy as np

height, width = map(int, input().split())
table = np.array([list(map(int, input().split())) for _ in range(height)])
for row in (table @ table.T).tolist():
    print(*row)
"""

RANKS = """
import numpy as np

values = np.array(list(map(int, input().split())))
order = np.argsort(values, kind="stable")
ranks = np.empty(len(values), dtype=int)
ranks[order] = np.arange(len(values))
print(*ranks.tolist())
"""

FAR_FROM_MEAN = """
import numpy as np

values = np.array(list(map(int, input().split())), dtype=float)
far = values[np.abs(values - values.mean()) > values.std()]
print(len(far))
print(f"{far.sum():.3f}")
"""

SIEVE = """
import numpy as np

limit = max(abs(int(word)) for word in input().split()) + 2
sieve = np.ones(limit + 1, dtype=bool)
sieve[:2] = False
for p in range(2, int(limit ** 0.5) + 1):
    if sieve[p]:
        sieve[p * p :: p] = False
print(*np.flatnonzero(sieve).tolist())
"""

CONVOLVE = """
import numpy as np

def convolve(a, b):
    return np.convolve(a, b).tolist()
"""

CLIPPED = """
import numpy as np

def clipped(a, b):
    first, second = np.array(a), np.array(b)
    return np.where(first > second, first - second, 0).tolist()
"""

OUTER = """
import numpy as np

def outer(a, b):
    table = np.multiply.outer(a, b)
    return [int(table.trace()), table.tolist()]
"""

NUMPY_PROBLEMS = [
    Problem("running sums", RUNNING_SUMS, _values),
    Problem("counts", COUNTS, _values),
    Problem("totals", TOTALS, _rows),
    Problem("gram", GRAM, _rows),
    Problem("ranks", RANKS, _values),
    Problem("far from mean", FAR_FROM_MEAN, _values),
    Problem("sieve", SIEVE, _values),
    Problem("convolve", CONVOLVE, _two_lists, "convolve"),
    Problem("clipped", CLIPPED, _two_lists, "clipped"),
    Problem("outer", OUTER, _two_lists, "outer"),
]
