"""Texts of rows that hold data or code, read within bounds of memory and time, whatever they say."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from deepcoder.curation.rows import Reject

LARGEST_JSON = 32_000_000  # values of one text; the dearest, short texts outside of Latin-1, take 84 bytes each
LARGEST_LITERAL = 4 << 20  # characters outside of quotes; `ast` takes up to 0.55 KB for each [measured, Python 3.11]

# An open quote reaches to the end, so that no start of a match is tried twice.
_QUOTED = re.compile(r"""'[^'\\]*+(?:\\.[^'\\]*+)*+(?:'|\Z)|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)""", re.DOTALL)
_TRICKY = re.compile(r"\0\0|#|[fFrR]\0")  # triple quotes, comments, formatted texts: Python quotes otherwise


def json_value(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is none.
        Reject: it may hold more than LARGEST_JSON values.
    """
    if text.count(",") + 2 * (text.count("[") + text.count("{")) > LARGEST_JSON:
        raise Reject(f"a JSON text of over {LARGEST_JSON:,} values")
    return json.loads(text)


def literal_or_json(text: Any) -> Any:
    """A value written as JSON or as a Python literal; values that are no text pass through.

    Raises:
        Reject: neither, or too large to be read in a few GB.
    """
    if not isinstance(text, str):
        return text
    try:
        return json_value(text)
    except (ValueError, RecursionError):
        pass
    _check_size(text)
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise Reject(f"neither JSON nor a Python literal ({type(error).__name__})") from None


def python_tree(text: str, what: str) -> ast.Module:
    """The syntax tree of Python source; `what` names it in the rejection.

    Raises:
        Reject: it does not parse, or is too large to be parsed in a few GB.
    """
    _check_size(text)
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Reject(f"{what} does not parse") from None


def _check_size(text: str) -> None:
    if len(text) <= LARGEST_LITERAL:
        return
    bare = _QUOTED.sub("\0", text)
    if len(text if _TRICKY.search(bare) else bare) > LARGEST_LITERAL:
        raise Reject(f"a literal of over {LARGEST_LITERAL:,} characters outside of quotes")
