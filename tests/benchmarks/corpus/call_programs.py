"""Honest functions, called with plain arguments."""

from __future__ import annotations

import random
from typing import Any

from .problem import Problem, numbers, size, words

Arguments = list[Any]


def _sorted_lists(rng: random.Random) -> Arguments:
    return [sorted(numbers(rng, 0, 90, size(rng, 0, 120))) for _ in range(2)]


def _nested(rng: random.Random, depth: int = 5) -> list[Any]:
    return [
        _nested(rng, depth - 1) if depth and rng.random() < 0.4 else rng.randint(0, 9) for _ in range(rng.randint(0, 6))
    ]


def _matrix(rng: random.Random) -> Arguments:
    height, width = size(rng, 1, 16), size(rng, 1, 16)
    return [[numbers(rng, -9, 9, width) for _ in range(height)]]


def _expression(rng: random.Random, depth: int = 6) -> str:
    if depth == 0 or rng.random() < 0.25:
        return str(rng.randint(0, 12))
    left, right = _expression(rng, depth - 1), _expression(rng, depth - 1)
    joined = f"{left}{rng.choice('+-*')}{right}"
    return f"({joined})" if rng.random() < 0.5 else joined


MERGE = """
def merge(a, b):
    merged = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] <= b[j]:
            merged.append(a[i])
            i += 1
        else:
            merged.append(b[j])
            j += 1
    return merged + a[i:] + b[j:]
"""

ROMAN = """
def roman(number):
    symbols = [(100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    text = ""
    for value, symbol in symbols:
        while number >= value:
            text += symbol
            number -= value
    return text
"""

BEST_STRETCH = """
def best_stretch(values):
    best = here = values[0]
    for value in values[1:]:
        here = max(value, here + value)
        best = max(best, here)
    return best
"""

FLATTEN = """
def flatten(items):
    flat = []
    for item in items:
        if isinstance(item, list):
            flat.extend(flatten(item))
        else:
            flat.append(item)
    return flat
"""

EDIT_DISTANCE = """
from functools import lru_cache

def edit_distance(a, b):
    @lru_cache(maxsize=None)
    def cost(i, j):
        if i == 0 or j == 0:
            return i + j
        if a[i - 1] == b[j - 1]:
            return cost(i - 1, j - 1)
        return 1 + min(cost(i - 1, j), cost(i, j - 1), cost(i - 1, j - 1))
    return cost(len(a), len(b))
"""

MOST_FREQUENT = """
import heapq
from collections import Counter

def most_frequent(values, count):
    counts = Counter(values)
    return heapq.nsmallest(count, counts, key=lambda value: (-counts[value], value))
"""

QUARTER_TURN = """
def quarter_turn(rows):
    return [list(column)[::-1] for column in zip(*rows)]
"""

SPIRAL = """
def spiral(rows):
    order = []
    top, bottom, left, right = 0, len(rows) - 1, 0, len(rows[0]) - 1
    while top <= bottom and left <= right:
        for column in range(left, right + 1):
            order.append(rows[top][column])
        for row in range(top + 1, bottom + 1):
            order.append(rows[row][right])
        if top < bottom and left < right:
            for column in range(right - 1, left - 1, -1):
                order.append(rows[bottom][column])
            for row in range(bottom - 1, top, -1):
                order.append(rows[row][left])
        top, bottom, left, right = top + 1, bottom - 1, left + 1, right - 1
    return order
"""

EVALUATE = """
class Parser:
    def __init__(self, text):
        self.text = text
        self.place = 0

    def peek(self):
        return self.text[self.place] if self.place < len(self.text) else ""

    def expression(self):
        value = self.product()
        while self.peek() in ("+", "-"):
            sign = self.peek()
            self.place += 1
            other = self.product()
            value = value + other if sign == "+" else value - other
        return value

    def product(self):
        value = self.atom()
        while self.peek() == "*":
            self.place += 1
            value *= self.atom()
        return value

    def atom(self):
        if self.peek() == "(":
            self.place += 1
            value = self.expression()
            self.place += 1
            return value
        start = self.place
        while self.peek().isdigit():
            self.place += 1
        return int(self.text[start:self.place])

def evaluate(text):
    return Parser(text).expression()
"""

CHANGE = """
def change(coins, amount):
    fewest = [0] + [None] * amount
    for total in range(1, amount + 1):
        ways = [fewest[total - coin] for coin in coins if coin <= total and fewest[total - coin] is not None]
        if ways:
            fewest[total] = min(ways) + 1
    return fewest[amount]
"""

CALL_PROBLEMS = [
    Problem("merge", MERGE, _sorted_lists, "merge"),
    Problem("roman", ROMAN, lambda rng: [rng.randint(1, 399)], "roman"),
    Problem("best stretch", BEST_STRETCH, lambda rng: [numbers(rng, -9, 9, size(rng, 1, 200))], "best_stretch"),
    Problem("flatten", FLATTEN, lambda rng: [_nested(rng)], "flatten"),
    Problem("edit distance", EDIT_DISTANCE, lambda rng: words(rng, "abc", 20, 2), "edit_distance"),
    Problem(
        "most frequent",
        MOST_FREQUENT,
        lambda rng: [numbers(rng, 0, 9, size(rng, 4, 200)), rng.randint(1, 4)],
        "most_frequent",
    ),
    Problem("quarter turn", QUARTER_TURN, _matrix, "quarter_turn"),
    Problem("spiral", SPIRAL, _matrix, "spiral"),
    Problem("evaluate", EVALUATE, lambda rng: [_expression(rng)], "evaluate"),
    Problem("change", CHANGE, lambda rng: [sorted(rng.sample(range(2, 12), 3)), size(rng, 0, 150)], "change"),
]
