"""Length of a prompt in tokens, by the model's own tokenizer file; no deep-learning library is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tokenizers import Tokenizer

from deepcoder.errors import UserError
from deepcoder.manifest import Manifest
from deepcoder.prompts import message, training_style


def token_counter(tokenizer: Manifest) -> Callable[[Mapping[str, Any]], int]:
    """A function that counts the tokens of what training asks for a problem, without a chat template's own few.

    Raises:
        UserError: the artifact has no tokenizer.json, or it is damaged.
    """
    names = [name for name in sorted(tokenizer.files) if name.rsplit("/", 1)[-1] == "tokenizer.json"]
    if not names:
        raise UserError(f"{tokenizer.path}: no tokenizer.json among its files; make the tokenizer again")
    path = tokenizer.file(names[0])
    try:
        loaded = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises the bare class
        raise UserError(f"{path}: not a tokenizer ({error}); make the tokenizer again") from error

    def count(row: Mapping[str, Any]) -> int:
        text = message(row, training_style(row["source"]))
        return len(loaded.encode(text, add_special_tokens=False).ids)

    return count
