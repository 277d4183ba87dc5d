"""What a statement allows is read off its sentences about the output, and off no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.curation.wording import PATTERNS, QUOTE_CHARS, wordings

ALLOWING = {
    "any_answer": [
        "If there are multiple answers, print any of them.",
        "If there is more than one such path, you may output any.",
        "Should several plans be equally cheap, you are allowed to print any one of them.",
        "Print any valid colouring.",
        "Return any permutation that is good.",
        "If many orders do it, any of them is acceptable.",
        "The farmer will be satisfied by any of them.",
        "In the second example there are several acceptable outputs.",
    ],
    "any_order": [
        "Print the chosen indices in any order.",
        "You may return the answer in arbitrary order.",
        "The edges can be printed in any order.",
        "You can use any order of printing the roads.",
    ],
    "any_case": [
        "You can print each letter in any case.",
        "The answer is read case-insensitive.",
        "The letters of YES and NO may be in any register.",
    ],
    "tolerance": [
        "Your answer is right if its absolute or relative error is at most 10^{-4}.",
        "The relative or absolute error must not exceed 10 - 4.",
        "An absolute error of at most 1e-4 is fine.",
        "The absolute error should be less than 0.0001.",
    ],
}


@pytest.mark.parametrize(("kind", "sentence"), [(kind, text) for kind in ALLOWING for text in ALLOWING[kind]])
def test_a_sentence_that_allows_other_outputs_is_found_and_quoted(kind, sentence):
    (found,) = wordings(f"Vera has a graph. {sentence}\nThe first line holds n.")
    assert (found.kind, found.quote) == (kind, sentence.rstrip("."))
    assert found.tolerance == (1e-4 if kind == "tolerance" else 0.0)


@pytest.mark.parametrize(
    "sentence",
    [
        "The graph has no loops and no multiple edges.",
        "The names come in any order.",
        "He may apply the operations in any order, any number of times.",
        "Any path from x to y goes through a and b.",
        "If there are several such points, take the leftmost of them.",
        "If there are multiple answers, print the smallest one.",
        "Do not print any spaces at the end.",
        "If she cannot find any such stone, she loses.",
        "Once taken from a bag, a bean may not return to any of the bags.",
        "Return the maximum length of any valid path.",
        "A tram may go from any stop to any other one.",
        "In any case, the final score is zero.",
        "The list can be any permutation of the divisors.",
        "The absolute difference of two neighbours is at most 10.",
        "Print the minimum over all ways.",
    ],
)
def test_sentences_about_input_or_one_answer_allow_nothing(sentence):
    assert wordings(f"Vera has a graph. {sentence}") == []


def test_each_kind_is_told_once_the_strongest_first():
    text = (
        "Print them in any order. Each letter may be in any case. If there are several answers, print any. Print any."
    )
    assert [found.kind for found in wordings(text)] == ["any_answer", "any_order", "any_case"]
    assert wordings(text)[0].quote == "If there are several answers, print any"


@given(st.text(alphabet=st.sampled_from("print any of them order 10^-{6}.\n error absolute"), max_size=400))
def test_any_text_is_read(text):
    found = wordings(text)
    kinds = [wording.kind for wording in found]
    assert kinds == [kind for kind in PATTERNS if kind in kinds]
    assert all(0 < len(wording.quote) <= QUOTE_CHARS for wording in found)
