"""Tests by reference: a content-addressed store, so that rows and messages carry 64 hex digits, not 100 MB.

A reference is the sha256 of the stored text: the canonical JSON of the list of tests, or, where JSON would not give
the tests back (tuples, sets, bytes, complex numbers, keys that are no strings), {"tagged": the form of plain.py}.
stdin tests are {"input", "output"}, call tests {"args", "expected"}.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import atomic_path, sha256_text
from deepcoder.schemas import plain

COMPRESSION = 4  # level 9 takes three times the CPU time for 2% fewer bytes of tests [measured, 100 MB]


class TestsStore:
    """Folder of gzip files named by content; safe for concurrent writers."""

    __test__ = False  # not a pytest class

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def path(self, ref: str) -> Path:
        return self.root / ref[:2] / f"{ref}.json.gz"

    def put(self, tests: Sequence[dict[str, Any]]) -> str:
        """Store a list of tests and return its reference; call `flush` before a manifest names it.

        Raises:
            NotPlainError: a value that is no plain data.
        """
        text = _text(list(tests))
        ref = sha256_text(text)
        path = self.path(ref)
        if not path.exists():
            with atomic_path(path, durable=False) as temporary:
                temporary.write_bytes(gzip.compress(text.encode("utf-8"), COMPRESSION, mtime=0))
        return ref

    def flush(self) -> None:
        """Bring everything stored to the disk: one sync instead of one per problem."""
        os.sync()

    def get(self, ref: str) -> list[dict[str, Any]]:
        """Read a list of tests back; raises UserError as `text` does."""
        return decode_tests(self.text(ref))

    def text(self, ref: str) -> str:
        """The stored form of a list of tests, whose length tells what holding it costs.

        Raises:
            UserError: no such reference, or content that does not hash to it.
        """
        path = self.path(ref)
        try:
            text = gzip.decompress(path.read_bytes()).decode("utf-8")
        except FileNotFoundError as error:
            raise UserError(f"{path}: tests are missing; rerun the normalise rule of this source") from error
        except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
            raise UserError(f"{path}: damaged ({error}); delete it and rerun the normalise rule") from error
        if sha256_text(text) != ref:
            raise UserError(f"{path}: content does not match its name; delete it and rerun the normalise rule")
        return text


def decode_tests(text: str) -> list[dict[str, Any]]:
    """The tests of a stored text."""
    stored = json.loads(text)
    return plain.decode(stored["tagged"]) if isinstance(stored, dict) else stored


def stored_bytes(test: dict[str, Any]) -> int:
    """Bytes of one test in the stored form, before compression."""
    return len(_text([test]).encode("utf-8"))


def _text(tests: list[dict[str, Any]]) -> str:
    if plain.json_keeps(tests):
        return json.dumps(tests, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f'{{"tagged":{plain.canonical_text(tests)}}}'
