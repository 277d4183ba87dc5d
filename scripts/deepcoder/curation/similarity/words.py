"""Words of statements as 64-bit numbers, computed for many statements at once.

The hash of a word is a multilinear hash of its characters modulo 2^64, scrambled; it depends on nothing but the word.
Two different words have one hash with a probability of about 2^-64, which is taken for never.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Positions = NDArray[np.int64]

_WORD = re.compile(r"\w+")
_COMMAND = re.compile(r"\\[A-Za-z]+")  # of TeX
_NOTATION = str.maketrans("", "", "_^{}$")
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_CODES = sys.maxunicode + 1


def normal_text(statement: str) -> str:
    """Words in lower case and Unicode form NFKC, separated by blanks: punctuation and layout do not count.

    Nor does the notation of formulas, in which the copies of a problem differ: $a_{i} \\le 10^{9}$ is ai 109, as it is
    where the notation was lost.
    """
    return " ".join(_WORD.findall(_folded(statement)))


def word_hashes(statements: Sequence[str]) -> tuple[Hashes, Positions]:
    """The hashes of all words of `normal_text`, statement after statement.

    Returns:
        uint64 (words,) and int64 (statements + 1,): the words of statement i are those from offsets[i] to offsets[i+1].
    """
    folded = [_folded(statement) for statement in statements]
    text = "\n".join(folded) + "\n"
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    ends = np.cumsum([len(one) + 1 for one in folded], dtype=np.int64)
    inside = _is_word()[codes]
    starts = np.flatnonzero(inside[1:] > inside[:-1]) + 1
    if inside[0]:
        starts = np.concatenate([[0], starts])
    offsets = np.concatenate([[0], np.searchsorted(starts, ends)]).astype(np.int64)
    if not len(starts):
        return np.empty(0, np.uint64), offsets
    characters = np.flatnonzero(inside)
    firsts = np.searchsorted(characters, starts)
    lengths = np.diff(np.append(firsts, len(characters)))
    places = np.arange(len(characters)) - np.repeat(firsts, lengths)
    factors = multipliers(int(lengths.max()))
    values = _scrambled_codes()[codes[characters]] * factors[places]
    return scramble(np.add.reduceat(values, firsts)), offsets


def multipliers(count: int) -> Hashes:
    """Odd numbers, one for each place in a sequence."""
    return scramble(np.arange(1, count + 1, dtype=np.uint64)) | np.uint64(1)


def scramble(values: Hashes) -> Hashes:
    """A bijection of the 64-bit numbers whose every output bit depends on every input bit.

    It is the finaliser of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
    """
    mixed = values + _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _folded(statement: str) -> str:
    text = statement if statement.isascii() else unicodedata.normalize("NFKC", statement)
    if "\\" in text:
        text = _COMMAND.sub(" ", text)
    return text.translate(_NOTATION).lower()


@cache
def _is_word() -> NDArray[np.bool_]:
    """Whether `\\w` matches a code point."""
    table = np.fromiter(map(str.isalnum, map(chr, range(_CODES))), dtype=np.bool_, count=_CODES)
    table[ord("_")] = True
    return table


@cache
def _scrambled_codes() -> Hashes:
    return scramble(np.arange(_CODES, dtype=np.uint64))
