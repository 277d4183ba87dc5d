"""Score a shorter context from samples drawn at a longer one, by cutting their tokens.

A sampler that draws tokens one by one gives, with limit C, the first C tokens that it would give with a larger
limit. So one sampling at the longest context serves all shorter ones, paired by sample.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.manifest import Manifest

THINKING = "<think>"
Decode = Callable[[Sequence[int]], str]


@dataclass(frozen=True)
class Cut:
    """A response as it would have been at a context length.

    Attributes:
        text: the response's text.
        tokens: its number of tokens, end token included; None where no tokenizer of the model is known.
        truncated: it had not ended by itself within the context.
    """

    text: str
    tokens: int | None
    truncated: bool


def cut(sample: Mapping[str, Any], context_tokens: int, decode: Decode) -> Cut:
    """The first `context_tokens` tokens of a row of schemas.sample.SAMPLE.

    A response that fits keeps its stored text, so that decoding cannot alter it. One that the sampler itself cut
    (finish "length") stays truncated at every context.
    """
    if sample["token_ids"] is None:
        return Cut(sample["response"], None, sample["finish"] == "length")
    token_ids = sample["token_ids"]
    if len(token_ids) > context_tokens:
        return Cut(decode(token_ids[:context_tokens]), context_tokens, True)
    return Cut(sample["response"], len(token_ids), sample["finish"] == "length")


def with_opened_thinking(response: Cut, prompt: str) -> Cut:
    """Put the `<think>` that the prompt opened before the response.

    Chat templates of reasoning models end with it, so that a response cut within its thinking holds no tag at all
    and a program it was only considering would count.
    """
    opened = prompt.rstrip().endswith(THINKING)
    return replace(response, text=f"{THINKING}\n{response.text}") if opened else response


def load_decoder(manifest: Manifest) -> Decode:
    """Text of token ids by the `tokenizer.json` that a manifest of a tokenizer or a model folder lists.

    Special tokens are kept: a cut response holds no end token, and `</think>` may be a special one.

    Raises:
        UserError: no such file in the manifest, or one that does not parse.
    """
    from tokenizers import Tokenizer

    path = tokenizer_file(manifest)
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except (Exception, json.JSONDecodeError) as error:  # tokenizers raises bare Exception
        raise UserError(f"{path}: not a tokenizer ({error}); delete it and make it again") from error
    return lambda token_ids: tokenizer.decode(list(token_ids), skip_special_tokens=False)


def tokenizer_file(manifest: Manifest) -> Path:
    """The `tokenizer.json` that a manifest lists; raises UserError where it lists none."""
    names = sorted((name for name in manifest.files if Path(name).name == "tokenizer.json"), key=len)
    if not names:
        raise UserError(f"{manifest.path}: lists no tokenizer.json; make the tokenizer's manifest again")
    return manifest.file(names[0])


def no_decoder(token_ids: Sequence[int]) -> str:
    """The decoder of samples without tokens, which never have to be cut."""
    raise UserError("these samples have tokens, but no tokenizer was given to cut them; give --model-manifest")
