"""A problem's tests as a few numbers, made once at normalise: two problems share tests where they share numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from deepcoder.schemas.plain import canonical_text

KEPT = 64  # of a problem, so that 100 MB of tests are 512 bytes
LONGEST = 255  # bytes of an output that are counted


def digests_of_tests(tests: Iterable[Mapping[str, Any]]) -> list[int]:
    """The KEPT smallest digests of a problem's tests, sorted: a bottom-k sketch, so that any two compare.

    A digest is 56 bits of a hash of input and output (white space counts as one blank), then 8 bits that say how long
    the output is in bytes. Of the tests with one output only the smallest counts, so that answers which are nearly
    always the same (yes and no) are hardly any evidence.
    """
    by_output: dict[bytes, int] = {}
    for test in tests:
        given, output = _normal(test["input" if "input" in test else "args"]), _normal(_output(test))
        key = _hash(output)
        number = int.from_bytes(_hash(given, output)[:7], "big") << 8 | min(len(output), LONGEST)
        by_output[key] = min(number, by_output.get(key, number))
    return sorted(by_output.values())[:KEPT]


def _output(test: Mapping[str, Any]) -> Any:
    return test["output"] if "output" in test else test["expected"]


def _normal(value: Any) -> bytes:
    text = value if isinstance(value, str) else canonical_text(value)
    return b" ".join(text.encode("utf-8", "surrogatepass").split())


def _hash(*parts: bytes) -> bytes:
    total = hashlib.blake2b(digest_size=8)
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.digest()
