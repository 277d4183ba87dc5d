"""Deduplication against datasketch, on made statements whose duplicates are known.

    .venv/bin/python tests/benchmarks/similarity.py [--statements 10000] [--largest 200000]

Both get 128 permutations in 32 bands of 4 rows, the same shingles and one core. "Signatures and query" goes from sets
of shingles to candidates, "end to end" from raw statements to pairs decided by the exact similarity; the ratios of the
last line are of CPU time. Recall is over the planted pairs whose similarity, computed apart with Python's sets, reaches
the threshold; precision over all pairs found. Growth and memory are those of the three rules on tables of a quarter, a
half and all of --largest, each in a process of its own. Last line: {"dedup_vs_datasketch": times, "dedup_end_to_end":
times, "recall": ..., "precision": ..., "peak_mb": ...}.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import numpy as np

from deepcoder.config.schema import Curation, Deduplication, Verification
from deepcoder.curation.rules import Evidence
from deepcoder.curation.rules.duplicates import exact_duplicate, near_duplicate, shared_tests
from deepcoder.curation.similarity.digests import digests_of_tests
from deepcoder.curation.similarity.shingles import shingles_of
from deepcoder.curation.similarity.signatures import banded, pairs_within, signatures_of
from deepcoder.curation.similarity.statements import near_pairs
from deepcoder.curation.similarity.words import normal_text

HOW = Deduplication()
WORDS = 12_000  # of the vocabulary; a word's frequency falls with its rank, as in any text
STOCK = [
    "You are given an array of n integers.",
    "The first line contains a single integer n (1 ≤ n ≤ 10^5).",
    "The second line contains n space separated integers.",
    "Each test consists of multiple test cases.",
    "Print a single integer, the answer to the problem.",
    "If there are multiple answers, print any of them.",
    "It is guaranteed that the sum of n over all test cases does not exceed 2 * 10^5.",
    "For each test case print the answer on a separate line.",
]
LEVELS = (0.95, 0.9, 0.85, 0.8, 0.75, 0.72, 0.65, 0.5)  # similarity aimed at by the edits of a planted copy
PLANTED = 0.1  # of the statements are edited copies of others, a tenth of these exact but for case and layout
DRAWN_AT_ONCE = 1000  # statements
CONFIRMED = 400  # statements of which all pairs are compared with Python's sets
CHILD = "--measure"


@dataclass(frozen=True)
class Made:
    """Statements, and the pairs (positions) that were planted among them."""

    statements: list[str]
    planted: list[tuple[int, int]]


@dataclass(frozen=True)
class Times:
    """Seconds of a clock on the wall and of all cores."""

    wall: float
    cpu: float


def made_statements(count: int, seed: int = 0) -> Made:
    """`count` statements of 150 to 400 words with stock sentences between the others."""
    rng = np.random.default_rng(seed)
    vocabulary = np.array(_vocabulary(random.Random(seed)))
    weights = 1.0 / np.arange(10, WORDS + 10)
    originals = count - int(PLANTED * count)
    statements: list[str] = []
    while len(statements) < originals:
        lengths = rng.integers(130, 380, min(DRAWN_AT_ONCE, originals - len(statements)))
        drawn = rng.choice(vocabulary, int(lengths.sum()), p=weights / weights.sum())
        ends = np.cumsum(lengths)
        for first, last in zip(ends - lengths, ends, strict=True):
            words, stock = drawn[first:last].tolist(), rng.choice(len(STOCK), 3, replace=False)
            for number, place in zip(stock, sorted(rng.integers(0, len(words), 3)), strict=True):
                words.insert(place, STOCK[number])
            statements.append(" ".join(words))
    planted = []
    for number in range(count - originals):
        planted.append((number, len(statements)))
        statements.append(_copy(statements[number], number, rng, vocabulary))
    return Made(statements, planted)


def true_shingles(statement: str) -> set[str]:
    """The set of shingles as texts, with nothing of the code that is measured but the normalised text."""
    words = normal_text(statement).split()
    return {" ".join(words[i : i + HOW.shingle_words]) for i in range(len(words) - HOW.shingle_words + 1)}


def dedup_against_datasketch(count: int = 10_000) -> dict[str, Any]:
    """Times of both and their ratios, recall and precision of ours."""
    made = made_statements(count)
    shingles, shingling = timed(lambda: shingles_of(made.statements, HOW.shingle_words))
    tokens = [[hash_.tobytes() for hash_ in shingles.of(number)] for number in range(count)]
    _, ours = timed(lambda: _our_candidates(shingles))
    _, theirs = timed(lambda: _their_candidates(tokens))
    found, our_whole = timed(lambda: _our_pairs(made.statements))
    their_found, their_whole = timed(lambda: _their_pairs(made.statements))
    quality = _quality(made, found)
    print(f"{count:,} statements, {len(os.sched_getaffinity(0))} cores to have; shingles {shingling.wall:.2f} s")
    for name, one, other in (("signatures and query", ours, theirs), ("end to end", our_whole, their_whole)):
        print(
            f"{name}: {one.wall:.2f} s (CPU {one.cpu:.2f}), datasketch {other.wall:.2f} s (CPU {other.cpu:.2f}): "
            f"{other.wall / one.wall:.1f} times, of CPU time {other.cpu / one.cpu:.1f} times"
        )
    print(
        f"pairs found: {len(found)}, datasketch {len(their_found)}; "
        + ", ".join(f"{k} {v}" for k, v in quality.items())
    )
    return {
        "dedup_vs_datasketch": round(theirs.cpu / ours.cpu, 1),
        "dedup_end_to_end": round(their_whole.cpu / our_whole.cpu, 1),
        "recall": quality["recall"],
        "precision": quality["precision"],
    }


def growth(largest: int = 200_000) -> dict[str, float]:
    """Seconds and memory of the three rules at a quarter, a half and all of `largest`, each in a process of its own."""
    peak = 0.0
    for count in (largest // 4, largest // 2, largest):
        command = [sys.executable, __file__, CHILD, str(count)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        result = json.loads(output.splitlines()[-1])
        peak = result["peak_mb"]
        print(
            f"{count:,} problems: {result['seconds']:.1f} s (CPU {result['cpu_seconds']:.1f}, "
            f"{1e6 * result['cpu_seconds'] / count:.0f} us a problem), peak {peak:,.0f} MB, "
            + ", ".join(f"{rule} {number:,}" for rule, number in result["removed"].items())
        )
    return {"peak_mb": round(peak)}


def same_bytes(count: int = 3000) -> bool:
    """Whether the rules give the same bytes for shuffled rows."""
    rows = made_rows(count)
    digests = set()
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        digests.add(hashlib.sha256(json.dumps(_apply(rows)).encode()).hexdigest())
    print(f"the same bytes for {count:,} problems in three orders: {len(digests) == 1}")
    return len(digests) == 1


def made_rows(count: int) -> list[dict[str, Any]]:
    """Rows with what the rules read; one in a hundred has the tests of the one before it under another wording."""
    statements = made_statements(count).statements
    rng = random.Random(0)
    rows: list[dict[str, Any]] = []
    for number, statement in enumerate(statements):
        inputs = [f"{rng.randrange(10**6)} {rng.randrange(10**6)}" for _ in range(12)]
        digests = digests_of_tests({"input": given, "output": f"{given[::-1]} {number}"} for given in inputs)
        if number % 100 == 99:
            digests = rows[-1]["test_digests"]
        identity = hashlib.sha256(str(number).encode()).hexdigest()
        row = {"id": identity[:16], "source": "made", "source_id": str(number), "statement": statement}
        rows.append(row | {"statement_digest": identity, "tests_count": 12, "test_digests": digests})
    return rows


def timed(work: Callable[[], Any]) -> tuple[Any, Times]:
    """What `work` gives, and what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, Times(time.perf_counter() - wall, time.process_time() - cpu)


