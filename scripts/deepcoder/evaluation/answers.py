r"""Grade short mathematical answers: the last \boxed{...}, normalised, then equal as numbers, expressions or texts.

AIME's answers are whole numbers from 0 to 999, for which this is exact. Lists, tuples and sets are compared item by
item, other answers as expressions (see expressions.py).
"""

from __future__ import annotations

import re
from fractions import Fraction

from deepcoder.evaluation.expressions import same_value

THINKING, THINKING_END = "<think>", "</think>"
BOX = re.compile(r"\\f?boxed\s*\{")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
FRACTION = re.compile(r"([+-]?)\\frac\{([+-]?\d+)\}\{([+-]?\d+)\}")
RATIO = re.compile(r"([+-]?\d+)/([+-]?\d+)")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?")
NAMED = re.compile(r"[a-zA-Z]=(?=[^=]+$)")
ITEMS = re.compile(r"(?P<open>\(|\[|\\\{|)(?P<items>.+?)(?P<close>\)|\]|\\\}|)")
WRAPPERS = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\{([^{}]*)\}")
NOISE = ("\\left", "\\right", "\\!", "\\,", "\\;", "\\ ", "^\\circ", "^{\\circ}", "\\%", "%", "\\$", "$")


def extract_answer(response: str, thinking: bool) -> str | None:
    r"""Content of the last \boxed{...} with balanced braces; None where there is none.

    Args:
        response: the text of the model.
        thinking: only what follows the last `</think>` counts; a response that opens `<think>` and never ends it
            has no answer (the same rule as judge.extract_code).
    """
    if thinking:
        response = response.rpartition(THINKING_END)[2]
        if THINKING in response:
            return None
    answer = None
    for match in BOX.finditer(response):
        content = _balanced(response, match.end())
        answer = answer if content is None else content
    return answer


def same_answer(given: str, expected: str) -> bool:
    """Whether two answers are the same number exactly, or the same text after normalisation."""
    left, right = normalise(given), normalise(expected)
    if "=" not in right:
        left = NAMED.sub("", left, count=1)
    return _same(left, right)


def normalise(answer: str) -> str:
    """Drop LaTeX wrapping, blanks, thousands separators and a final full stop."""
    text = answer.strip()
    for noise in NOISE:
        text = text.replace(noise, "")
    text = WRAPPERS.sub(r"\1", text).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = "".join(text.replace("{,}", ",").split()).rstrip(".")
    return text.replace(",", "") if THOUSANDS.fullmatch(text) else text


def _same(left: str, right: str) -> bool:
    if left == right:
        return left != ""
    numbers = as_number(left), as_number(right)
    if None not in numbers:
        return numbers[0] == numbers[1]
    items = _items(left), _items(right)
    if len(items[0][1]) > 1 or len(items[1][1]) > 1:
        return _same_items(*items)
    return same_value(left, right)


def _items(text: str) -> tuple[str, list[str]]:
    """Brackets of a list, tuple or set, and what stands between its commas that no inner bracket holds."""
    match = ITEMS.fullmatch(text)
    if match is None:
        return "", [text]
    items, depth = [""], 0
    for character in match["items"]:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:  # the outer brackets are no pair
            return "", [text]
        items = [*items, ""] if character == "," and not depth else [*items[:-1], items[-1] + character]
    return match["open"] + match["close"], items


def _same_items(left: tuple[str, list[str]], right: tuple[str, list[str]]) -> bool:
    """Item by item; a set, and a list without brackets, in any order."""
    if left[0] != right[0] or len(left[1]) != len(right[1]):
        return False
    if left[0] not in ("", "\\{\\}"):
        return all(map(_same, left[1], right[1]))
    rest = list(right[1])
    for item in left[1]:
        found = next((other for other in rest if _same(item, other)), None)
        if found is None:
            return False
        rest.remove(found)
    return True


def as_number(text: str) -> Fraction | None:
    """Exact value of a normalised integer, decimal or fraction; None for anything else."""
    if NUMBER.fullmatch(text):
        return Fraction(text if text[-1] != "." else text[:-1])
    if match := FRACTION.fullmatch(text):
        sign, above, below = match.groups()
        return Fraction(int(above), int(below)) * (-1 if sign == "-" else 1) if int(below) else None
    if match := RATIO.fullmatch(text):
        above, below = match.groups()
        return Fraction(int(above), int(below)) if int(below) else None
    return None


def _balanced(text: str, start: int) -> str | None:
    depth = 1
    for position in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position]
    return None
