"""Problems of a benchmark go whatever shows that they are its own, with pairs that say what; or they are listed."""

import json
import random

from true_rows import hub_source

from deepcoder.config.schema import Curation, Deduplication, Verification
from deepcoder.curation.normalise import normalise
from deepcoder.curation.rows import Parsed
from deepcoder.curation.rules import Evidence
from deepcoder.curation.rules.contamination import contamination
from deepcoder.curation.rules.duplicates import exact_duplicate, near_duplicate, shared_tests
from deepcoder.curation.rules.evidence import windows
from deepcoder.schemas.pair import EVIDENCE
from deepcoder.schemas.tests_store import TestsStore

WORDS = [f"word{number}" for number in range(400)]


def statement(seed, words=60):
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def cases(seed, count=8):
    rng = random.Random(seed)
    return [{"input": f"{rng.random()}", "output": f"{rng.random()}"} for _ in range(count)]


def problems(tmp_path, *rows, name="made"):
    parsed = []
    for identity, changes in rows:
        values = {"statement": statement(identity), "tests": cases(identity), **changes}
        parsed.append(Parsed(source_id=identity, kind="stdin", **values))
    return normalise(name, hub_source(), parsed, TestsStore(tmp_path / "tests"))[0]


def config(**decontamination):
    values = {"min_tests": 1, "max_prompt_tokens": 9, "validation_fraction": 0.0}
    how = Deduplication(containment=0.8, **decontamination)
    return Curation(verification=Verification(comparator="tokens"), decontamination=how, **values)


def known(benchmarks, **changes):
    return Evidence({}, frozenset(), len, benchmarks, **changes)


def leaking(tmp_path):
    """Training problems of which each has another reason to go, a clean one, and their benchmark."""
    text, wrapped = statement("text"), statement("wrapped", 30)
    bench = problems(
        tmp_path,
        ("text", {"statement": text}),
        ("wrapped", {"statement": wrapped}),
        ("tests", {}),
        ("contest", {"url": "https://codeforces.com/problemset/problem/1899/A"}),
        ("url", {"url": "https://example.org/t"}),
        name="held",
    )
    training = problems(
        tmp_path,
        ("statement", {"statement": text.replace(text.split()[9], "changed")}),
        ("containment", {"statement": f"{statement('head', 40)} {wrapped} {statement('tail', 40)}"}),
        ("tests", {"statement": statement("other wording"), "tests": cases("tests")}),
        ("contest", {"url": "https://codeforces.com/contest/1899/problem/A"}),
        ("url", {"url": "https://example.org/t", "statement": statement("u"), "tests": cases("u")}),
        ("date", {"date": "2024-08-01", "statement": statement("d")}),
        ("clean", {"date": "2024-07-31", "statement": statement("c")}),
    )
    for row in training:
        if row["source_id"] == "contest":
            row["statement"] = statement("new")
            row["statement_digest"] = "new"
            row["test_digests"] = []
    return training, known({"bench": bench}, windows={"bench": "2024-08-01"})


def test_each_kind_of_evidence_removes_and_is_written_with_its_score(tmp_path):
    training, evidence = leaking(tmp_path)
    removed = contamination(training, config(), evidence)
    names = {row["id"]: row["source_id"] for row in training}
    assert sorted(names[identity] for identity in removed) == sorted(set(names.values()) - {"clean"})
    assert {(names[pair["id"]], pair["evidence"]) for pair in evidence.pairs} == {(kind, kind) for kind in EVIDENCE}
    assert {pair["id"] for pair in evidence.pairs} == set(removed)
    assert all(pair["rule"] == "contamination" and 0.7 <= pair["score"] <= 1 for pair in evidence.pairs)
    reasons = {names[identity]: reason for identity, reason in removed.items()}
    assert all(reason.startswith("bench: ") for reason in reasons.values())
    assert "codeforces/1899/A" in reasons["contest"]
    assert "2024-08-01" in reasons["date"]
    assert "(held wrapped)" in reasons["containment"]


def test_where_it_is_off_nothing_goes_and_the_leaks_are_listed(tmp_path):
    training, evidence = leaking(tmp_path)
    asked = known(evidence.benchmarks, windows=evidence.windows)
    contamination(training, config(), asked)
    assert contamination(training, config(enabled=False), evidence) == {}
    assert evidence.pairs == [{**pair, "rule": "leaked"} for pair in asked.pairs]


def test_another_problem_of_the_same_contest_stays(tmp_path):
    bench = problems(tmp_path, ("a", {"url": "https://codeforces.com/contest/1899/problem/A"}), name="held")
    training = problems(tmp_path, ("b", {"url": "https://codeforces.com/contest/1899/problem/B"}))
    assert contamination(training, config(), known({"bench": bench})) == {}


def test_windows_are_those_of_dated_benchmarks_that_count():
    facts = {"benchmark": "a", "decontaminate": True, "first_day": "2024-08-01"}
    other = [{**facts, "benchmark": "b", "first_day": None}, {**facts, "benchmark": "c", "decontaminate": False}]
    assert windows([facts, *other]) == {"a": "2024-08-01"}


def test_duplicates_of_every_kind_leave_the_best_tested_and_pairs_for_all_that_go(tmp_path):
    text, inner = statement("text"), statement("inner", 30)
    training = problems(
        tmp_path,
        ("exact1", {"statement": text, "tests": cases(1, 5)}),
        ("exact2", {"statement": text.upper(), "tests": cases(2, 7)}),
        ("near", {"statement": text.replace(text.split()[9], "changed"), "tests": cases(3, 9)}),
        ("held", {"statement": inner, "tests": cases(4, 5)}),
        ("holds", {"statement": f"{statement('head', 40)} {inner} {statement('tail', 40)}", "tests": cases(5, 6)}),
        ("wording1", {"tests": cases(6, 6)}),
        ("wording2", {"tests": [*cases(6, 6), *cases(7, 1)]}),
        ("clean", {}),
    )
    names = {row["id"]: row["source_id"] for row in training}
    results = []
    for seed in (1, 2):
        random.Random(seed).shuffle(training)
        left, evidence, gone = training, known({}), {}
        for rule in (exact_duplicate, near_duplicate, shared_tests):
            removed = rule(left, config(), evidence)
            left = [row for row in left if row["id"] not in removed]
            gone |= {names[identity]: (rule.__name__, reason) for identity, reason in removed.items()}
        results.append(json.dumps([sorted(gone.items()), evidence.pairs]))
    assert results[0] == results[1]
    assert {name: rule for name, (rule, _) in gone.items()} == {
        "exact1": "exact_duplicate",
        "exact2": "near_duplicate",
        "held": "near_duplicate",
        "wording1": "shared_tests",
    }
    for name, kept in {"exact1": "exact2", "exact2": "near", "held": "holds", "wording1": "wording2"}.items():
        assert f"(made {kept})" in gone[name][1]
    kinds = {frozenset((names[pair["id"]], names[pair["other_id"]])): pair["evidence"] for pair in evidence.pairs}
    assert kinds == {
        frozenset(("exact1", "exact2")): "statement",
        frozenset(("exact2", "near")): "statement",
        frozenset(("held", "holds")): "containment",
        frozenset(("wording1", "wording2")): "tests",
    }