def _vocabulary(rng: random.Random) -> list[str]:
    words: set[str] = set()
    while len(words) < WORDS:
        words.add("".join(rng.choices("etaoinshrdlucmfwypvbgkjqxz", weights=range(26, 0, -1), k=rng.randint(2, 11))))
    return sorted(words)


def _copy(statement: str, number: int, rng: np.random.Generator, vocabulary: Any) -> str:
    """An edited copy: other words here and there, or the same in capitals."""
    if number % 10 == 0:
        return statement.upper().replace(" ", "\n", 5)
    words = statement.split(" ")
    level = LEVELS[number % len(LEVELS)]
    # An edited word takes three shingles out of one set and puts three others into the other one.
    edits = round(len(words) * (1 - level) / (1 + level) / HOW.shingle_words)
    for place in rng.choice(len(words), edits, replace=False):
        words[place] = str(rng.choice(vocabulary))
    return " ".join(words)


def _our_candidates(shingles: Any) -> int:
    runs = banded(signatures_of(shingles, HOW.permutations), HOW.bands)
    return sum(len(pairs_within(one)) for one in runs)


def _our_pairs(statements: list[str]) -> list[tuple[int, int, float]]:
    shingles = shingles_of(statements, HOW.shingle_words)
    return near_pairs(shingles, HOW.threshold, HOW.permutations, HOW.bands).pairs


