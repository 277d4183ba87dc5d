"""What a statement says of the answers it takes: any of several, any order, any case, a tolerance.

Only sentences that speak of the output count: that input comes in any order, or that a graph has no multiple edges,
allows no second answer. The patterns were made by reading the 300 CodeContests and 2,404 LeetCode statements of open
carriers, those of solutions that fail their own tests first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

PRINT = r"(?:print|output|return|write|report|display)"
GIVE = rf"(?:{PRINT}|give|find|construct|provide)"
BETWEEN = r"(?: (?!to\b|from\b|for\b)[\"'\w]+){0,4}"
MANY = r"(?:multiple|several|many|more than one|various|different)"
GOOD = r"(?:valid|correct|possible|suitable|acceptable|accepted|optimal|appropriate|such|winning|right|legal|feasible)"
THING = (
    r"(?:answers?|solutions?|outputs?|ways?|sequences?|options?|variants?|permutations?|arrays?|strings?|numbers?|"
    r"assignments?|arrangements?|representations?|spanning tree|tree|path|set|subset|matrix|graph)"
)
ANY_OF = rf"any(?: (?:one|{GOOD}|{THING}))*(?: of (?:them|these|those|the|such|your)\b| {THING}\b| one\b|$)"
FREE = r"(?:any|an arbitrary|arbitrary|whatever|whichever)"
RIGHT = r"(?:accepted|acceptable|fine|ok|correct|considered|valid|counted|enough|sufficient)"
NEGATIVE_POWER = r"(?:10 ?\^? ?\{?\(? ?[-−–] ?\d|1?e[-−–]\d|0?\.0+1)"

# The order is that of strength: a sentence counts once, as the first of these that it is.
PATTERNS: Mapping[str, tuple[str, ...]] = {
    "any_answer": (
        rf"\b{MANY}\b.*\b{GIVE}\b.{{0,40}}\bany\b",
        rf"\b{GIVE}\b{BETWEEN} {ANY_OF}",
        rf"\b{GIVE}\b{BETWEEN} any (?:{GOOD} )+\w+",
        rf"\bany (?:one )?(?:of (?:them|these|those)|(?:{GOOD} )?{THING})\b.{{0,20}} (?:is|are|be) (?:also )?{RIGHT}",
        r"\bsatisf(?:y|ied)\b.{0,20}\bany of them\b",
        rf"\b{MANY}\b.*\b(?:accepted|acceptable) (?:answers|outputs|solutions)\b",
    ),
    "any_order": (
        rf"\b{PRINT}\b.{{0,70}}\b(?:in|is) {FREE} (?:order|sequence)\b",
        rf"\b(?:printed|returned|outputted|listed|displayed) in {FREE} order",
        r"\bany order of (?:printing|output)",
        r"\border (?:of|in) (?:the )?(?:output|answer)s? (?:does not|doesn't|is not)",
    ),
    "any_case": (
        rf"\b(?:{PRINT}|answer)\b.*\b(?:in any (?:letter )?(?:case|register)\b|case[- ]insensitive)",
        r"\b(?:letters?|characters?)\b.*\bin any (?:case|register)\b",
    ),
    "tolerance": (
        r"\b(?:absolute|relative)\b.{0,30}\b(?:error|inaccuracy|difference|precision|measure|tolerance)\b.*"
        + NEGATIVE_POWER,
    ),
}
COMPILED = {kind: re.compile("|".join(f"(?:{pattern})" for pattern in found)) for kind, found in PATTERNS.items()}
# A sentence with one of these has one answer after all, or speaks of what not to print.
UNLESS = re.compile(
    rf"\b(?:not|n't|cannot|can't|never|without|before|after) (?:allowed )?(?:to )?{GIVE}(?:ing)?\b.{{0,20}} any\b"
    rf"|\b{GIVE}(?:ing)? any(?:thing| extra| other)\b"
    r"|\b(?:maximum|minimum|largest|smallest|longest|shortest)\b.{0,40} (?:of|among|over) any\b"
)
EXPONENT = re.compile(r"(?:10 ?\^? ?\{?\(? ?|\de)[-−–] ?(\d+)|0?\.(0+1)")
SENTENCE = re.compile(r"[^.!?\n]+(?:\.+(?=[^\sA-Z.])[^.!?\n]*)*")
QUOTE_CHARS = 160


@dataclass(frozen=True)
class Wording:
    """A sentence of a statement that allows several outputs.

    Attributes:
        kind: any_answer | any_order | any_case | tolerance.
        quote: the sentence, at most 160 characters of it.
        tolerance: absolute or relative, of kind tolerance; else 0.
    """

    kind: str
    quote: str
    tolerance: float = 0.0


def wordings(statement: str) -> list[Wording]:
    """What the statement allows: the first sentence of each kind, the strongest kind first."""
    found: dict[str, Wording] = {}
    for match in SENTENCE.finditer(statement):
        sentence = " ".join(match.group().split())
        text = sentence.lower().replace("\u2019", "'")
        kind = next((kind for kind, pattern in COMPILED.items() if pattern.search(text)), None)
        if kind is None or kind in found or (kind == "any_answer" and UNLESS.search(text)):
            continue
        found[kind] = Wording(kind, sentence[:QUOTE_CHARS], _tolerance(text) if kind == "tolerance" else 0.0)
    return [found[kind] for kind in PATTERNS if kind in found]


def _tolerance(sentence: str) -> float:
    match = EXPONENT.search(sentence)
    if match is None:
        return 0.0
    return float(f"1e-{match[1]}") if match[1] else float(f"0.{match[2]}")
