"""What counts as a mathematical answer and when two are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.evaluation.answers import extract_answer, same_answer


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"<think>\boxed{1}</think> so \boxed{73}", "73"),
        (r"</think> \boxed{1} no, \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"<think> maybe \boxed{73}", None),
        (r"</think> the answer is 73", None),
        (r"</think> \boxed{73", None),
        (r"</think> \boxed{5} and then \boxed{73", "5"),
        (r"plain \fbox{} \boxed {204}", "204"),
    ],
)
def test_only_the_last_closed_box_after_the_thinking_counts(response: str, answer: str | None) -> None:
    assert extract_answer(response, thinking=True) == answer


def test_a_model_that_does_not_think_may_answer_anywhere() -> None:
    assert extract_answer(r"\boxed{7}", thinking=False) == "7"


@pytest.mark.parametrize(
    ("given_answer", "expected"),
    [
        ("073", "73"),
        ("$73$", "73"),
        ("73.", "73"),
        ("73.0", "73"),
        ("1,234", "1234"),
        (r"1{,}234".replace("{,}", r",\!"), "1234"),
        (r"\text{204}", "204"),
        (r"\dfrac{3}{4}", "3/4"),
        ("0.75", r"\frac{3}{4}"),
        (r"-\frac{1}{2}", "-0.5"),
        (r"90^\circ", "90"),
        (r"\left( 1, 2 \right)", "(1,2)"),
        ("x = 9", "9"),
        (r"\frac32", r"\frac{3}{2}"),
        (r"3\sqrt2", r"3 \cdot \sqrt{2}"),
        (r"\sqrt{8}", r"2\sqrt{2}"),
        (r"\frac{\sqrt{3}}{3}", r"1/\sqrt{3}"),
        (r"1 + 2\sqrt{3}", r"2\sqrt3 + 1"),
        (r"q(p - 1) - p", r"pq - p - q"),
        (r"\sqrt[3]{27}\pi", r"3{\pi}"),
        (r"2^{10}", "1024"),
        (r"-2^2", "-4"),
        ("-2, 1", "1,-2"),
        (r"\{2, 1\}", r"\{1,2\}"),
        (r"\left[-\frac12, 3\right)", r"[-0.5,3)"),
        (r"\left( 3, \frac{\pi}{2} \right)", r"(3, \pi/2)"),
        (r"13{,}535", "13535"),
        ("(12,102)", "(12, 102)"),
    ],
)
def test_equal_answers_in_other_dress_are_accepted(given_answer: str, expected: str) -> None:
    assert same_answer(given_answer, expected)


@pytest.mark.parametrize(
    ("given_answer", "expected"),
    [
        ("(2,1)", "(1,2)"),
        ("[1,2]", "(1,2)"),
        ("1,2,2", "1,1,2"),
        (r"\sqrt{2}", "1.41421356"),
        ("10^{20}+1", "10^{20}"),
        ("ab", "a+b"),
        ("even", "neve"),
        ("xy", "xz"),
        ("9^{9^{9^9}}", "5"),
        ("1/0", "2/0"),
        (r"\frac{1}{0}", r"\frac{2}{0}"),
        ("12102", "(12,102)"),
        ("74", "73"),
        ("0.333", "1/3"),
        ("", ""),
        ("1,2", "12"),
        ("10000000000000001", "10000000000000000"),
        ("x", "y"),
    ],
)
def test_other_answers_are_rejected(given_answer: str, expected: str) -> None:
    assert not same_answer(given_answer, expected)


@given(st.integers(0, 999), st.integers(0, 999))
def test_whole_numbers_agree_exactly_when_equal(left: int, right: int) -> None:
    assert same_answer(f"{left:03d}", str(right)) == (left == right)


@given(st.text(max_size=60))
def test_any_text_is_graded_without_an_error(text: str) -> None:
    extract_answer(text, thinking=True)
    assert same_answer(text, "73") in (True, False)


TERMS = st.recursive(
    st.integers(0, 99).map(str) | st.sampled_from(["x", "y", r"\pi", r"\sqrt{2}", r"\frac{1}{3}"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
    max_leaves=6,
)


@given(TERMS, TERMS)
def test_terms_may_be_written_in_another_order(left: str, right: str) -> None:
    assert same_answer(f"{left}+{right}", f"{right} + {left}")
    assert same_answer(f"{left}({right}+1)", f"{left}*{right} + {left}")
    assert not same_answer(f"{left}+{right}", f"{left}+{right}+1")


@given(st.text("0123456789()[]{}^/*+-.,\\abxfrcsqt", max_size=60))
def test_anything_near_an_expression_is_graded_without_an_error(text: str) -> None:
    assert same_answer(text, r"\frac{x}{2}") in (True, False)
