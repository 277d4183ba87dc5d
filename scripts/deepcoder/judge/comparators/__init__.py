"""Named comparators: pure functions from what a program gave and what was expected to right or wrong.

Each has a form for standard output (bytes) and one for returned plain data. They run in the judge, outside the
sandbox, on bytes and built-in types alone, so that nothing of the program's is ever called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from deepcoder.errors import UserError
from deepcoder.judge.comparators import evalplus, exact, livecodebench, released, tokens

StdoutComparator = Callable[[bytes, bytes], bool]
ValueComparator = Callable[[Any, Any], bool]
CallComparator = Callable[[Any, Any, Sequence[Any], str], bool]


@dataclass(frozen=True)
class Comparator:
    """`stdout(got, expected)` and `value(got, expected)`; None where the original has no such form.

    `call(got, expected, args, fn_name)` takes the place of `value` where the right answer depends on the call.
    `ignores_exit_status`: the output of a stdin program that failed is compared all the same.
    """

    name: str
    stdout: StdoutComparator | None
    value: ValueComparator | None
    ignores_exit_status: bool = False
    call: CallComparator | None = None

    def accepts(self, got: Any, expected: Any, args: Sequence[Any], fn_name: str) -> bool:
        """Whether a function may return `got` for `args`."""
        if self.call is not None:
            return self.call(got, expected, args, fn_name)
        return self.value is not None and self.value(got, expected)


def evalplus_comparator(name: str, absolute: float) -> Comparator:
    """EvalPlus' comparison with an absolute tolerance; 0 where the problem states none."""
    how = evalplus.EvalPlus(absolute)
    return Comparator(name, None, how.compare_value, call=how.compare_call)


def released_comparator(name: str, how: released.Released) -> Comparator:
    """The released comparison with chosen defects."""
    return Comparator(name, how.compare_stdout, how.compare_value, how.ignore_exit_status)


COMPARATORS: dict[str, Comparator] = {
    "tokens": Comparator("tokens", tokens.compare_stdout, tokens.compare_value),
    "exact": Comparator("exact", exact.compare_stdout, exact.compare_value),
    "as_released": released_comparator("as_released", released.AS_RELEASED),
    "livecodebench": Comparator("livecodebench", livecodebench.compare_stdout, livecodebench.compare_value),
    "evalplus": evalplus_comparator("evalplus", 0.0),
    # Lets every output pass on to the submission's own checker, which decides (judge/checking.py).
    "checker": Comparator("checker", lambda got, expected: True, None),
}


def comparator(name: str) -> Comparator:
    """The comparator called `name`; raises UserError that lists the known ones.

    `evalplus:ATOL` is evalplus with that absolute tolerance (a property of the problem).
    """
    if name.startswith("evalplus:"):
        return evalplus_comparator(name, _number(name))
    if name not in COMPARATORS:
        raise UserError(f"comparator {name!r} is unknown; give one of {', '.join(COMPARATORS)} or evalplus:ATOL")
    return COMPARATORS[name]


def _number(name: str) -> float:
    try:
        return float(name.partition(":")[2])
    except ValueError as error:
        raise UserError(f"comparator {name!r}: the tolerance after the colon must be a number") from error
