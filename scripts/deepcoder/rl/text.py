"""A model's tokenizer with its prompt format: text to tokens and back.

The file tokenizer.json decides, read by `tokenizers` alone: transformers' AutoTokenizer picks a class by the
architecture in config.json beside it, and for Qwen2 that class replaces the file's own pre-tokenizer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from deepcoder import prompts
from deepcoder.errors import UserError
from deepcoder.files import read_json


class Text:
    """A tokenizer with the prompt format of its model."""

    def __init__(self, folder: Path, prompt: str) -> None:
        """Load the tokenizer files of a folder.

        Args:
            prompt: "plain" or "chat", the model's configured format.

        Raises:
            UserError: no tokenizer in the folder, none of its own end token, or chat without a template.
        """
        self.folder, self.prompt = Path(folder), prompt
        file = self.folder / "tokenizer.json"
        if not file.exists():
            raise UserError(f"{folder}: has no tokenizer.json, so it is not a complete model; make it again")
        try:
            self.tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
        except (Exception, json.JSONDecodeError) as error:  # the library raises the bare class
            raise UserError(f"{file}: not a tokenizer ({error}); make it again") from error
        self.end = self._end()
        if prompt == "chat" and not self._chat.chat_template:
            raise UserError(f"{folder}: the tokenizer has no chat template; set the model's prompt to plain")

    def prompt_text(self, message: str, system: str = "") -> str:
        """The prompt of a message, as the model sees it, after a system message where there is one."""
        if self.prompt == "plain":
            return prompts.plain_prompt(message, system)
        turns = prompts.turns(message, system)
        return str(self._chat.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    def encode(self, text: str) -> list[int]:
        """Tokens of a prompt or a response; nothing is added in front."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of a response, tags kept, end token left out."""
        kept = [token for token in token_ids if token != self.end]
        return str(self.tokenizer.decode(kept, skip_special_tokens=False))

    @cached_property
    def _chat(self) -> Any:
        from transformers import AutoTokenizer  # for its chat template only

        return AutoTokenizer.from_pretrained(str(self.folder))

    def _end(self) -> int:
        """The token that ends a response, by the name that tokenizer_config.json gives."""
        settings = self.folder / "tokenizer_config.json"
        named = read_json(settings).get("eos_token") if settings.exists() else None
        name = named.get("content") if isinstance(named, dict) else named
        found = self.tokenizer.token_to_id(name) if name else None
        if found is None:
            raise UserError(f"{self.folder}: names no end token (eos_token) it has; fix tokenizer_config.json")
        return int(found)
