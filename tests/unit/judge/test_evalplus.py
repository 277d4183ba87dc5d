"""`evalplus` accepts what EvalPlus accepts, also where a problem has more than one right answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.judge import JudgePool, Submission, comparator

evalplus = comparator("evalplus")
nan, inf = float("nan"), float("inf")

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner)
    ),
)


@pytest.mark.parametrize(
    ("got", "expected", "tolerance", "right"),
    [
        (nan, nan, "", False),
        (inf, inf, "", True),
        (inf, 1.0, ":1e-4", False),
        (1.0, inf, ":1e-4", False),
        (1.00005, 1.0, ":1e-4", True),
        ([1, "a"], [1, "b"], ":1e-4", False),
        ([[0.1 + 0.2]], [[0.3]], ":1e-4", True),
        ([[0.1 + 0.2]], [[0.3]], "", False),
        (1j, 1j + 1e-9, ":1e-6", True),
        (10**400, 1.0, ":1e-6", False),
        ({"a": 0.3}, {"a": 0.1 + 0.2}, ":1e-6", False),
        ((1, 2), [1, 2], "", False),
        ({1, 2}, {2, 1}, "", True),
        (None, None, "", True),
    ],
)
def test_the_tolerance_is_that_of_numpy_on_equal_types(got, expected, tolerance, right):
    assert comparator(f"evalplus{tolerance}").value(got, expected) is right


@given(values)
def test_a_value_equals_itself(value):
    assert evalplus.value(value, value)
    assert evalplus.accepts(value, value, [], "f")


@given(values, values)
def test_the_types_at_the_top_decide_first(one, other):
    if evalplus.value(one, other) and type(one) is not type(other):
        assert one == other


@pytest.mark.parametrize(
    ("fn_name", "args", "got", "expected", "right"),
    [
        ("find_zero", [[1, 2]], -0.5, 17, True),
        ("find_zero", [[-6, 11, -6, 1]], 3.0, 1.0, True),
        ("find_zero", [[1, 2]], -0.4999, -0.5, False),
        ("find_zero", [[1, 2]], "-0.5", -0.5, False),
        ("find_zero", [[1, 2]], nan, -0.5, False),
        ("find_zero", [[1, 2]], 10**400, -0.5, False),
        ("find_zero", [[1, 2]], None, -0.5, False),
        ("are_equivalent", [36, 57], True, False, True),
        ("sum_div", [8], 0, 7, True),
        ("sum_div", [8], 6, 7, False),
        ("surface_Area", [3, 4], 34.6, 33, False),
        ("surface_Area", [3, 4], 35, 33, True),
        ("surface_Area", [3, 4], 33, 33, True),
        ("digit_distance_nums", [1, 20], 3, 9, True),
        ("digit_distance_nums", [23, 56], 6, 6, True),
        ("digit_distance_nums", [23, 56], 5, 6, False),
        ("similar_elements", [(1, 2), (2, 3)], (2, 2), [2], True),
        ("similar_elements", [(1, 2), (2, 3)], (3,), [2], False),
        ("Diff", [[1], [2]], 5, [1], False),
        ("check_str", ["a"], True, True, True),
        ("check_str", ["a"], "match", True, True),
        ("check_str", ["a"], None, True, False),
        ("check_str", ["a"], None, False, True),
        ("check_str", ["a"], False, True, False),
        ("other", [[1, 2]], -0.5, -0.5, True),
        ("other", [[1, 2]], [2, 1], [1, 2], False),
    ],
)
def test_oracles_accept_every_right_answer_and_nothing_else(fn_name, args, got, expected, right):
    assert evalplus.accepts(got, expected, args, fn_name) is right


@given(st.floats(-4, 4), st.lists(st.integers(-3, 3), min_size=1, max_size=3))
def test_a_root_is_a_zero_whichever_the_reference_found(root, rest):
    # (x - root) * rest(x), coefficients lowest first.
    product = [0.0] * (len(rest) + 1)
    for power, factor in enumerate(rest):
        product[power] -= root * factor
        product[power + 1] += factor
    assert evalplus.accepts(root, None, [product], "find_zero")


def test_the_tolerance_of_the_problem_holds_for_a_zero():
    assert comparator("evalplus:0.1").accepts(-0.46, None, [[1, 2]], "find_zero")
    assert not comparator("evalplus:1e-9").accepts(-0.49999, None, [[1, 2]], "find_zero")


def test_the_judge_hands_arguments_and_name_to_the_oracle(pool: JudgePool) -> None:
    tests = [{"args": [[1, 2]], "expected": None}, {"args": [[-1, 1]], "expected": None}]
    program = "class Solution:\n    def find_zero(self, xs): return -xs[0] / xs[1]"
    zero = Submission("s", "call", program, tests, fn_name="Solution().find_zero", comparator="evalplus")
    assert pool.judge(zero).verdict == "AC"
    found = "import re\ndef check_str(text): return re.search('a', text)"
    tests = [{"args": ["a"], "expected": True}, {"args": ["b"], "expected": False}]
    match = Submission("s", "call", found, tests, fn_name="check_str", comparator="evalplus")
    assert pool.judge(match).verdict == "AC"
