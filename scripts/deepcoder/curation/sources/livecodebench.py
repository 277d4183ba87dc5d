"""LiveCodeBench [huggingface.co/datasets/livecodebench/code_generation_lite]: public and private tests.

Private tests are JSON, or base64 of zlib of a pickle of JSON text [LiveCodeBench@28fef95 lcb_runner/benchmarks/
code_generation.py]. No pickle is loaded: its opcodes are listed, and any that does not make or remember the one text
is refused.
"""

from __future__ import annotations

import binascii
import pickletools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepcoder.config.schema import Source
from deepcoder.curation.contest import atcoder, codeforces_id, leetcode
from deepcoder.curation.fields import day, text, text_or_none
from deepcoder.curation.hub import fetch_from_hub
from deepcoder.curation.literals import json_value
from deepcoder.curation.reading import read_rows
from deepcoder.curation.rows import Parsed, Reject, Rejected, parse_rows

if TYPE_CHECKING:
    from deepcoder.curation.sandbox import Sandbox

COLUMNS = ("question_id", "question_content", "public_test_cases", "private_test_cases", "contest_date")
OPTIONAL = ("question_title", "starter_code", "metadata", "platform", "contest_id")
LARGEST_TESTS = 512 << 20  # bytes of one problem's private tests unpacked; the real ones reach 100 MB
PIECE = 16 << 20
MOST_ARGUMENTS = 1000  # of a function
TEXT_OPCODES = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
OTHER_OPCODES = {"PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "STOP"}
MOST_OPCODES = 8  # of a text in any protocol, with some to spare


def fetch(source: Source, target: Path) -> list[Path]:
    """The JSON lines of the pinned release."""
    return fetch_from_hub("livecodebench", source, target)


def parse(paths: Sequence[Path], source: Source, sandbox: Sandbox) -> Iterator[Parsed | Rejected]:
    """stdin problems, and function problems where the metadata names the function."""
    return parse_rows(read_rows(paths, COLUMNS, OPTIONAL), _parse_row, "question_id")


def _parse_row(row: Mapping[str, Any]) -> Parsed:
    tests = [*_listed(row["public_test_cases"]), *private_tests(row["private_test_cases"])]
    kinds = {test.get("testtype") for test in tests}
    if kinds not in ({"stdin"}, {"functional"}):
        raise Reject("the test list is empty" if not tests else "tests of several kinds")
    functional = kinds == {"functional"}
    metadata = row.get("metadata") or {}
    if isinstance(metadata, str):
        metadata = json_value(metadata)
    return Parsed(
        source_id=text(row["question_id"], "question_id"),
        statement=text(row["question_content"], "question_content"),
        kind="call" if functional else "stdin",
        tests=[_functional(test) if functional else _stdin(test) for test in tests],
        fn_name=text_or_none(metadata.get("func_name")) if functional else None,
        starter_code=text_or_none(row.get("starter_code")) or "",
        date=day(row["contest_date"]),
        contest_problem=_contest_problem(row),
    )


def _contest_problem(row: Mapping[str, Any]) -> str | None:
    """question_id is 1899_A or abc301_a; that of LeetCode is a number, its question_title the address's last part."""
    platform, identity = row.get("platform"), row["question_id"]
    if platform == "codeforces":
        return codeforces_id(identity)
    if platform == "atcoder":
        return atcoder(identity)
    title = text_or_none(row.get("question_title"))
    return leetcode(title) if platform == "leetcode" and title else None


def private_tests(packed: Any) -> list[dict[str, Any]]:
    """The private tests of a row, read without running anything that they may hold.

    Raises:
        Reject: they are neither JSON nor a packed JSON text.
    """
    if not isinstance(packed, str):
        raise Reject("private_test_cases is no text")
    try:
        return _listed(packed)
    except ValueError:
        pass
    try:
        return _listed(pickled_text(unpacked(packed)))
    except (binascii.Error, zlib.error, ValueError) as error:
        raise Reject(f"private tests cannot be unpacked ({type(error).__name__})") from error


def unpacked(packed: str) -> BytesIO:
    """What the base64 text of a zlib stream holds, in pieces, so that a bomb costs no more than LARGEST_TESTS.

    Raises:
        binascii.Error, zlib.error, ValueError: it is no such text.
        Reject: the stream has no end, or a too late one.
    """
    unpacker, found = zlib.decompressobj(), BytesIO()
    rest = binascii.a2b_base64(packed, strict_mode=True)
    while not unpacker.eof and found.tell() <= LARGEST_TESTS:
        if not found.write(unpacker.decompress(rest, PIECE)):
            break
        rest = unpacker.unconsumed_tail
    if not unpacker.eof:
        raise Reject("private tests are truncated or too large")
    found.seek(0)
    return found


def pickled_text(data: bytes | BytesIO) -> str:
    """The text in a pickle of one text; nothing of the pickle is carried out.

    Raises:
        ValueError: it is cut, or no pickle.
        Reject: it holds anything else.
    """
    texts: list[str] = []
    for number, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if opcode.name in TEXT_OPCODES and not texts:
            texts.append(str(argument))
        elif opcode.name not in OTHER_OPCODES or number >= MOST_OPCODES:
            raise Reject(f"private tests are a pickle of more than a text ({opcode.name})")
    if not texts:
        raise Reject("private tests are a pickle without a text")
    return texts[0]


def _listed(value: Any) -> list[dict[str, Any]]:
    """A JSON text of a list of objects; anything else is a ValueError."""
    if not isinstance(value, str):
        raise ValueError("no text")
    tests = json_value(value)
    if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
        raise ValueError("no list of tests")
    return tests


def _stdin(test: Mapping[str, Any]) -> dict[str, Any]:
    return {"input": test["input"], "output": test["output"]}


def _functional(test: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments are one JSON value a line, the expected value is JSON."""
    if test["input"].count("\n") > MOST_ARGUMENTS:
        raise Reject(f"a call of over {MOST_ARGUMENTS} arguments")
    lines = [line for line in test["input"].split("\n") if line.strip()]
    return {"args": [json_value(line) for line in lines], "expected": json_value(test["output"])}
