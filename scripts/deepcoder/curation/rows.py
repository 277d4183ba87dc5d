"""What a source's parser yields: a parsed problem with its tests, or a rejection with its reason."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepcoder.config.schema import Source
from deepcoder.files import sha256_text
from deepcoder.schemas.plain import NotPlainError, encode
from deepcoder.schemas.problem import problem_id
from deepcoder.schemas.tests_store import TestsStore

KINDS = ("stdin", "call", "answer")
POSITION = "#row"  # added to every row: its position in the source, an id for sources without one


class Reject(Exception):
    """Raised by a parser on a row that cannot become a problem; the message is the reason."""


@dataclass(frozen=True)
class Rejected:
    """A row that did not become a problem."""

    source_id: str
    reason: str


@dataclass(frozen=True)
class Parsed:
    """A row as a problem, its tests still at hand.

    `tests` are {"input", "output"} (stdin), {"args", "expected"} (call) or empty (answer); `date` is YYYY-MM-DD;
    `time_limit_s` is the problem's own. `keeps_types` of call tests: tuples, sets and other plain data stay what they
    are, for a comparator that tells them apart; otherwise the tests are JSON, where a tuple is a list.
    """

    source_id: str
    statement: str
    kind: str
    tests: Sequence[Mapping[str, Any]] = ()
    fn_name: str | None = None
    starter_code: str = ""
    solutions: Sequence[str] = field(default_factory=tuple)
    answer: str | None = None
    family: str | None = None
    split: str | None = None  # None: decided by the source's role and dates
    date: str | None = None
    url: str | None = None
    licence: str | None = None  # None: the source's
    time_limit_s: float | None = None
    keeps_types: bool = False


def parse_rows(
    rows: Iterable[Mapping[str, Any]],
    parse_row: Callable[[Mapping[str, Any]], Parsed],
    id_column: str | None,
    mapped: Callable[..., Iterator[Parsed | Rejected]] = map,
) -> Iterator[Parsed | Rejected]:
    """Apply a row parser; a row it cannot read is a rejection, never an error.

    Args:
        id_column: the source's own id, for the rejections; None: the position.
        mapped: `map`, or a parallel one that keeps the order.
    """

    def one(numbered: tuple[int, Mapping[str, Any]]) -> Parsed | Rejected:
        number, row = numbered
        try:
            return checked(parse_row({**row, POSITION: number}))
        except Reject as reason:
            return Rejected(row_id(row, id_column, number), str(reason))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError, MemoryError) as error:
            return Rejected(row_id(row, id_column, number), f"malformed row ({type(error).__name__})")

    return mapped(one, enumerate(rows))


def row_id(row: Mapping[str, Any], id_column: str | None, number: int) -> str:
    """The source's own id of a row, or its position where it has none."""
    value = row.get(id_column) if id_column and isinstance(row, Mapping) else None
    usable = isinstance(value, str | int) and _encodable(str(value))
    return str(value) if usable else f"row-{number}"


def checked(parsed: Parsed) -> Parsed:
    """The problem itself, its tests reduced to plain JSON values (or left plain data, see `Parsed.keeps_types`).

    Raises:
        Reject: it has no statement, no tests or tests of the wrong shape.
    """
    if parsed.kind not in KINDS:
        raise Reject(f"kind {parsed.kind!r} is unknown")
    if not isinstance(parsed.statement, str) or not parsed.statement.strip():
        raise Reject("the statement is empty")
    texts = [parsed.statement, parsed.starter_code, parsed.source_id, *parsed.solutions]
    if not all(isinstance(text, str) and _encodable(text) for text in texts):
        raise Reject("a text is not valid Unicode")
    if parsed.kind == "answer":
        if not parsed.answer:
            raise Reject("the answer is empty")
        return parsed
    if not parsed.tests:
        raise Reject("the test list is empty")
    if parsed.kind == "call" and not parsed.fn_name:
        raise Reject("a function problem without a function name")
    return Parsed(**{**vars(parsed), "tests": [_test(test, parsed) for test in parsed.tests]})


def to_problem(parsed: Parsed, name: str, source: Source, store: TestsStore) -> dict[str, Any]:
    """A row of schemas.problem.PROBLEM; the tests go to the store."""
    return {
        "id": problem_id(name, parsed.source_id),
        "source": name,
        "source_id": parsed.source_id,
        "statement": parsed.statement,
        "starter_code": parsed.starter_code,
        "kind": parsed.kind,
        "fn_name": parsed.fn_name,
        "tests_ref": store.put([dict(test) for test in parsed.tests]) if parsed.tests else None,
        "tests_count": len(parsed.tests),
        "statement_digest": sha256_text(parsed.statement),
        "solutions": list(parsed.solutions),
        "answer": parsed.answer,
        "family": parsed.family,
        "split": parsed.split or split_by_role(parsed.date, source),
        "date": parsed.date,
        "url": parsed.url,
        "licence": parsed.licence or source.licence,
        "time_limit_s": parsed.time_limit_s,
    }


def split_by_role(date: str | None, source: Source) -> str:
    """`train` inside the source's window; `test` outside it, without a needed date, or for a benchmark source."""
    if source.role == "benchmark":
        return "test"
    return "train" if in_window(date, source.after, source.before) else "test"


def in_window(date: str | None, after: str | None, before: str | None) -> bool:
    """Whether `after` <= date < `before`; days as YYYY-MM-DD compare as text. No date is outside any window."""
    if after is None and before is None:
        return True
    return date is not None and (after is None or date >= after) and (before is None or date < before)


def plain(value: Any) -> Any:
    """A value as JSON data: tuples become lists.

    Raises:
        Reject: anything that JSON does not keep (sets, bytes, non-string keys, lone surrogates).
    """
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Reject("a test value has keys that are no strings")
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, str) and not _encodable(value):
        raise Reject("a text is not valid Unicode")
    if isinstance(value, int) and abs(value).bit_length() > 14_000:  # Python reads no longer decimal literal
        raise Reject("a test holds an integer of over 4,200 digits")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise Reject(f"a test value is a {type(value).__name__}, no plain data")


def literal_or_json(text: Any) -> Any:
    """A value written as JSON or as a Python literal; values that are no text pass through.

    Raises:
        Reject: neither.
    """
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise Reject(f"neither JSON nor a Python literal ({type(error).__name__})") from None


def _test(test: Mapping[str, Any], parsed: Parsed) -> dict[str, Any]:
    if parsed.kind == "stdin":
        if not (isinstance(test["input"], str) and isinstance(test["output"], str)):
            raise Reject("a stdin test is no pair of texts")
        return {"input": plain(test["input"]), "output": plain(test["output"])}
    if not isinstance(test["args"], list | tuple):
        raise Reject("the arguments of a call are no list")
    if parsed.keeps_types:
        return {"args": [_plain_data(value) for value in test["args"]], "expected": _plain_data(test["expected"])}
    return {"args": plain(test["args"]), "expected": plain(test["expected"])}


def _plain_data(value: Any) -> Any:
    try:
        encode(value)
    except NotPlainError:
        raise Reject("a test value is no plain data") from None
    return value


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