def _their_candidates(tokens: list[list[bytes]]) -> set[tuple[int, int]]:
    from datasketch import MinHash, MinHashLSH

    signatures = MinHash.bulk(tokens, num_perm=HOW.permutations)
    index = MinHashLSH(num_perm=HOW.permutations, params=(HOW.bands, HOW.permutations // HOW.bands))
    with index.insertion_session() as session:
        for number, signature in enumerate(signatures):
            session.insert(number, signature)
    return {
        (number, other)
        for number, signature in enumerate(signatures)
        for other in index.query(signature)
        if number < other
    }


def _their_pairs(statements: list[str]) -> list[tuple[int, int, float]]:
    sets = [true_shingles(statement) for statement in statements]
    found = []
    for first, other in _their_candidates([[token.encode() for token in one] for one in sets]):
        score = len(sets[first] & sets[other]) / len(sets[first] | sets[other])
        if score >= HOW.threshold:
            found.append((first, other, score))
    return sorted(found)


def _quality(made: Made, found: list[tuple[int, int, float]]) -> dict[str, float]:
    """Recall over the planted pairs and over all pairs of a part; precision of all that was found."""
    sets = [true_shingles(statement) for statement in made.statements]

    def similar(pair: tuple[int, int]) -> bool:
        first, other = sets[pair[0]], sets[pair[1]]
        return len(first & other) / len(first | other) >= HOW.threshold

    pairs = {pair[:2] for pair in found}
    truth = set(filter(similar, made.planted))
    copies = len(made.planted)
    some = [*range(CONFIRMED // 2), *range(len(sets) - copies, len(sets) - copies + CONFIRMED // 2)]
    all_pairs = set(filter(similar, itertools.combinations(sorted(some), 2)))
    return {
        "planted": len(made.planted),
        "of them similar": len(truth),
        "recall": round(len(truth & pairs) / len(truth), 4),
        "precision": round(sum(map(similar, pairs)) / len(pairs), 4),
        f"recall over all pairs of {len(some)}": round(len(all_pairs & pairs) / len(all_pairs), 4),
    }


def _apply(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Removed problems by rule, and the pairs, as curate.py writes them."""
    verification = Verification(comparator="tokens")
    config = Curation(min_tests=5, max_prompt_tokens=2048, verification=verification, validation_fraction=0.0)
    evidence = Evidence({}, frozenset(), len, {})
    left, result = rows, {}
    for rule in (exact_duplicate, near_duplicate, shared_tests):
        removed = rule(left, config, evidence)
        left = [row for row in left if row["id"] not in removed]
        result[rule.__name__] = dict(sorted(removed.items()))
    return {"removed": result, "pairs": evidence.pairs}


def _measure(count: int) -> None:
    """In a process of its own: the last line says what the rules took."""
    rows = made_rows(count)
    result, times = timed(lambda: _apply(rows))
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    removed = {rule: len(gone) for rule, gone in result["removed"].items()}
    print(json.dumps({"seconds": times.wall, "cpu_seconds": times.cpu, "peak_mb": peak, "removed": removed}))


def main(count: int, largest: int) -> dict[str, Any]:
    """All of it."""
    result = dedup_against_datasketch(count)
    if not same_bytes():
        sys.exit("error: the order of the input changes the result")
    return result | growth(largest)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--largest", type=int, default=200_000)
    parser.add_argument(CHILD, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        _measure(args.measure)
    else:
        print(json.dumps(main(args.statements, args.largest)))
