"""Curves of characters for a terminal, with or without Unicode."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import mean

EIGHTHS, LEVELS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
STRETCH = 4  # columns of a value at most, where there are few
Curve = Sequence[tuple[int, float]]


def columns_of(values: Sequence[float], width: int) -> list[float]:
    """The values in at most `width` columns, each the mean of the values that fall into it."""
    count = min(width, len(values))
    edges = [round(place * len(values) / count) for place in range(count + 1)] if count else []
    return [mean(values[low:high]) for low, high in pairwise(edges)]


def sparkline(curve: Curve, width: int = 40, unicode: bool = True) -> str:
    """A curve on one line, from its least value to its greatest."""
    values = columns_of([value for _, value in curve], width)
    levels = EIGHTHS if unicode else LEVELS
    return "".join(levels[1 + round(share * (len(levels) - 2))] for share in _shares(values))


def plot(curve: Curve, width: int = 72, height: int = 8, unicode: bool = True) -> list[str]:
    """Lines of a plot with its scale at the left and its first and last step below."""
    means = columns_of([value for _, value in curve], width)
    if not means:
        return []
    values = [value for value in means for _ in range(min(STRETCH, width // len(means)))]
    low, high = min(values), max(values)
    filled = [share * (height * 8 - 1) + 1 for share in _shares(values)]
    lines = []
    for row in reversed(range(height)):
        cells = "".join(_cell(level - row * 8, unicode) for level in filled)
        scale = high if row == height - 1 else low if row == 0 else None
        label = f"{scale:8.3g}" if scale is not None else " " * 8
        lines.append(f"{label} {'┤' if unicode else '|'}{cells}".rstrip())
    first, last = str(curve[0][0]), str(curve[-1][0])
    return [*lines, f"{' ' * 9}{'└' if unicode else '+'}{first}{last:>{max(len(values) - len(first), len(last) + 1)}}"]


def _cell(level: float, unicode: bool) -> str:
    if unicode:
        return EIGHTHS[max(0, min(8, round(level)))]
    return "#" if level >= 4.5 else "." if level >= 0.5 else " "


def _shares(values: Sequence[float]) -> list[float]:
    """Where each value lies between the least and the greatest; all in the middle where they are equal."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]
