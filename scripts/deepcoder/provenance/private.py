"""What must not leave a machine: secrets, absolute paths, names of its users and hosts.

Too much is found rather than too little: who shares a run loses a line of text then, and no key.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterable
from typing import Any

REDACTED = "(redacted)"
# Of these words the last of a name makes its value a secret: HF_TOKEN, wandb.api_key; not max_tokens, key_value_heads.
SECRET_WORDS = {"token", "secret", "password", "passwd", "passphrase", "credential", "credentials", "apikey", "key"}
# A secret of the environment is looked for as it stands; shorter ones would be found in any text.
SHORTEST_SECRET = 6
# Names that belong to nobody.
COMMON_NAMES = {"root", "user", "users", "admin", "localhost", "ubuntu", "debian", "runner", "jovyan", "nobody"}
SHORTEST_NAME = 4

_NAMED = r"(?:token|secret|pass(?:word|wd|phrase)|credentials?|api[_-]?key|(?:access|private|secret|auth)[_-]?key)"
_SLASH = r"(?:\\?/|%2[Ff])"
_PATTERNS = (
    # name = value, "name": "value", --name value
    rf"(?i){_NAMED}\\?[\"']?\s*[:=](?!=)\s*\\?[\"']?[^\s\"',;(){{}}\[\]<>\\]{{6,}}(?![\w.]*\()",
    rf"(?i)--[\w-]*(?:{_NAMED}|key)[ =]+(?!\(redacted)[^\s\"']+",
    r"[A-Z0-9_]+_(?:KEY|PASS)\\?[\"']?\s*[:=]\s*\\?[\"']?(?!\(redacted)[^\s\"',]+",
    # keys by their shape
    r"\bhf_[A-Za-z0-9]{16,}",
    r"\bsk-[A-Za-z0-9_-]{16,}",
    r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|pypi-)[A-Za-z0-9_-]{16,}",
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    r"\bAIza[A-Za-z0-9_-]{30,}",
    r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,}",
    r"\b[a-z][a-z0-9+.-]*://[^\s/\"'@<>]+@[^\s\"'<>]*",
    # absolute paths, those of every Linux left out
    r"(?i)file:/+[^\s\"']*",
    r"(?i)\b[A-Z]:(?:\\+|/)Users(?:\\+|/)[^\s\"']*",
    rf"(?<![\w./<+~*$)}}\]-]){_SLASH}(?!(?:usr|bin|lib|lib64|dev|proc|sys|etc)\b)[\w.@+-]+(?:{_SLASH}[\w.@+=:-]+)+",
    rf"(?<![\w./<-]){_SLASH}(?:root|home|Users)\b(?:{_SLASH}[^\s\"']*)?",
)


def is_secret_name(name: str) -> bool:
    """Whether a configuration key, an option or a variable holds a secret, by its name."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return bool(words) and words[-1] in SECRET_WORDS


class Private:
    """Finds and replaces what is private in texts and JSON values."""

    def __init__(self, hosts: Iterable[str] = (), public: str = "") -> None:
        """Know this machine's own names and the secrets in the environment.

        Args:
            hosts: names of other machines that took part.
            public: text in which a word is no secret, so that a user called "train" can share anything at all.
        """
        names = {getpass.getuser(), socket.gethostname(), *hosts} - COMMON_NAMES
        names = {name for name in names if len(name) >= SHORTEST_NAME and not _word(name).search(public)}
        secrets = {value for name, value in os.environ.items() if is_secret_name(name)}
        secrets = {value for value in secrets if len(value) >= SHORTEST_SECRET}
        self._patterns = [re.compile(pattern) for pattern in _PATTERNS]
        self._patterns += [re.compile(re.escape(value)) for value in sorted(secrets, key=len, reverse=True)]
        self._patterns += [_word(name) for name in sorted(names)]

    def found(self, text: str) -> str | None:
        """The first private thing in a text, itself cut short, or None."""
        for pattern in self._patterns:
            if match := pattern.search(text):
                return f"{match.group()[:4]}... at character {match.start()}"
        return None

    def clean(self, value: Any) -> Any:
        """A copy of a JSON value with `(redacted)` in place of whatever is private; numbers and structure stay."""
        if isinstance(value, str):
            for pattern in self._patterns:
                value = pattern.sub(REDACTED, value)
            return value
        if isinstance(value, list):
            after_option = [False, *(isinstance(item, str) and _is_option(item) for item in value[:-1])]
            return [REDACTED if hide else self.clean(item) for item, hide in zip(value, after_option, strict=False)]
        if isinstance(value, dict):
            return {self.clean(name): self._clean_named(str(name), item) for name, item in value.items()}
        return value

    def _clean_named(self, name: str, value: Any) -> Any:
        hidden = is_secret_name(name) and value is not None and not isinstance(value, bool)
        return REDACTED if hidden else self.clean(value)


def _is_option(word: str) -> bool:
    return word.startswith("-") and "=" not in word and is_secret_name(word)


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])")
