"""The rule about problems of a benchmark; where it is off, it lists what the training set leaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deepcoder.config.schema import Curation, Deduplication
from deepcoder.curation.rules.evidence import Evidence, Removed, Row, named, pair
from deepcoder.curation.similarity.containment import held
from deepcoder.curation.similarity.shared_tests import shared_tests
from deepcoder.curation.similarity.shingles import Shingles, jaccard, shingles_of

Known = Sequence[tuple[str, Row]]  # benchmark and its problem
KINDS = ("statement", "containment", "tests", "contest", "url", "date")  # the first that is found is the reason


@dataclass(frozen=True)
class Leak:
    """A training problem that is one of a benchmark (`known`), or, without `known`, may be by its date."""

    row: Row
    benchmark: str
    known: Row | None
    kind: str
    score: float

    def reason(self) -> str:
        """Why it goes."""
        if self.known is None:
            return f"{self.benchmark}: dated {self.row['date']}, inside or after the benchmark's window"
        words = {
            "statement": f"similar to {named(self.known)} (similarity {self.score:.3f})",
            "containment": f"holds the statement of {named(self.known)} (share {self.score:.3f})",
            "tests": f"same tests as {named(self.known)} (share {self.score:.3f})",
            "contest": f"is {self.row['contest_problem']}, as {named(self.known)}",
            "url": f"same URL as {named(self.known)}",
        }
        return f"{self.benchmark}: {words[self.kind]}"

    def order(self) -> tuple[object, ...]:
        """Stronger evidence first, then by ids."""
        return KINDS.index(self.kind), -self.score, self.benchmark, self.known["id"] if self.known else ""


def contamination(rows: Sequence[Row], config: Curation, evidence: Evidence) -> Removed:
    """Problems that are in a benchmark by statement, tests, contest or URL, or dated inside or after its window.

    With `decontamination.enabled` off nothing is removed and the pairs are written under the rule "leaked".
    """
    how = config.decontamination
    rows = sorted(rows, key=lambda row: row["id"])
    known = [(name, row) for name, problems in sorted(evidence.benchmarks.items()) for row in problems]
    known.sort(key=lambda item: (item[0], item[1]["id"]))
    training = evidence.shingles.of(rows, how.shingle_words)
    targets = shingles_of([row["statement"] for _, row in known], how.shingle_words)
    leaks = [
        *_by_statement(rows, known, training, targets, how),
        *_by_tests(rows, known, training, targets, how),
        *_by_name(rows, known),
        *_by_date(rows, evidence),
    ]
    leaks.sort(key=lambda leak: (leak.row["id"], leak.order()))
    rule = "contamination" if how.enabled else "leaked"
    removed: Removed = {}
    for leak in leaks:
        other = leak.known["id"] if leak.known else ""
        evidence.pairs.append(pair(rule, leak.row["id"], other, leak.kind, leak.score, leak.benchmark))
        removed.setdefault(leak.row["id"], leak.reason())
    return removed if how.enabled else {}


def _by_statement(
    rows: Sequence[Row], known: Known, training: Shingles, targets: Shingles, how: Deduplication
) -> Iterator[Leak]:
    """Every pair at or above a threshold: a similarity of t asks for a share of t of the benchmark's shingles."""
    for found in held(targets, training, min(how.threshold, how.containment)):
        size = len(targets.of(found.part))
        similarity = found.common / (size + len(training.of(found.whole)) - found.common)
        if similarity >= how.threshold:
            yield Leak(rows[found.whole], *known[found.part], "statement", similarity)
        elif found.common >= how.containment * size and size >= how.containment_shingles:
            yield Leak(rows[found.whole], *known[found.part], "containment", found.common / size)


def _by_tests(
    rows: Sequence[Row], known: Known, training: Shingles, targets: Shingles, how: Deduplication
) -> Iterator[Leak]:
    """Pairs of a training and a benchmark problem with the same tests."""

    def similarity(first: int, other: int) -> float:
        return jaccard(targets.of(first), training.of(other - len(known)))

    digests = [row["test_digests"] for row in [*(row for _, row in known), *rows]]
    for first, other, score in shared_tests(digests, how.tests, similarity, between=len(known)).pairs:
        yield Leak(rows[other - len(known)], *known[first], "tests", score)


def _by_name(rows: Sequence[Row], known: Known) -> Iterator[Leak]:
    """The same problem of a contest, or the same address."""
    for kind, column in (("contest", "contest_problem"), ("url", "url")):
        named_so = defaultdict(list)
        for benchmark, row in known:
            if row[column]:
                named_so[row[column]].append((benchmark, row))
        for row in rows:
            for benchmark, target in named_so.get(row[column], ()):
                yield Leak(row, benchmark, target, kind, 1.0)


def _by_date(rows: Sequence[Row], evidence: Evidence) -> Iterator[Leak]:
    """Problems of a day on or after the first of a benchmark's window."""
    for benchmark, first_day in sorted(evidence.windows.items()):
        for row in rows:
            if row["date"] and row["date"] >= first_day:
                yield Leak(row, benchmark, None, "date", 1.0)
