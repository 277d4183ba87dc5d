"""A small problem: an honest program, a maker of its inputs, and tests made from both."""

from __future__ import annotations

import contextlib
import io
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

TESTS = 15
Make = Callable[[random.Random], Any]


@dataclass(frozen=True)
class Problem:
    """`make` returns the text on standard input, or the list of arguments of `fn_name`."""

    name: str
    program: str
    make: Make
    fn_name: str | None = None

    @property
    def kind(self) -> str:
        """Stdin or call, as a submission names it."""
        return "call" if self.fn_name else "stdin"

    def tests(self, count: int = TESTS) -> list[dict[str, Any]]:
        """Tests of a submission; what the program answers here, in this process, is what is expected."""
        rng = random.Random(self.name)
        code = compile(self.program, self.name, "exec")
        return [self._test(code, self.make(rng)) for _ in range(count)]

    def _test(self, code: Any, made: Any) -> dict[str, Any]:
        if self.fn_name:
            names: dict[str, Any] = {"__name__": "solution"}
            exec(code, names)
            return {"args": made, "expected": names[self.fn_name](*made)}
        return {"input": made, "output": run_here(code, made)}


def run_here(code: Any, given: str) -> str:
    """What a compiled program prints when it runs in this process."""
    printed = io.StringIO()
    with mock.patch.object(sys, "stdin", io.StringIO(given)), contextlib.redirect_stdout(printed):
        exec(code, {"__name__": "__main__"})
    return printed.getvalue()


def size(rng: random.Random, least: int, most: int) -> int:
    """A size of an input, small ones more often: the edges of a program are there."""
    return least + int((most - least + 1) * rng.random() ** 2)


def numbers(rng: random.Random, low: int, high: int, count: int) -> list[int]:
    """`count` numbers from `low` to `high`."""
    return [rng.randint(low, high) for _ in range(count)]


def line(values: Any) -> str:
    """Values on one line of input."""
    return " ".join(map(str, values)) + "\n"


def words(rng: random.Random, alphabet: str, longest: int, count: int) -> list[str]:
    """`count` words of 1 to `longest` letters."""
    return ["".join(rng.choice(alphabet) for _ in range(rng.randint(1, longest))) for _ in range(count)]
