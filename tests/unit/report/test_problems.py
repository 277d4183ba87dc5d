"""The page of problems: a few of each source and outcome, whatever their texts hold."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checkout import ROOT

from deepcoder.config.schema import Verification
from deepcoder.curation.compare import Curation, load_curation
from deepcoder.curation.curate import Curated, write_curated
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.report.problems import SHOWN, Problem, chosen, cut, render_problems, shown_problems
from deepcoder.schemas.curated import VERIFIED
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import write_table
from deepcoder.schemas.tests_store import TestsStore

XHTML = "{http://www.w3.org/1999/xhtml}"
HOSTILE = '<script>alert("1")</script> \x07 & </pre> <img src=x onerror="alert(2)"/> {{ 7 * 7 }}'


def text_of(element: ET.Element) -> str:
    return "".join(element.itertext())


def row(identity: str, tests_ref: str | None, **changes: Any) -> dict[str, Any]:
    values = {
        "id": identity, "source": "made", "source_id": f"the {identity}", "statement": f"Add {identity}.",
        "starter_code": "", "kind": "stdin", "tests_ref": tests_ref, "tests_count": 5, "tests_bytes": 99,
        "largest_test_bytes": 20, "solutions": ["print(1)", "print(2)"], "split": "train", "licence": "MIT",
    }  # fmt: skip
    return dict.fromkeys(PROBLEM.names) | values | changes


def verdict(identity: str, solution: int, run: int, word: str) -> dict[str, Any]:
    good = word == "AC"
    counts = {"passed": 5 if good else 2, "total": 5, "failed_test": None if good else 2}
    return {"problem_id": identity, "solution": solution, "run": run, "verdict": word, **counts}


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the artifacts that the page is made from."""
    root = tmp_path_factory.mktemp("curated")
    store = TestsStore(root / "tests")
    long = store.put([{"input": "9" * 100_000, "output": HOSTILE} for _ in range(5)])
    call = store.put([{"args": [(1, "a"), 2], "expected": {3}}])
    kept = [row(f"a{number}", long) for number in range(5)]
    kept += [row("b", call, kind="call", fn_name="f", statement=HOSTILE, starter_code="def f(): ...")]
    lost = [row("c", long, statement="x" * 50_000), row("d", None, source="other", solutions=[])]
    gone = {"c": ("verified", HOSTILE), "d": ("parseable", "no reference solution")}
    dropped = [
        {"id": one["id"], "source": one["source"], "source_id": one["source_id"], "rule": rule, "reason": reason}
        for one, (rule, reason) in zip(lost, gone.values(), strict=True)
    ]
    dropped += [
        {"id": f"e{n}", "source": "made", "source_id": HOSTILE, "rule": "parse", "reason": "no tests"} for n in "123456"
    ]
    policy, curated = Verification(comparator="tokens"), Curated(kept[:5], kept[5:], dropped, [], [])
    write_curated(root / "strict/manifest.json", "strict", policy, curated, kept)
    for source in ("made", "other"):
        own = [one for one in [*kept, *lost] if one["source"] == source]
        write_table(root / source / "problems.parquet", own, PROBLEM)
        write_manifest(root / source / "manifest.json", "problems", [root / source / "problems.parquet"])
    verdicts = [verdict("a1", solution, run, word) for solution, word in enumerate(("WA", "AC")) for run in (0, 1)]
    verdicts += [verdict("c", 0, 0, "AC"), verdict("c", 0, 1, "TLE")]
    write_table(root / "verdicts.parquet", verdicts, VERIFIED)
    write_manifest(root / "verified.json", "verified", [root / "verdicts.parquet"])
    return root


@pytest.fixture(scope="module")
def page(curated: Path) -> str:
    words = ["--curated", "strict/manifest.json", "--problems", "other/manifest.json", "made/manifest.json"]
    words += ["--verified", "verified.json", "--tests-store", "tests"]
    command = [sys.executable, ROOT / "scripts/render_problems.py", "problems.html", *words]
    done = subprocess.run(command, cwd=curated, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return (curated / "problems.html").read_text(encoding="utf-8")


def shown(page: str) -> list[ET.Element]:
    found = ET.fromstring(page).iter(f"{XHTML}details")
    return [element for element in found if element.get("class") == "problem"]


def test_a_few_of_each_source_and_outcome_are_shown_those_kept_first(page: str) -> None:
    found = [(one.get("data-source"), one.get("data-outcome")) for one in shown(page)]
    assert Counter(found) == {
        ("made", "train"): SHOWN, ("made", "validation"): 1, ("made", "parse"): SHOWN, ("made", "verified"): 1,
        ("other", "parseable"): 1,
    }  # fmt: skip
    assert found[0] == ("made", "train")
    chosen_words = [option.get("value") for option in ET.fromstring(page).iter(f"{XHTML}option")]
    assert {outcome for _, outcome in found} <= set(chosen_words)


def test_a_problem_shows_statement_tests_verdicts_reference_and_reason(page: str) -> None:
    by_text = {text_of(one): one for one in shown(page)}
    [passing] = [text for text in by_text if "Add a1." in text]
    assert "reference 0: wrong answer, 2 of 5 tests, first failed test 2 in 2 runs" in passing
    assert "reference 1: accepted, 5 of 5 tests in 2 runs" in passing
    assert "print(2)" in passing, "the reference that passes is the one that is shown"
    assert "print(1)" not in passing
    [lost] = [text for text in by_text if "dropped: verified" in text]
    assert "Why:" in lost
    assert "reference 0: accepted, 5 of 5 tests; then time limit, 2 of 5 tests, first failed test 2" in lost
    [call] = [text for text in by_text if "call, function f" in text]
    assert "[(1, 'a'), 2]"[1:-1] in call
    assert "{3}" in call


def test_long_texts_are_cut_and_say_by_how_much(page: str) -> None:
    assert len(page) < 60_000
    assert "(99,600 more characters)" in page
    assert "(46,000 more characters)" in page
    assert cut("abc", 3) == "abc"


def test_no_text_of_a_source_becomes_markup(page: str) -> None:
    assert page.count("<script>") == 1
    assert "<img" not in page
    assert "{{ 7 * 7 }}" in page
    assert "&lt;script&gt;alert(" in page
    for attribute in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert attribute == "index.html"


def test_the_page_repeats_byte_for_byte_for_any_order_of_its_inputs(curated: Path, page: str) -> None:
    problems = [read_manifest(curated / name / "manifest.json") for name in ("made", "other")]
    verified = [read_manifest(curated / "verified.json")]
    curation = load_curation(curated / "strict/manifest.json")
    turned = Curation("strict", dict(reversed(curation.fates.items())), curation.names, curation.rejected[::-1], {})
    found = shown_problems(turned, problems, verified, TestsStore(curated / "tests"))
    assert render_problems("strict", found, "index.html") == page
    assert list(chosen(curation)) != list(chosen(turned))


@settings(max_examples=10, deadline=None)
@given(st.text(max_size=200), st.text(max_size=60))
def test_any_text_fits_into_the_page(text: str, name: str) -> None:
    one = Problem("id", "s", "rule", cut(text, 90), cut(name, 90), cut(text, 90), {"a": cut(name, 9)}, cut(text, 99))
    ET.fromstring(render_problems("strict", [one], "index.html"))
