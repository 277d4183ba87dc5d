"""Judge programs on tests: JSON lines of submissions in, JSON lines of verdicts out, in the same order.

A submission is {id, kind: "stdin"|"call", program, tests: [{input, output}] or [{args, expected}], fn_name?,
time_limit_s?, memory_limit_mb?, comparator?}. A malformed line is reported by its number and has no verdict; the rest
is judged, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deepcoder.errors import UserError
from deepcoder.files import atomic_path
from deepcoder.judge import COMPARATORS, JudgePool, Submission
from deepcoder.judge.rows import read_submissions, verdict_line


def main() -> int:
    """Parse the arguments, judge, say how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("submissions", type=Path, help="JSON lines of submissions")
    parser.add_argument("verdicts", type=Path, help="JSON lines of verdicts, written when all are judged")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--comparator", default="tokens", help=f"{', '.join(COMPARATORS)} or evalplus:ATOL")
    parser.add_argument("--all-tests", action="store_true", help="go on after a failed test")
    parser.add_argument("--isolation", default="auto", help="auto, bwrap, landlock, or process (none)")
    options = parser.parse_args()
    try:
        return judge(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def judge(options: argparse.Namespace) -> int:
    """Judge a file; 0 when every line was a submission, else 1."""
    counts: Counter[str] = Counter()
    malformed: list[UserError] = []
    with (
        JudgePool(options.workers, options.isolation, options.comparator, options.all_tests) as pool,
        atomic_path(options.verdicts) as temporary,
        open(temporary, "w", encoding="utf-8") as output,
        progress_bar() as progress,
    ):
        bar = progress.add_task("judging", total=count_lines(options.submissions))
        found = read_submissions(options.submissions, options.comparator)
        for verdict in pool.imap(well_formed(found, malformed)):
            output.write(verdict_line(verdict))
            counts[verdict.verdict] += 1
            progress.update(bar, completed=counts.total() + len(malformed))
    told = ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "nothing judged"
    print(f"{told}; isolation {pool.isolation.level}; malformed lines {len(malformed)}", file=sys.stderr)
    return 1 if malformed else 0


def well_formed(found: Iterator[Submission | UserError], malformed: list[UserError]) -> Iterator[Submission]:
    """The submissions; errors are told at once and kept in `malformed`."""
    for item in found:
        if isinstance(item, Submission):
            yield item
        else:
            malformed.append(item)
            print(f"error: {item}", file=sys.stderr)


def count_lines(path: Path) -> int:
    """Lines that are not blank."""
    try:
        with open(path, "rb") as lines:
            return sum(1 for line in lines if line.strip())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); give a file of JSON lines") from error


def progress_bar() -> Progress:
    """A bar on standard error, so that standard output stays empty."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


if __name__ == "__main__":
    sys.exit(main())
