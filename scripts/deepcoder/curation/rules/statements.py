"""Rules about what a statement says: its language, pictures that a text does not hold, dialogues with a judge.

Each is a heuristic on the text alone, without a model, so that its verdict can be read off the statement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from deepcoder.config.schema import Curation
from deepcoder.curation.rules.evidence import Evidence, Removed, Row

# Words of English grammar that are no common words of another language that Latin letters write.
ENGLISH_WORDS = """
the of and to is are that for you with be it this each which if given from by on or will your have has can when not all
at there their its they was were into than then would should following where how many what return print output input
write find such these those only number
"""
CODE = re.compile(r"```.*?```|\$\$?[^$]*\$\$?|`[^`]*`", re.DOTALL)
WORD = re.compile(r"[^\W\d_]+")
ENGLISH = frozenset(WORD.findall(ENGLISH_WORDS))
QUOTED = 60  # characters of a statement that a reason quotes at most

# A picture by its markup, or by words that point at one.
PICTURE = re.compile(
    r"!\[[^\]\n]*\]\([^)\n]*\)"
    r"|<img\b[^>]*>"
    r"|<image>"
    r"|\[(?:image|picture|figure)\]"
    r"|\\includegraphics\b[^}\n]*\}?"
    r"|\b(?:see|in|on|by) the (?:following |attached )?(?:figure|picture|image|diagram)s? (?:below|above)\b"
    r"|\b(?:figure|picture|image|diagram|illustration)s? (?:below|above) (?:shows?|illustrates?|depicts?)\b",
    re.IGNORECASE,
)
# The line above the first example, a note or an explanation: a picture below it shows an example and asks nothing.
EXAMPLES = re.compile(
    r"^[\W_]*(?:sample|example|note|explanation)s?\b[^a-z\n]{0,12}"
    r"(?:input|output|test|testcase|case|explanation)?s?\b[^a-z\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
DIALOGUE = re.compile(
    r"(?<!not an )(?<!non-)\binteractive (?:problem|task|version)\b"
    r"|\binteractor\b"
    r"|\bflush(?:ing)? (?:the |your |standard )*(?:output|stdout|buffer|stream)\b"
    r"|\bfflush ?\("
    r"|\bstdout\.flush\b|\bcout\.flush\b|\bSystem\.out\.flush\b",
    re.IGNORECASE,
)


def language(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose statement is not in English."""
    asked = config.filters
    if not asked.english:
        return {}
    removed = {}
    for row in rows:
        latin, grammar, words = english_shares(row["statement"])
        if latin < asked.min_latin_letters:
            removed[row["id"]] = f"{latin:.0%} of the letters are Latin, at least {asked.min_latin_letters:.0%} needed"
        elif words >= asked.min_words_to_judge and grammar < asked.min_english_words:
            removed[row["id"]] = (
                f"{grammar:.1%} of {words} words are English function words, "
                f"at least {asked.min_english_words:.0%} needed"
            )
    return removed


def images(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose task shows or names a picture, which a text does not hold.

    One that only decorates cannot be told from one that matters, so both go; one among the examples or notes is let be.
    """
    return _mentions(rows, PICTURE, "a picture in the task", until=EXAMPLES) if config.filters.without_images else {}


def interactive(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems whose program talks with a judge, which tests of input and output cannot replay."""
    return _mentions(rows, DIALOGUE, "an interactive problem") if config.filters.without_interaction else {}


def english_shares(statement: str) -> tuple[float, float, int]:
    """Share of Latin among the letters, share of English function words among the words, and how many words there are.

    Code and formulas between backticks or dollars are left out; without letters both shares are 1.
    """
    text = CODE.sub(" ", statement)
    letters = [character for character in text if character.isalpha()]
    words = [word.lower() for word in WORD.findall(text) if len(word) > 1]
    if not letters or not words:
        return 1.0, 1.0, 0
    latin = sum(map(_is_latin, letters)) / len(letters)
    return latin, sum(word in ENGLISH for word in words) / len(words), len(words)


def _is_latin(letter: str) -> bool:
    return letter < "\u0250" or "\u1e00" <= letter <= "\u1eff"


def _mentions(
    rows: Sequence[Row], pattern: re.Pattern[str], what: str, until: re.Pattern[str] | None = None
) -> Removed:
    removed = {}
    for row in rows:
        match = pattern.search(row["statement"])
        end = until.search(row["statement"]) if match and until else None
        if match and (end is None or match.start() < end.start()):
            removed[row["id"]] = f"{what}: {_quoted(match.group())}"
    return removed


def _quoted(text: str) -> str:
    shown = " ".join(text.split())
    return f'"{shown}"' if len(shown) <= QUOTED else f'"{shown[: QUOTED - 1]}…"'
