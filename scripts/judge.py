"""Judge programs on tests: submissions in, verdicts out, in the same order; JSON lines, or parquet by the suffix.

A submission is {id, kind: "stdin"|"call", program, tests: [{input, output}] or [{args, expected}], fn_name?,
time_limit_s?, memory_limit_mb?, comparator?}, with tests_ref, a reference into --tests-store, in place of tests if so
wished. In parquet, tests is a list of structs {input, output}, or text that holds the JSON list (calls: always text).
A malformed row (also one whose reference leads nowhere) is reported by its number and has no verdict; the rest is
judged, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deepcoder.errors import UserError
from deepcoder.judge import COMPARATORS, JudgePool, Submission
from deepcoder.judge.rows import count_rows, read_submissions, verdict_writer


def main() -> int:
    """Parse the arguments, judge, say how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submissions", type=Path, help="JSON lines or .parquet")
    parser.add_argument("verdicts", type=Path, help="JSON lines or .parquet, written when all are judged")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--comparator", default="tokens", help=f"{', '.join(COMPARATORS)} or evalplus:ATOL")
    parser.add_argument("--all-tests", action="store_true", help="go on after a failed test")
    parser.add_argument("--isolation", default="auto", help="auto, bwrap, landlock, or process (none)")
    parser.add_argument("--tests-store", type=Path, help="folder in which a tests_ref is looked up")
    options = parser.parse_args()
    try:
        return judge(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def judge(options: argparse.Namespace) -> int:
    """Judge a file; 0 when every row was a submission, else 1."""
    counts: Counter[str] = Counter()
    malformed: list[UserError] = []
    places: deque[str] = deque()
    with (
        JudgePool(
            options.workers, options.isolation, options.comparator, options.all_tests, options.tests_store
        ) as pool,
        verdict_writer(options.verdicts) as write,
        progress_bar() as progress,
    ):
        bar = progress.add_task("judging", total=count_rows(options.submissions))
        found = read_submissions(options.submissions, pool.check)
        for outcome in pool.imap(well_formed(found, places, malformed), errors="yield"):
            place = places.popleft()
            if isinstance(outcome, UserError):
                tell(UserError(f"{place}: {outcome}"), malformed)
            else:
                write(outcome)
                counts[outcome.verdict] += 1
            progress.update(bar, completed=counts.total() + len(malformed))
    told = ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "nothing judged"
    print(f"{told}; isolation {pool.isolation.level}; malformed rows {len(malformed)}", file=sys.stderr)
    return 1 if malformed else 0


def well_formed(
    found: Iterator[tuple[str, Submission | UserError]], places: deque[str], malformed: list[UserError]
) -> Iterator[Submission]:
    """The submissions, where each stands being added to `places`; errors are told at once."""
    for place, item in found:
        if isinstance(item, Submission):
            places.append(place)
            yield item
        else:
            tell(item, malformed)


def tell(error: UserError, malformed: list[UserError]) -> None:
    """Say what is wrong with a row and keep it in `malformed`."""
    malformed.append(error)
    print(f"error: {error}", file=sys.stderr)


def progress_bar() -> Progress:
    """A bar on standard error, so that standard output stays empty."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


if __name__ == "__main__":
    sys.exit(main())
