r"""Values of short LaTeX expressions, to 40 digits: numbers, letters, + - * / ^, \frac, \sqrt, \pi and brackets.

What a model writes is read by this grammar and computed by `decimal`; nothing of it is ever evaluated as Python. A
letter stands for a fixed number, so that two expressions with letters are equal where they agree at several points.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Context, Decimal, DecimalException

DIGITS = 40
AGREEING = Decimal("1e-25")  # relative difference below which two values are one
LARGEST_EXPONENT = 1000
LONGEST = 300  # characters; the grammar is read by recursion
POINTS = 3  # at which expressions with letters are compared
PI = Decimal("3.1415926535897932384626433832795028841971693993751")
GOLDEN = Decimal("0.6180339887498948482045868343656381177203091798058")
TOKEN = re.compile(r"\d+(?:\.\d*)?|\.\d+|\\[a-zA-Z]+|[a-zA-Z]|[-+*/^(){}\[\]]")
WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")  # no product of letters
TIMES = {"*", "\\cdot", "\\times"}
CLOSING = {"(": ")", "{": "}", "[": "]"}
CONTEXT = Context(prec=DIGITS)


class Unreadable(Exception):
    """A text is no expression of the grammar, or has no value."""


def same_value(left: str, right: str) -> bool:
    """Whether two normalised texts are expressions with the same letters and equal values."""
    try:
        if _letters(left) != _letters(right):
            return False
        return all(_close(value(left, point), value(right, point)) for point in range(POINTS))
    except (Unreadable, DecimalException, RecursionError):
        return False


def value(text: str, point: int = 0) -> Decimal:
    """Value of an expression, its letters standing for the numbers of a point.

    Raises:
        Unreadable: it is none.
        DecimalException: it has no value, as 1/0.
    """
    if len(text) > LONGEST or TOKEN.sub("", text) or WORD.search(text):
        raise Unreadable(text)
    reader = _Reader(TOKEN.findall(text), point)
    found = reader.sum()
    if reader.left:
        raise Unreadable(text)
    return found


def _letters(text: str) -> set[str]:
    return {token for token in TOKEN.findall(text) if len(token) == 1 and token.isalpha()}


def _close(left: Decimal, right: Decimal) -> bool:
    difference = CONTEXT.abs(CONTEXT.subtract(left, right))
    return difference <= CONTEXT.multiply(AGREEING, max(Decimal(1), abs(left), abs(right)))


class _Reader:
    """Recursive descent over tokens; each method takes what it reads away."""

    def __init__(self, tokens: list[str], point: int) -> None:
        self.left, self._point = tokens[::-1], point

    def sum(self) -> Decimal:
        total = self._product()
        while (sign := self._next()) in ("+", "-"):
            self.left.pop()
            total = (CONTEXT.add if sign == "+" else CONTEXT.subtract)(total, self._product())
        return total

    def _product(self) -> Decimal:
        result = self._signed()
        while (token := self._next()) is not None and token not in ("+", "-", ")", "}", "]"):
            if token == "/" or token in TIMES:
                self.left.pop()
            factor = self._signed()
            result = (CONTEXT.divide if token == "/" else CONTEXT.multiply)(result, factor)
        return result

    def _signed(self) -> Decimal:
        if self._next() in ("+", "-"):
            sign = self.left.pop()
            found = self._signed()
            return CONTEXT.minus(found) if sign == "-" else found
        return self._power()

    def _power(self) -> Decimal:
        base = self._atom()
        if self._next() != "^":
            return base
        self.left.pop()
        exponent = self._argument()
        if abs(exponent) > LARGEST_EXPONENT:
            raise Unreadable("an exponent is too large")
        return CONTEXT.power(base, exponent)

    def _atom(self) -> Decimal:
        token = self._take()
        if token[0].isdigit() or token[0] == ".":
            return CONTEXT.create_decimal(token)
        if token in CLOSING:
            return self._until(CLOSING[token])
        if token.isalpha() and len(token) == 1:
            return CONTEXT.power(CONTEXT.add(GOLDEN, Decimal(ord(token) % 29)), Decimal(self._point + 1) / 2)
        known: dict[str, Callable[[], Decimal]] = {"\\pi": lambda: PI, "\\frac": self._fraction, "\\sqrt": self._root}
        if token not in known:
            raise Unreadable(token)
        return known[token]()

    def _fraction(self) -> Decimal:
        above = self._argument()
        return CONTEXT.divide(above, self._argument())

    def _root(self) -> Decimal:
        degree = Decimal(2)
        if self._next() == "[":
            self.left.pop()
            degree = self._until("]")
        return CONTEXT.power(self._argument(), CONTEXT.divide(Decimal(1), degree))

    def _argument(self) -> Decimal:
        r"""What follows a command: a group in braces, or one symbol, which of a number is its first digit (\frac12)."""
        token = self._take()
        if token == "{":
            return self._until("}")
        if token.isdigit():
            self.left += [token[1:]] if token[1:] else []
            return Decimal(token[0])
        self.left.append(token)
        return self._signed() if token in ("+", "-") else self._atom()

    def _until(self, closing: str) -> Decimal:
        found = self.sum()
        if self._take() != closing:
            raise Unreadable(closing)
        return found

    def _next(self) -> str | None:
        return self.left[-1] if self.left else None

    def _take(self) -> str:
        if not self.left:
            raise Unreadable("the end")
        return self.left.pop()
