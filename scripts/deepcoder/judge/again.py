"""Give stored verdicts again: a random sample of them, compared row by row with what is stored.

How a verdict is given, evaluation/rejudge.py and curation/rejudge.py know; here rows are drawn and compared.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError

Row = Mapping[str, Any]
Again = Callable[[Sequence[Row], int, float], list[Row]]

COMPARED = ("verdict", "passed", "total", "failed_test", "truncated", "response_tokens", "program")
TIMED = ("TLE", "IE")  # these depend on how fast and how busy the machine is
ATTEMPTS = 3
SLACK = 3.0  # a limit that a slower machine would keep


@dataclass(frozen=True)
class Stored:
    """The verdicts of one finished job.

    Attributes:
        path: the table.
        rows: its number of rows; 0 where none can be given again, because of `faults`.
        key: the columns that name a row beside problem_id.
        load: gives the rows, and a function that takes some of them, each of another problem, the number of workers and
            a factor on the time limit, and gives their rows anew, in the same order.
        faults: sentences about rows that are too many or too few.
    """

    path: Path
    rows: int
    faults: Sequence[str]
    key: tuple[str, ...]
    load: Callable[[], tuple[Sequence[Row], Again]]


@dataclass
class Findings:
    """What came of it.

    Attributes:
        judged: number of verdicts given again.
        programs: those of them for which a program ran or an answer was compared.
        differ: a sentence for each verdict that is another one now.
        unsteady: a sentence for each that came out as stored only when repeated.
    """

    judged: int = 0
    programs: int = 0
    differ: list[str] = field(default_factory=list)
    unsteady: list[str] = field(default_factory=list)


def judge_again(stored: Sequence[Stored], number: int, seed: int, workers: int) -> Findings:
    """Draw `number` of all verdicts, each with the same chance, and give them again."""
    places = [(table, row) for table in range(len(stored)) for row in range(stored[table].rows)]
    drawn: dict[int, list[int]] = defaultdict(list)
    for table, row in random.Random(seed).sample(places, min(number, len(places))):
        drawn[table].append(row)
    findings = Findings()
    findings.differ += [fault for table in stored for fault in table.faults]
    for table, chosen in sorted(drawn.items()):
        try:
            _compare(stored[table], sorted(chosen), workers, findings)
        except (UserError, KeyError, TypeError) as error:  # a record of another time lacks a key, or has one more
            findings.differ.append(f"{stored[table].path}: cannot be judged again ({error})")
    return findings


def _compare(stored: Stored, chosen: Sequence[int], workers: int, findings: Findings) -> None:
    rows, again = stored.load()
    for batch in _batches([rows[place] for place in chosen]):
        for old, new in zip(batch, again(batch, workers, 1.0), strict=True):
            findings.judged += 1
            findings.programs += new["verdict"] != "NF"
            if not differences(old, new):
                continue
            where = f"{stored.path}: problem {old['problem_id']} " + " ".join(
                f"{name} {old[name]}" for name in stored.key
            )
            settled, told = _settle(old, new, again)
            (findings.unsteady if settled else findings.differ).append(f"{where}: {told}")


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Parts in which no problem occurs twice."""
    times: dict[str, int] = defaultdict(int)
    parts: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        parts[times[row["problem_id"]]].append(row)
        times[row["problem_id"]] += 1
    yield from parts.values()


def differences(old: Row, new: Row) -> list[str]:
    """`stored AC, now WA` for each compared column that both rows have; programs only by the fact."""
    wrong = [name for name in COMPARED if name in old and old[name] != new[name]]
    return [
        f"{name} differs"
        if name == "program"
        else f"{'' if name == 'verdict' else f'{name} '}stored {old[name]}, now {new[name]}"
        for name in wrong
    ]


def _settle(old: Row, new: Row, again: Again) -> tuple[bool, str]:
    """Judge a verdict that differs alone, several times; whether it was as stored once, and a sentence."""
    for attempt in range(1, ATTEMPTS + 1):
        last = again([old], 1, 1.0)[0]
        if not differences(old, last):
            return True, f"{'; '.join(differences(old, new))}, as stored when judged alone (attempt {attempt})"
    told = f"{'; '.join(differences(old, last))}, {ATTEMPTS} times alone"
    if old["verdict"] == "TLE":
        return False, f"differs (time): {told}; a faster machine, or a forged verdict"
    if last["verdict"] == "TLE":
        slow = not differences(old, again([old], 1, SLACK)[0])
        reason = "as stored" if slow else "not as stored either"
        return False, f"differs (time): {told}; with {SLACK:g} times the time limit {reason}"
    return False, told
