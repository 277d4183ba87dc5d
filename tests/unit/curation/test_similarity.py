"""Similar statements: what is found is exactly what the sets of shingles say, for any text and any number of copies."""

import random
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from deepcoder.config.schema import Deduplication
from deepcoder.curation.similarity import signatures, statements
from deepcoder.curation.similarity.components import components
from deepcoder.curation.similarity.containment import held, held_among
from deepcoder.curation.similarity.shingles import jaccard, shingles_of
from deepcoder.curation.similarity.statements import exact_groups, near_pairs
from deepcoder.curation.similarity.words import normal_text, word_hashes

HOW = Deduplication()
WORDS = [f"word{number}" for number in range(400)]


def statement(seed, words=80):
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def changed(text, count, seed):
    words = text.split()
    for position in random.Random(seed).sample(range(len(words)), count):
        words[position] = f"changed{seed}"
    return " ".join(words)


def true_set(text, words=3):
    parts = normal_text(text).split(" ")
    return {" ".join(parts[i : i + words]) for i in range(max(1, len(parts) - words + 1))}


def true_pairs(texts, threshold):
    sets = list(map(true_set, texts))
    scores = {(a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in combinations(range(len(texts)), 2)}
    return sorted((*pair, score) for pair, score in scores.items() if score >= threshold)


def near(texts):
    return near_pairs(shingles_of(texts, HOW.shingle_words), HOW.threshold, HOW.permutations, HOW.bands)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=40) | st.text("ab _^{}$\\ΣσςéİßﬁＡ²\n", max_size=40), max_size=6), st.integers(1, 4))
def test_shingles_are_the_sets_of_word_runs_for_any_text(texts, words):
    made = shingles_of(texts, words)
    sets = [true_set(text, words) for text in texts]
    assert made.sizes.tolist() == list(map(len, sets))
    for a, b in combinations(range(len(texts)), 2):
        assert jaccard(made.of(a), made.of(b)) == len(sets[a] & sets[b]) / len(sets[a] | sets[b])
    counts = [len(normal_text(text).split()) for text in texts]
    assert np.diff(word_hashes(texts)[1]).tolist() == counts


def test_layout_punctuation_case_and_the_notation_of_formulas_do_not_count():
    texts = [
        r"Given $a_{i}$ ($1 \leq a_{i} \leq 10^{9}$), Print the SUM.",
        "given a_i (1 ≤ a_i ≤ 10^9): print\n\nthe sum",
        "Given ai (1 ≤ ai ≤ 109), print the sum.",
        "Given ai (1 ≤ ai ≤ 109), print the product.",
    ]
    assert exact_groups(shingles_of(texts, 3)) == [[0, 1, 2]]


def test_near_duplicates_are_found_with_their_exact_score_and_others_are_not():
    base = [statement(number) for number in range(40)]
    texts = base + [changed(base[number], 2 + number % 2, number) for number in range(20)]
    found = near(texts)
    assert found.pairs == true_pairs(texts, HOW.threshold)
    assert len(found.pairs) == 20
    assert found.complete


def test_few_and_empty_statements_are_no_error():
    for texts in ([], ["one"], ["", ""]):
        assert near(texts).complete
    assert near(["", ""]).pairs == [(0, 1, 1.0)]


def test_thousands_of_one_template_cost_linear_work_and_leave_no_pair_behind(monkeypatch):
    template = statement("template", 120)
    texts = [changed(template, 3, seed) for seed in range(200)] + [statement(seed) for seed in range(20)]
    monkeypatch.setattr(signatures, "LARGEST_BUCKET", 16)
    monkeypatch.setattr(statements, "LARGEST_BUCKET", 16)
    compared = 0

    def counted(first, other):
        nonlocal compared
        compared += 1
        return jaccard(first, other)

    monkeypatch.setattr(statements, "jaccard", counted)
    found = near(texts)
    assert not found.complete
    assert compared <= 2 * len(texts) * 16 < 200 * 199 // 2
    truth = {pair[:2] for pair in true_pairs(texts, HOW.threshold)}
    assert {pair[:2] for pair in found.pairs} <= truth
    assert {place for pair in found.pairs for place in pair[:2]} == {place for pair in truth for place in pair}
    assert components(pair[:2] for pair in found.pairs) == [list(range(200))]


def test_a_large_bucket_of_different_statements_is_searched_to_its_end():
    """Boilerplate puts statements into one bucket that are not similar; a pair among the last ones is found."""
    boilerplate = statement("instructions", 160)
    texts = [f"{boilerplate} {statement(seed, 120)}" for seed in range(120)]
    texts.append(f"{boilerplate} {changed(statement(119, 120), 4, 1)}")
    found = near(texts)
    assert found.pairs == true_pairs(texts, HOW.threshold)


def test_a_statement_inside_a_longer_prompt_is_found_by_what_it_holds():
    inner = statement("inner", 60)
    texts = [statement(seed, 60) for seed in range(30)] + [f"{statement('head', 40)} {inner} {statement('tail', 40)}"]
    wholes = shingles_of(texts, 3)
    (one,) = held(shingles_of([inner, statement("absent", 60)], 3), wholes, 0.8)
    assert (one.part, one.whole, one.common) == (0, 30, len(true_set(inner)))
    half = inner.split()[:30]
    assert held(shingles_of([" ".join([*half, *statement("rest", 30).split()])], 3), wholes, 0.8) == []


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_all_statements_that_hold_a_share_of_another_are_found(data):
    texts = data.draw(st.lists(st.lists(st.sampled_from("abc"), max_size=12).map(" ".join), min_size=1, max_size=8))
    least = data.draw(st.sampled_from([0.3, 0.7, 0.8, 1.0]))
    made = shingles_of(texts, 2)
    sets = [true_set(text, 2) for text in texts]
    truth = [
        (a, b, len(sets[a] & sets[b]))
        for a in range(len(texts))
        for b in range(len(texts))
        if len(sets[a] & sets[b]) >= least * len(sets[a])
    ]
    assert [(one.part, one.whole, one.common) for one in held(made, made, least)] == truth


def test_statements_that_hold_one_another_are_found_among_many_and_short_ones_are_left_alone():
    inner = [statement(seed, 90) for seed in range(40)]
    wrapped = [f"{statement(f'head{seed}', 60)} {text}" for seed, text in enumerate(inner)]
    short = ["print the sum", f"print the sum {statement('other')}"]
    found = held_among(shingles_of([*inner, *wrapped, *short], 3), 0.95, 20)
    assert [(one.part, one.whole) for one in found] == [(number, 40 + number) for number in range(40)]


def test_hashes_depend_on_nothing_but_the_words():
    assert [hex(value) for value in word_hashes(["a word, ß"])[0]] == [
        "0x96947395e22f628d",
        "0x688432c482692e6f",
        "0xf30ada3060d5c81c",
    ]
    places = shingles_of(["", "a word, ß"], 3)
    assert places.of(1)[0] == shingles_of([*WORDS, "A-word ß!"], 3).of(len(WORDS))[0]


def test_components_connect_chains():
    assert components([(3, 1), (1, 2), (7, 9)]) == [[1, 2, 3], [7, 9]]
