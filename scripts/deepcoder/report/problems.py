"""Problems to look at: a few of each source and outcome of a curation, with tests, verdicts and the reason."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, StrictUndefined

from deepcoder.curation.compare import KEPT, PARSE, Curation
from deepcoder.manifest import Manifest
from deepcoder.report.page import VERDICTS
from deepcoder.report.page_samples import printable
from deepcoder.report.page_template import STYLE
from deepcoder.report.problems_template import BODY, OWN_STYLE, SCRIPT
from deepcoder.schemas.curated import VERIFIED
from deepcoder.schemas.plain import json_keeps
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import iter_table, read_table
from deepcoder.schemas.tests_store import TestsStore

SHOWN = 3  # problems of each source and outcome, the first by id, which is a hash
STATEMENT, PROGRAM, VALUE, TITLE = 4000, 2000, 400, 90  # characters
TESTS = 3
OUTCOMES = {"train": "kept for training", "validation": "kept for validation"}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """A problem as it is shown; every text is cut and printable.

    Attributes:
        tests: input and expected output of the first tests.
        verdicts: on its references, a sentence each.
    """

    id: str
    source: str
    outcome: str
    words: str
    title: str
    reason: str
    facts: Mapping[str, str] = field(default_factory=dict)
    statement: str = ""
    starter_code: str = ""
    tests: Sequence[tuple[str, str]] = ()
    program: str = ""
    verdicts: Sequence[str] = ()

    @property
    def kept(self) -> bool:
        return self.outcome in KEPT


def chosen(curation: Curation) -> dict[str, tuple[str, str]]:
    """Fate (outcome and reason) by id of the problems to show."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for identity, (outcome, _) in curation.fates.items():
        groups[curation.names[identity][0], outcome].append(identity)
    return {identity: curation.fates[identity] for group in groups.values() for identity in sorted(group)[:SHOWN]}


def rejected(curation: Curation) -> list[Problem]:
    """A few of the rows of each source that never became a problem."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(curation.rejected, key=lambda row: (row["id"], row["reason"])):
        groups[row["source"]].append(row)
    return [
        Problem(row["id"], row["source"], PARSE, words(PARSE), cut(row["source_id"], TITLE), cut(row["reason"], VALUE))
        for group in groups.values()
        for row in group[:SHOWN]
    ]


def shown_problems(
    curation: Curation, problems: Sequence[Manifest], verified: Sequence[Manifest], store: TestsStore
) -> list[Problem]:
    """The problems to show, by source, then those kept, then by rule, then by id.

    Raises:
        UserError: a table or tests that are missing or damaged.
    """
    fates = chosen(curation)
    verdicts: dict[str, list[Row]] = defaultdict(list)
    for manifest in verified:
        for row in read_table(manifest.file("verdicts.parquet"), VERIFIED):
            if row["problem_id"] in fates:
                verdicts[row["problem_id"]].append(row)
    found = rejected(curation)
    for manifest in problems:
        for row in iter_table(manifest.file("problems.parquet"), PROBLEM):
            if row["id"] in fates:
                found.append(_problem(row, fates[row["id"]], verdicts[row["id"]], store))
    return sorted(found, key=lambda one: (one.source, not one.kept, one.outcome, one.id))


def render_problems(name: str, problems: Sequence[Problem], page: str) -> str:
    """The page about the problems of a curation; markup in any text is escaped. `page` is the report's link."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(BODY).render(
        name=name,
        problems=problems,
        sources=sorted({one.source for one in problems}),
        outcomes={one.outcome: one.words for one in sorted(problems, key=lambda one: (not one.kept, one.outcome))},
        shown=SHOWN,
        page=page,
        style=STYLE + OWN_STYLE,
        script=SCRIPT,
    )


def words(outcome: str) -> str:
    """An outcome in words."""
    return OUTCOMES.get(outcome, f"dropped: {outcome.replace('_', ' ')}")


def cut(text: str, most: int) -> str:
    """The first characters of a text, and how many are left out."""
    shown = printable(text[:most])
    return shown if len(text) <= most else f"{shown}… ({len(text) - most:,} more characters)"


def _problem(row: Row, fate: tuple[str, str], verdicts: Sequence[Row], store: TestsStore) -> Problem:
    outcome, reason = fate
    ordered = sorted(verdicts, key=lambda verdict: (verdict["solution"], verdict["run"]))
    passing = next((verdict["solution"] for verdict in ordered if verdict["verdict"] == "AC"), 0)
    tests = store.get(row["tests_ref"])[:TESTS] if row["tests_ref"] else []
    facts = {
        "id": row["id"],
        "source's id": row["source_id"],
        "kind": f"{row['kind']}, function {row['fn_name']}" if row["fn_name"] else row["kind"],
        "tests": f"{row['tests_count']:,}, {row['tests_bytes']:,} bytes",
        "references": f"{len(row['solutions']):,}",
        "date": row["date"],
        "address": row["url"],
        "licence": row["licence"],
    }
    return Problem(
        row["id"],
        row["source"],
        outcome,
        words(outcome),
        _title(row["statement"]),
        cut(reason, VALUE),
        {name: cut(value, VALUE) for name, value in facts.items() if value},
        cut(row["statement"], STATEMENT),
        cut(row["starter_code"], PROGRAM),
        [_test(test) for test in tests],
        cut(row["solutions"][passing], PROGRAM) if row["solutions"] else "",
        list(_sentences(ordered)),
    )


def _title(statement: str) -> str:
    line = printable(" ".join(statement[: 2 * TITLE].split()))
    return line if len(line) <= TITLE else f"{line[:TITLE].rpartition(' ')[0]}…"


def _test(test: Row) -> tuple[str, str]:
    if "input" in test:
        return cut(test["input"], VALUE), cut(test["output"], VALUE)
    return cut(_literal(test["args"])[1:-1], VALUE), cut(_literal(test["expected"]), VALUE)


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if json_keeps(value) else repr(value)


def _sentences(verdicts: Iterable[Row]) -> Iterable[str]:
    """A sentence for each judged solution; runs that agree are told of once."""
    by_solution: dict[int, list[str]] = defaultdict(list)
    for row in verdicts:
        where = "" if row["failed_test"] is None else f", first failed test {row['failed_test']}"
        meaning = VERDICTS.get(row["verdict"], row["verdict"])
        by_solution[row["solution"]].append(f"{meaning}, {row['passed']} of {row['total']} tests{where}")
    for solution, told in by_solution.items():
        runs = f" in {len(told)} runs" if len(told) > 1 and len(set(told)) == 1 else ""
        yield f"reference {solution}: {'; then '.join(dict.fromkeys(told))}{runs}"
