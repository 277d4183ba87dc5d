"""Checkers for problems whose statement allows several outputs, where a comparison can tell which are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deepcoder.config.schema import Verification
from deepcoder.curation.wording import Wording, wordings

Row = Mapping[str, Any]
UNDECIDED = "any_answer"  # no comparison with one expected output tells right from wrong
KNOWN_TOLERANCE = 1e-6  # comparator tokens allows it anyway

# Runs in the sandbox as comparator "checker" asks (deepcoder.judge.checking).
SOURCE = """
import re
import sys
from decimal import Decimal

NUMERAL = re.compile(r"[+-]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d{1,6})?")

def lines_of(name):
    with open(name, encoding="utf-8", errors="surrogateescape") as handle:
        text = handle.read().strip()
    return [(line.casefold() if ANY_CASE else line).split() for line in text.split("\\n")]

def same_token(got, expected):
    if got == expected:
        return True
    if not (NUMERAL.fullmatch(got) and NUMERAL.fullmatch(expected)):
        return False
    left, right = Decimal(got), Decimal(expected)
    if left == right:
        return True
    loose = any(mark in expected for mark in ".eE")
    return loose and abs(left - right) <= Decimal(TOLERANCE) * max(Decimal(1), abs(right))

def same_lines(got, expected):
    return len(got) == len(expected) and all(map(same_line, got, expected))

def same_line(got, expected):
    return len(got) == len(expected) and all(map(same_token, got, expected))

got, expected = lines_of(sys.argv[2]), lines_of(sys.argv[3])
right = same_lines(got, expected)
if ANY_ORDER and not right:
    right = same_lines(sorted(got), sorted(expected)) or same_lines(list(map(sorted, got)), list(map(sorted, expected)))
sys.exit(0 if right else 1)
"""


@dataclass(frozen=True)
class Checker:
    """A checker; `name` says what it allows, `source` is its program."""

    name: str
    source: str


def checker_for(problem: Row, policy: Verification) -> Checker | None:
    """The checker that decides what the statement allows; None where the curation's comparator is to decide.

    Any order: whole lines may change places, or tokens inside their lines, but not both, so that a list of edges is no
    bag of numbers. Any case: letters. A tolerance: that of the statement, where it is wider than the comparator's.
    Only programs that print have one, and only where policy.several_answers is "checker".
    """
    if policy.several_answers != "checker" or problem["kind"] != "stdin":
        return None
    found = wordings(problem["statement"])
    kinds = {wording.kind for wording in found}
    tolerance = max([KNOWN_TOLERANCE, *(wording.tolerance for wording in found)])
    names: list[str] = [kind for kind in ("any_order", "any_case") if kind in kinds]
    if tolerance > KNOWN_TOLERANCE:
        names.append(f"tolerance {tolerance:g}")
    if not names or UNDECIDED in kinds:
        return None
    constants = (
        f"ANY_ORDER = {'any_order' in kinds}\nANY_CASE = {'any_case' in kinds}\nTOLERANCE = {f'{tolerance:g}'!r}\n"
    )
    return Checker(", ".join(names), constants + SOURCE)


def undecided(problem: Row, policy: Verification) -> Wording | None:
    """The sentence by which a problem has several answers that its tests cannot tell from wrong ones.

    Any order counts where no checker decides it. The case of letters and a tolerance never count: references answer in
    the case that the statement shows, and comparator tokens takes numbers within 1e-6.
    """
    if policy.several_answers == "keep" or problem["kind"] == "answer":
        return None
    decided = checker_for(problem, policy) is not None
    blocking = [UNDECIDED] if decided else [UNDECIDED, "any_order"]
    return strongest(wordings(problem["statement"]), blocking)


def strongest(found: Sequence[Wording], kinds: Sequence[str]) -> Wording | None:
    """The first of these wordings that is of one of the kinds."""
    return next((wording for wording in found if wording.kind in kinds), None)
