"""What a source's parser yields: a parsed problem with its tests, or a rejection with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deepcoder.config.schema import Source
from deepcoder.curation.contest import contest_problem
from deepcoder.curation.similarity.digests import digests_of_tests
from deepcoder.errors import UserError
from deepcoder.files import sha256_text
from deepcoder.schemas.plain import NotPlainError, encode
from deepcoder.schemas.problem import problem_id
from deepcoder.schemas.tests_store import TestsStore, stored_bytes

KINDS = ("stdin", "call", "answer")
SPLITS = (None, "train", "heldout", "test")
POSITION = "#row"  # added to every row: its position in the source, an id for sources without one
UNREADABLE = "#unreadable"  # the one key of a row that its file does not give; the value says why
DEEPEST = 100  # levels of a test value; a limit of our own, because that of Python depends on who calls
NOT_PLAIN = "a test value is no plain data"
NOT_UNICODE = "a text is not valid Unicode"
TOO_DEEP = f"a test value is over {DEEPEST} levels deep"


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
    `time_limit_s` is the problem's own; `contest_problem` as contest.py names it. `keeps_types` of call tests: tuples,
    sets and other plain data stay what they are, for a comparator that tells them apart; otherwise the tests are JSON,
    where a tuple is a list.
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
    contest_problem: str | None = None  # None: what the URL says
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
            if UNREADABLE in row:
                raise Reject(row[UNREADABLE])
            return checked(parse_row({**row, POSITION: number}))
        except Reject as error:
            reason = str(error).encode("utf-8", "backslashreplace").decode()
        except NotPlainError:
            reason = NOT_PLAIN
        except UserError:  # the sandbox, not the row
            raise
        except Exception as error:  # whatever a parser trips over is the row's fault
            reason = f"malformed row ({type(error).__name__})"
        return Rejected(row_id(row, id_column, number), reason)

    return mapped(one, enumerate(rows))


def row_id(row: Mapping[str, Any], id_column: str | None, number: int) -> str:
    """The source's own id of a row, or its position where it has none."""
    value = row.get(id_column) if id_column and isinstance(row, Mapping) else None
    usable = _encodable(value) if isinstance(value, str) else isinstance(value, int) and value.bit_length() < 64
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
    optional = [parsed.fn_name, parsed.answer, parsed.family, parsed.date, parsed.url]
    optional += [parsed.contest_problem, parsed.licence]
    texts += [text for text in optional if text is not None]
    if not all(isinstance(text, str) for text in texts):
        raise Reject("a field is no text")
    if not all(map(_encodable, texts)):
        raise Reject(NOT_UNICODE)
    if parsed.split not in SPLITS:
        raise Reject(f"split {parsed.split!r} is unknown")
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
    sizes = [stored_bytes(dict(test)) for test in parsed.tests]
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
        "tests_bytes": sum(sizes),
        "largest_test_bytes": max(sizes, default=0),
        "test_digests": digests_of_tests(parsed.tests),
        "statement_digest": sha256_text(parsed.statement),
        "solutions": list(parsed.solutions),
        "answer": parsed.answer,
        "family": parsed.family,
        "split": parsed.split or split_by_role(parsed.date, source),
        "date": parsed.date,
        "url": parsed.url,
        "contest_problem": parsed.contest_problem or contest_problem(parsed.url),
        "licence": parsed.licence or source.licence,
        "time_limit_s": parsed.time_limit_s,
        "checker": None,
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


def plain(value: Any, levels: int = DEEPEST) -> Any:
    """A value as JSON data: tuples become lists.

    Raises:
        Reject: anything that JSON does not keep (sets, bytes, non-string keys, lone surrogates), or over `levels` deep.
    """
    if isinstance(value, list | tuple | dict) and not levels:
        raise Reject(TOO_DEEP)
    if isinstance(value, list | tuple):
        return [plain(item, levels - 1) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Reject("a test value has keys that are no strings")
        return {plain(key): plain(item, levels - 1) for key, item in value.items()}
    if isinstance(value, str) and not _encodable(value):
        raise Reject(NOT_UNICODE)
    if isinstance(value, int) and abs(value).bit_length() > 14_000:  # Python reads no longer decimal literal
        raise Reject("a test holds an integer of over 4,200 digits")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise Reject(f"a test value is a {type(value).__name__}, no plain data")


def _test(test: Mapping[str, Any], parsed: Parsed) -> dict[str, Any]:
    if parsed.kind == "stdin":
        if not (isinstance(test["input"], str) and isinstance(test["output"], str)):
            raise Reject("a stdin test is no pair of texts")
        return {"input": plain(test["input"]), "output": plain(test["output"])}
    if not isinstance(test["args"], list | tuple):
        raise Reject("the arguments of a call are no list")
    if parsed.keeps_types:
        return {"args": [_plain_data(value) for value in test["args"]], "expected": _plain_data(test["expected"])}
    return {"args": [plain(value) for value in test["args"]], "expected": plain(test["expected"])}


def _plain_data(value: Any) -> Any:
    if not _within(value, DEEPEST):
        raise Reject(TOO_DEEP)
    try:
        encode(value)
    except NotPlainError:
        raise Reject(NOT_PLAIN) from None
    return value


def _within(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if not isinstance(value, list | tuple | set | frozenset):
        return True
    return levels > 0 and all(_within(item, levels - 1) for item in value)


def _encodable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
