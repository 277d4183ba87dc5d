"""`evalplus`: the comparison of EvalPlus on returned plain data, with its special oracles.

Restated from evalplus 0.3.1 (evalplus@26d6d00), evalplus/eval/__init__.py: Python's equality, or what an oracle says
in its place; where that fails, an absolute tolerance (the problem's, or 1e-6 where the expected value is a float or a
list or tuple of floats) with relative tolerance 1e-7 as in `numpy.allclose`, element by element, the types being equal.

Three differences, each where the original depends on something outside the test: a tolerance of 1e-6 once given for a
float does not stay on for later tests; a returned numpy scalar counts as the number it holds; HumanEval/32 passes when
its oracle says so (in 0.3.1 its verdict is never noted, so that the problem always fails).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepcoder.judge.comparators.oracles import ORACLES, find_zero

RELATIVE, FLOAT_ABSOLUTE, ROOT_ABSOLUTE = 1e-7, 1e-6, 1e-4


class EvalPlus:
    """The comparison with a problem's absolute tolerance (0: it states none)."""

    def __init__(self, absolute: float = 0.0) -> None:
        self.absolute = absolute

    def compare_value(self, got: Any, expected: Any) -> bool:
        """As for a function that has no oracle."""
        return self.compare_call(got, expected, (), "")

    def compare_call(self, got: Any, expected: Any, args: Sequence[Any], fn_name: str) -> bool:
        """Whether `fn_name` may return `got` for `args`, where the reference returned `expected`.

        find_zero, a root of the polynomial args[0], is right within the tolerance, 1e-4 (the one that HumanEval+
        states for it) where the problem states none.
        """
        try:
            if fn_name == "find_zero":
                return find_zero(got, args, self.absolute or ROOT_ABSOLUTE)
            oracle = ORACLES.get(fn_name)
            equal = bool(got == expected) if oracle is None else oracle(got, expected, args, self.absolute)
            return equal or self._is_close(got, expected)
        except (TypeError, ValueError, ArithmeticError, RecursionError):
            # The original calls any exception of its comparison a failed test.
            return False

    def _is_close(self, got: Any, expected: Any) -> bool:
        absolute = FLOAT_ABSOLUTE if self.absolute == 0 and _is_floats(expected) else self.absolute
        return absolute != 0 and type(got) is type(expected) and _all_close(got, expected, absolute)


def _is_floats(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _all_close(got: Any, expected: Any, absolute: float) -> bool:
    if isinstance(expected, list | tuple):
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            return False
        return all(_all_close(left, right, absolute) for left, right in zip(got, expected, strict=True))
    if not isinstance(got, int | float | complex) or not isinstance(expected, int | float | complex):
        return False
    if got == expected:
        return True
    # Infinities differ by nan or infinity, which is within no tolerance of a finite size.
    difference, size = abs(got - expected), abs(expected)
    return size != float("inf") and difference <= absolute + RELATIVE * size
