"""Special oracles of EvalPlus, by the name of the function: problems that have more than one right answer.

Restated from evalplus 0.3.1, evalplus/eval/_special_oracle.py and evalplus/eval/__init__.py. Each says what stands in
for equality; exceptions mean a failed test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

Oracle = Callable[[Any, Any, Sequence[Any], float], bool]


def find_zero(got: Any, args: Sequence[Any], absolute: float) -> bool:
    """HumanEval/32: the polynomial with coefficients args[0], lowest first, is within `absolute` of 0 at `got`."""
    (coefficients,) = args
    return abs(sum(factor * math.pow(got, power) for power, factor in enumerate(coefficients))) <= absolute


def _anything(got: Any, expected: Any, args: Sequence[Any], absolute: float) -> bool:
    """Mbpp/164, are_equivalent: the statement does not say enough."""
    return True


def _or_zero(got: Any, expected: Any, args: Sequence[Any], absolute: float) -> bool:
    """Mbpp/295, sum_div."""
    return bool(got == expected or got == 0)


def _surface_area(got: Any, expected: Any, args: Sequence[Any], absolute: float) -> bool:
    """Mbpp/581: the height of a square pyramid may also be read as the distance from base to apex."""
    edge, height = args
    slant = math.sqrt((edge / 2) ** 2 + height**2)
    return bool(got == expected) or abs(got - round(edge**2 + 2 * edge * slant)) <= absolute


def _digit_distance(got: Any, expected: Any, args: Sequence[Any], absolute: float) -> bool:
    """Mbpp/558: the sum of the differences of digits, the shorter number filled up with zeros in front."""
    left, right = (str(number)[::-1] for number in args)
    return bool(got == expected) or got == sum(
        abs(int(one) - int(other)) for one, other in zip_longest(left, right, fillvalue="0")
    )


def _same_set(got: Any, expected: Any, args: Sequence[Any], absolute: float) -> bool:
    """Lists whose order and repetitions do not count."""
    return set(got) == set(expected)


def _is_found(got: Any, expected: Any, args: Sequence[Any], absolute: float) -> bool:
    """Functions that return a truth or, as the original data has it, anything but None for true."""
    return bool(got == expected) if isinstance(got, bool) else bool(expected == (got is not None))


_SAME_SET = (
    "similar_elements",  # Mbpp/2
    "find_char_long",  # Mbpp/7
    "common_in_nested_lists",  # Mbpp/111
    "extract_singly",  # Mbpp/140
    "larg_nnum",  # Mbpp/232
    "intersection_array",  # Mbpp/249
    "find_dissimilar",  # Mbpp/579
    "Diff",  # Mbpp/769
)
_IS_FOUND = ("check_str", "text_match_three", "text_starta_endb")

ORACLES: dict[str, Oracle] = {
    "are_equivalent": _anything,
    "sum_div": _or_zero,
    "surface_Area": _surface_area,
    "digit_distance_nums": _digit_distance,
    **dict.fromkeys(_SAME_SET, _same_set),
    **dict.fromkeys(_IS_FOUND, _is_found),
}
