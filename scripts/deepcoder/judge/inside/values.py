"""Plain data across the wall, from the inside: tagged JSON of arguments and returned values. Standard library only."""

from __future__ import annotations

import types
from typing import Any

DETAIL_CHARS = 300
MAX_PLAIN_INT_BITS = 2048


class NotPlain(Exception):
    """The returned value is no plain data."""


def decode(node: Any) -> Any:
    """Plain value from its tagged JSON form (the inverse of `plain`)."""
    if isinstance(node, list):
        return [decode(item) for item in node]
    if not isinstance(node, dict):
        return node
    ((tag, body),) = node.items()
    if tag == "d":
        return {decode(key): decode(value) for key, value in body}
    if tag == "i":
        return int(body, 16)
    if tag == "b":
        return bytes.fromhex(body)
    if tag == "c":
        return complex(*body)
    return {"t": tuple, "s": set, "f": frozenset}[tag](decode(item) for item in body)


def plain(value: Any) -> Any:
    """Tagged JSON form of a value made of plain data; subclasses lose their methods.

    Numpy scalars and arrays are unwrapped, a generator is run to its end and stands for a list.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        number = int.__add__(value, 0)
        return number if number.bit_length() <= MAX_PLAIN_INT_BITS else {"i": hex(number)}
    if isinstance(value, float):
        return float.__add__(value, 0.0)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list):
        return [plain(item) for item in list.__iter__(value)]
    if isinstance(value, tuple):
        return {"t": [plain(item) for item in tuple.__iter__(value)]}
    if isinstance(value, dict):
        return {"d": [[plain(key), plain(item)] for key, item in dict.items(value)]}
    if isinstance(value, (set, frozenset)):
        iterator = set.__iter__(value) if isinstance(value, set) else frozenset.__iter__(value)
        return {"s" if isinstance(value, set) else "f": [plain(item) for item in iterator]}
    if isinstance(value, (bytes, bytearray)):
        return {"b": bytes(value).hex()}
    if isinstance(value, complex):
        return {"c": [value.real, value.imag]}
    if isinstance(value, types.GeneratorType):
        return [plain(item) for item in value]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return plain(value.tolist())
    raise NotPlain(f"returned {type(value).__name__}, which is no plain data"[:DETAIL_CHARS])
