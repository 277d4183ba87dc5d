"""One name for all addresses of a problem, and none for anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.curation.contest import codeforces_id, contest_problem, leetcode

ADDRESSES = [
    ("https://codeforces.com/problemset/problem/1899/A", "codeforces/1899/A"),
    ("http://www.codeforces.com/contest/1899/problem/a/", "codeforces/1899/A"),
    ("https://m1.codeforces.com/contest/1899/problem/A?locale=en", "codeforces/1899/A"),
    ("https://codeforces.com/contest/1133/problem/F1", "codeforces/1133/F1"),
    ("https://codeforces.com/gym/100001/problem/B", "codeforces/100001/B"),
    ("https://codeforces.com/problemset/gymProblem/100001/B", "codeforces/100001/B"),
    ("https://codeforces.com/contest/1899", None),
    ("https://codeforces.com/blog/entry/1899", None),
    ("https://atcoder.jp/contests/abc301/tasks/abc301_a", "atcoder/abc301_a"),
    ("https://abc042.contest.atcoder.jp/tasks/arc058_a", "atcoder/arc058_a"),
    ("https://leetcode.com/problems/two-sum/", "leetcode/two-sum"),
    ("https://leetcode.com/contest/weekly-contest-1/problems/two-sum/description/", "leetcode/two-sum"),
    ("https://www.codechef.com/START01/problems/flow001", "codechef/FLOW001"),
    ("https://www.codechef.com/problems/FLOW001", "codechef/FLOW001"),
    ("https://www.hackerrank.com/contests/x/challenges/solve-me-first/problem", "hackerrank/solve-me-first"),
    ("https://www.codewars.com/kata/5168bb5dfe9a00b126000018", "codewars/5168bb5dfe9a00b126000018"),
    ("https://practice.geeksforgeeks.org/problems/sorted-subsequence/1", "geeksforgeeks/sorted-subsequence"),
    ("https://onlinejudge.u-aizu.ac.jp/problems/ITP1_1_A", "aizu/ITP1_1_A"),
    ("http://judge.u-aizu.ac.jp/onlinejudge/description.jsp?id=itp1_1_a", "aizu/ITP1_1_A"),
    ("https://notcodeforces.com/problemset/problem/1899/A", None),
    ("https://example.org/codeforces.com/problemset/problem/1899/A", None),
    ("", None),
    (None, None),
    ("https://[", None),
]


@pytest.mark.parametrize(("url", "name"), ADDRESSES)
def test_addresses_of_a_problem_have_one_name(url, name):
    assert contest_problem(url) == name


@given(st.text(max_size=60) | st.text(max_size=30).map("https://codeforces.com/contest/1/problem/{}".format))
def test_any_text_has_a_name_or_none(text):
    name = contest_problem(text)
    assert name is None or "/" in name


def test_ids_of_sources_are_the_same_names_as_addresses():
    assert codeforces_id("1899A") == codeforces_id("1899_A") == contest_problem(ADDRESSES[0][0])
    assert codeforces_id("1133F1") == "codeforces/1133/F1"
    assert codeforces_id("vcp-1") is None
    assert leetcode("Two Sum") == leetcode("two-sum") == "leetcode/two-sum"
    assert leetcode("?!") is None
