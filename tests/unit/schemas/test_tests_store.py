"""What is put into the tests store comes out again, and its references never change."""

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.errors import UserError
from deepcoder.files import sha256_text
from deepcoder.schemas.plain import NotPlainError, json_keeps
from deepcoder.schemas.tests_store import TestsStore

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(4290, 4310).map(lambda digits: 10**digits)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.binary(max_size=4)
    | st.text(st.characters(codec=None), max_size=5)
)
keys = scalars | st.tuples(scalars, scalars) | st.frozensets(scalars, max_size=3)
values = st.recursive(
    keys,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(keys, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
json_tests = st.lists(st.fixed_dictionaries({"args": st.lists(json_values, max_size=3), "expected": json_values}))
call_tests = st.lists(st.fixed_dictionaries({"args": st.lists(values, max_size=3), "expected": values}), max_size=3)


def same(left: object, right: object) -> bool:
    """Equal, and of the same types at every depth."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(
            same(left[key], right[key]) and any(same(key, other) for other in right) for key in left
        )
    if isinstance(left, set | frozenset):
        return left == right and all(any(same(item, other) for other in right) for item in left)
    return left == right


@given(call_tests)
def test_plain_data_comes_back_as_it_was(tests):
    with TemporaryDirectory() as folder:
        store = TestsStore(Path(folder))
        assert same(store.get(store.put(tests)), tests)


@given(json_tests)
def test_what_json_keeps_is_stored_as_plain_json(tests):
    assert json_keeps(tests)
    with TemporaryDirectory() as folder:
        text = json.dumps(tests, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert TestsStore(Path(folder)).put(tests) == sha256_text(text)


def test_a_known_reference_stays(tmp_path):
    tests = [{"input": "1 2\n", "output": "é\n"}, {"expected": {"b": [1.5, None], "a": True}, "args": [[], "x"]}]
    assert TestsStore(tmp_path).put(tests) == "276d38afe96fe0fb8af2ce574c512cef263d54ab041a7e19c64a6419a2450cea"


def test_equal_tests_have_one_reference_whatever_the_order_of_sets_and_keys(tmp_path):
    store = TestsStore(tmp_path)
    one = [{"args": [{"a", "b", "c"}, {(1,): 1, (2,): 2}], "expected": ()}]
    other = [{"expected": (), "args": [{"c", "b", "a"}, {(2,): 2, (1,): 1}]}]
    assert store.put(one) == store.put(other)


def test_what_is_no_plain_data_is_refused(tmp_path):
    with pytest.raises(NotPlainError):
        TestsStore(tmp_path).put([{"args": [object()], "expected": 1}])


@pytest.mark.parametrize("damage", [b"", b"no gzip", gzip.compress(b"[]"), gzip.compress(b"x" * 99)[:-4]])
def test_missing_and_damaged_tests_are_clear_errors(damage, tmp_path):
    store = TestsStore(tmp_path)
    ref = store.put([{"input": "", "output": ""}])
    store.path(ref).write_bytes(damage)
    with pytest.raises(UserError, match="delete it"):
        store.get(ref)
    store.path(ref).unlink()
    with pytest.raises(UserError, match="missing"):
        store.get(ref)
