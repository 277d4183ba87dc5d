"""Responses that were made elsewhere, as rows of samples: a line of JSON each, in any order.

A line is `{"problem": id, "sample": number, "text": response}` with optional "finish" ("stop", the default, or "length"
where the response was cut) and "prompt". `problem` is the source's own id, or ours of schemas.problem.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError

FINISHES = ("stop", "length")
NO_SEED = -1

Row = dict[str, Any]
Encode = Callable[[str], list[int]]


def read_responses(path: Path, problems: Sequence[Row], samples: int, encode: Encode | None) -> list[Row]:
    """Rows of schemas.sample.SAMPLE by (problem order, sample).

    Args:
        problems: rows of schemas.problem.PROBLEM, the whole benchmark.
        samples: of each problem, numbered from 0.
        encode: text to tokens, by which shorter contexts cut; None: token_ids stay null and none can.

    Raises:
        UserError: a line of another form, a problem that the benchmark lacks, a sample twice or not at all.
    """
    names = {problem[key]: problem["id"] for problem in problems for key in ("id", "source_id")}
    found: dict[tuple[str, int], Row] = {}
    for number, line in _lines(path):
        name, sample, text, finish, prompt = _fields(path, number, line)
        if name not in names:
            raise UserError(f"{path}: line {number}: the benchmark has no problem {name!r}; take the line out")
        key = (names[name], sample)
        if key in found or not 0 <= sample < samples:
            raise UserError(
                f"{path}: line {number}: sample {sample} of problem {name!r} is there twice or not of "
                f"0 .. {samples - 1}; correct it"
            )
        found[key] = {
            "problem_id": key[0],
            "sample": sample,
            "seed": NO_SEED,
            "prompt": prompt,
            "response": text,
            "token_ids": encode(text) if encode else None,
            "finish": finish,
        }
    wanted = [(problem["id"], sample) for problem in problems for sample in range(samples)]
    if missing := [key for key in wanted if key not in found]:
        own = {problem["id"]: problem["source_id"] for problem in problems}
        raise UserError(
            f"{path}: {len(missing)} of {len(wanted)} responses are missing, the first is sample {missing[0][1]} of "
            f"problem {own[missing[0][0]]}; add them, an empty text where the model gave none"
        )
    return [found[key] for key in wanted]


def load_encoder(path: Path) -> Encode:
    """Text to token ids by a `tokenizer.json`, nothing added in front."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except (Exception, json.JSONDecodeError) as error:  # tokenizers raises bare Exception
        raise UserError(f"{path}: not a tokenizer ({error}); delete it and make it again") from error
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); give a file of JSON lines in UTF-8") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                value = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise UserError(f"{path}: line {number}: not JSON ({error}); correct it") from error
            if not isinstance(value, dict):
                raise UserError(f"{path}: line {number}: not an object with problem, sample and text; correct it")
            yield number, value


def _fields(path: Path, number: int, line: Mapping[str, Any]) -> tuple[str, int, str, str, str]:
    name, sample, text = line.get("problem"), line.get("sample"), line.get("text")
    finish, prompt = line.get("finish", "stop"), line.get("prompt", "")
    texts = all(isinstance(value, str) for value in (name, text, prompt))
    if not texts or not isinstance(sample, int) or isinstance(sample, bool) or finish not in FINISHES:
        raise UserError(
            f"{path}: line {number}: expected texts `problem` and `text`, a number `sample`, and `finish` one of "
            f"{', '.join(FINISHES)}; correct it"
        )
    try:
        f"{name}{text}{prompt}".encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{path}: line {number}: a text is not valid Unicode ({error}); correct it") from error
    return str(name), sample, str(text), finish, str(prompt)
