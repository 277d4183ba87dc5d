"""Which problem of which site a row is: one name for all addresses of a problem, such as codeforces/1899/A.

Codeforces gives a problem of two divisions two names; that they are one is for the statements to show.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

_CODEFORCES = re.compile(
    r"/(?:problemset/(?:problem|gymproblem)/(\d+)/(\w+)|(?:contest|gym)/(\d+)/problem/(\w+))/?", re.IGNORECASE
)
_CODEFORCES_ID = re.compile(r"(\d+)[_/-]?([A-Za-z]\d*)")
_SLUG = re.compile(r"[^a-z0-9]+")


def contest_problem(url: str | None) -> str | None:
    """The name of the problem at an address; None for any other."""
    try:
        parts = urlsplit(url or "")
        host = (parts.hostname or "").lower()
    except ValueError:  # no address at all
        return None
    for site, name in _SITES.items():
        if host == site or host.endswith(f".{site}"):
            return name(parts.path, parts.query)
    return None


def codeforces(contest: str, index: str) -> str:
    """Index A, B1, ... of a contest by its number."""
    return f"codeforces/{int(contest)}/{index.upper()}"


def codeforces_id(identity: str) -> str | None:
    """The name of a problem written as 1899A, 1899_A or 1899/A."""
    found = _CODEFORCES_ID.fullmatch(identity)
    return codeforces(*found.groups()) if found else None


def atcoder(task: str) -> str:
    """By the task alone, because contests share tasks."""
    return f"atcoder/{task.lower()}"


def leetcode(title: str) -> str | None:
    """By the title as LeetCode's addresses have it: two-sum."""
    slug = _SLUG.sub("-", title.lower()).strip("-")
    return f"leetcode/{slug}" if slug else None


def _at_codeforces(path: str, query: str) -> str | None:
    found = _CODEFORCES.fullmatch(path)
    return codeforces(*[group for group in found.groups() if group]) if found else None


def _below(site: str, pattern: str, form: Callable[[str], str]) -> Callable[[str, str], str | None]:
    """Names from the one group of a pattern of paths."""
    compiled = re.compile(pattern)

    def name(path: str, query: str) -> str | None:
        found = compiled.search(path)
        return f"{site}/{form(found.group(1))}" if found else None

    return name


def _at_aizu(path: str, query: str) -> str | None:
    found = re.search(r"/problems/(\w+)", path)
    identity = found.group(1) if found else parse_qs(query).get("id", [""])[0]
    return f"aizu/{identity.upper()}" if identity else None


_SITES: dict[str, Callable[[str, str], str | None]] = {
    "codeforces.com": _at_codeforces,
    "atcoder.jp": _below("atcoder", r"/tasks/(\w+)", str.lower),
    "leetcode.com": _below("leetcode", r"/problems/([\w-]+)", str.lower),
    "leetcode.cn": _below("leetcode", r"/problems/([\w-]+)", str.lower),
    "codechef.com": _below("codechef", r"/problems/(\w+)", str.upper),
    "hackerrank.com": _below("hackerrank", r"/challenges/([\w-]+)", str.lower),
    "codewars.com": _below("codewars", r"/kata/([\w-]+)", str.lower),
    "geeksforgeeks.org": _below("geeksforgeeks", r"/problems?/([\w-]+)", str.lower),
    "open.kattis.com": _below("kattis", r"/problems/(\w+)", str.lower),
    "spoj.com": _below("spoj", r"/problems/(\w+)", str.upper),
    "u-aizu.ac.jp": _at_aizu,
}
