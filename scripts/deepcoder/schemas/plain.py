"""Plain data as tagged JSON, for the sandbox's wall and the tests store: decoded to built-in types, never unpickled."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from deepcoder.errors import UserError

MAX_PLAIN_INT_BITS = 2048
MAX_JSON_INT_BITS = 14_284  # Python reads no decimal literal of over 4,300 digits


class NotPlainError(UserError):
    """A value is not made of None, bool, int, float, str, bytes, complex, list, tuple, dict, set."""


def dump_value(value: Any) -> bytes:
    """Encode arguments for the sandbox; raises NotPlainError for anything that is no plain data."""
    return json.dumps(encode(value)).encode("ascii")


def canonical_text(value: Any) -> str:
    """One text for all equal values: items of sets and dicts are sorted; raises NotPlainError as `dump_value`."""
    return json.dumps(encode(value, _sorted_by_text), separators=(",", ":"))


def json_keeps(value: Any) -> bool:
    """Whether plain JSON gives `value` back as it is."""
    if value is None or isinstance(value, bool | float):
        return True
    if isinstance(value, int):
        return value.bit_length() <= MAX_JSON_INT_BITS
    if isinstance(value, str):
        # A lone surrogate has no UTF-8 form.
        return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, list):
        return all(map(json_keeps, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and json_keeps(key) and json_keeps(item) for key, item in value.items())
    return False


def encode(value: Any, ordered: Callable[[list[Any]], list[Any]] = list) -> Any:
    """Tagged JSON form of a value; `ordered` arranges the encoded items of sets and dicts.

    Raises:
        NotPlainError: anything that is no plain data.
    """
    if value is None or isinstance(value, bool | str | float):
        return value
    if isinstance(value, int):
        return value if value.bit_length() <= MAX_PLAIN_INT_BITS else {"i": hex(value)}
    if isinstance(value, list):
        return [encode(item, ordered) for item in value]
    if isinstance(value, dict):
        return {"d": ordered([[encode(key, ordered), encode(item, ordered)] for key, item in value.items()])}
    if isinstance(value, tuple):
        return {"t": [encode(item, ordered) for item in value]}
    if isinstance(value, set | frozenset):
        return {"s" if isinstance(value, set) else "f": ordered([encode(item, ordered) for item in value])}
    if isinstance(value, bytes):
        return {"b": value.hex()}
    if isinstance(value, complex):
        return {"c": [value.real, value.imag]}
    raise NotPlainError(f"{type(value).__name__} is no plain data; give JSON-like arguments")


def _sorted_by_text(items: list[Any]) -> list[Any]:
    return sorted(items, key=json.dumps)


def decode(node: Any) -> Any:
    """Built-in value from its tagged form; raises ValueError on a malformed one."""
    if isinstance(node, list):
        return [decode(item) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) != 1:
        raise ValueError("a tagged value has exactly one tag")
    ((tag, body),) = node.items()
    try:
        if tag == "d":
            return {decode(key): decode(item) for key, item in body}
        if tag == "i":
            return int(body, 16)
        if tag == "b":
            return bytes.fromhex(body)
        if tag == "c":
            return complex(*body)
        return {"t": tuple, "s": set, "f": frozenset}[tag]([decode(item) for item in body])
    except (TypeError, KeyError) as error:
        raise ValueError(f"malformed value: {error}") from error
