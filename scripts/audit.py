"""Ask where a number comes from, or whether anything was changed since it was made.

audit.py results/smoke/report/benchmarks.csv --cell "strict/32k,humaneval"   the path from that row to the raw bytes
audit.py results/smoke/paper.pdf --address "strict/32k · a1b2c3"             the same from an address in the paper
audit.py config/published/main.csv --cell "DeepCoder-14B-Preview,livecodebench"   what is known of a published number
audit.py config/published                                                    the same of each, in a line
audit.py results/smoke/provenance.lock                                       re-hash everything that the lock lists
audit.py results/smoke/provenance.lock --deep                                and judge a random sample of programs again
"""

import argparse
import itertools
import json
import os
import secrets
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.curation.rejudge import stored_references
from deepcoder.errors import UserError
from deepcoder.evaluation.rejudge import stored_samples
from deepcoder.judge.again import Stored, judge_again
from deepcoder.provenance.audit import faults, lines, walk
from deepcoder.provenance.cells import read_cell
from deepcoder.provenance.checks import (
    compare_inputs,
    compare_locks,
    compare_notes,
    compare_records,
    compare_tests,
    compare_with_lock,
    readable_jobs,
    strays,
)
from deepcoder.provenance.committed import committed_lock
from deepcoder.provenance.lockfile import read_lock
from deepcoder.provenance.rederive import rederive
from deepcoder.provenance.trail import follow, owner_of
from deepcoder.provenance.trail_text import text, to_json
from deepcoder.report import published_audit
from deepcoder.report.paper import addresses
from deepcoder.report.paper.finding import finding_of

Check = tuple[str, Sequence[str]]  # what was looked at, and a sentence for each fault, the path first
JUDGED = {"grade.py": stored_samples, "verify.py": stored_references}


@dataclass(frozen=True)
class Deep:
    """How many stored verdicts are given again, and the seed by which they are drawn."""

    samples: int
    seed: int


def audit_run(target: Path, trusted: Path | None, deep: Deep | None = None) -> list[str]:
    """Everything that a lock sums up: its bytes, its records, what it was made from, and what else lies there."""
    found: list[str] = []
    for what, differing in itertools.chain(at_rest(target, trusted), made_again(target, deep)):
        print(f"{what}: {len(differing)} differences", flush=True)
        found += differing
    if trusted is None and committed_lock(target) is None:
        print(f"{target} is not in git: what was rewritten together with its record and the lock is not found")
    return found


def at_rest(target: Path, trusted: Path | None = None) -> Iterator[Check]:
    """What is compared as it lies there."""
    lock, results = read_lock(target), target.parent
    yield f"{len(lock)} artifacts re-hashed", compare_with_lock(lock)
    yield "records compared with the lock", compare_records(results, lock)
    yield "inputs compared with what they were", compare_inputs(lock)
    yield "stored tests re-hashed", compare_tests(results, lock)
    yield "files that no rule has made", strays(results, lock)
    if (committed := committed_lock(target)) is not None:
        notes = compare_notes(target, committed.records)
        yield f"lock compared with git ({committed.commit})", [*compare_locks(lock, committed.lock, "git"), *notes]
    if trusted is not None:
        yield f"lock compared with {trusted}", compare_locks(lock, read_lock(trusted))


def made_again(target: Path, deep: Deep | None) -> Iterator[Check]:
    """What is made once more and compared."""
    jobs = readable_jobs(read_lock(target))
    yield "samples, scores, tables and the paper made again", rederive(jobs, Path(__file__).parent)
    if deep is not None:
        yield judge_sample(jobs, deep)


def judge_sample(jobs: Sequence[Mapping[str, Any]], deep: Deep) -> Check:
    """What was judged again, in words, and the faults."""
    stored, broken = list[Stored](), list[str]()
    for job in jobs:
        if job["door"] in JUDGED:
            try:
                stored.append(JUDGED[job["door"]](job))
            except (UserError, KeyError, TypeError) as error:
                broken.append(f"{job['outputs'][0]['path']}: its verdicts cannot be given again ({error})")
    findings = judge_again(stored, deep.samples, deep.seed, os.cpu_count() or 1)
    print(*(f"unsteady: {told}" for told in findings.unsteady), sep="\n", end="\n" if findings.unsteady else "")
    # So large a share of forged verdicts leaves no trace in a sample with a chance of 5% only.
    share = 1 - 0.05 ** (1 / max(1, findings.judged))
    total = sum(table.rows for table in stored)
    what = (
        f"{findings.judged} of {total} verdicts given again, {findings.programs} with a program or an answer "
        f"(--seed {deep.seed}; forgeries in {100 * share:.1f}% of them would show with 95%)"
    )
    return what, [*broken, *findings.differ]


def audit_cell(table: Path, words: str, as_json: bool, whole: bool) -> list[str]:
    """The trail of a number of ours."""
    trail = follow(read_cell(table, words), Path(__file__).parent)
    if as_json:
        print(json.dumps(to_json(trail, whole), indent=2, ensure_ascii=False))
        return trail.faults
    print("\n".join(text(trail, whole)))
    return trail.faults


def audit_address(document: Path, text: str, as_json: bool, whole: bool) -> list[str]:
    """Everything behind an address that a document prints."""
    found = [finding_of(document, item, Path(__file__).parent) for item in addresses.resolve(document, text)]
    if as_json:
        print(json.dumps([item.to_json(whole) for item in found], indent=2, ensure_ascii=False))
    else:
        print("\n".join(line for item in found for line in item.text(whole)))
    return list(dict.fromkeys(fault for item in found for fault in item.faults))


def audit_published(table: Path, words: str | None, as_json: bool) -> list[str]:
    """What is known of the published numbers of a table, or of the one that `words` name."""
    found = published_audit.assess(table, words)
    if as_json:
        print(json.dumps(published_audit.to_json(found), indent=2, ensure_ascii=False))
    else:
        print("\n".join(published_audit.text(found) if words else published_audit.listing(found)))
    return []


def audit(args: argparse.Namespace, deep: Deep | None) -> list[str]:
    """Print what was found and return the faults."""
    # Records name their files as seen from the working folder.
    target = Path(os.path.relpath(args.target) if args.target.is_relative_to(Path.cwd()) else args.target)
    if not target.exists():
        raise UserError(f"{target}: no such file; make it with snakemake all")
    if published_audit.is_published(target):
        return audit_published(target, args.cell, args.json)
    if args.address is not None:
        return audit_address(owner_of(target), args.address, args.json, args.all)
    if args.cell is not None:
        return audit_cell(target, args.cell, args.json, args.all)
    if args.json or args.all:
        raise UserError(f"{target}: --json and --all go with --cell or --address")
    if target.suffix == ".lock":
        return audit_run(target, args.trusted, deep)
    tree = walk(target)
    print("\n".join(lines(tree)))
    return list(faults(tree))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="a table, any artifact, a provenance.lock, or config/published")
    parser.add_argument("--trusted", type=Path, help="a lock from elsewhere (git, a colleague) to compare with")
    parser.add_argument("--cell", help="comma-separated words that name one row, for example strict/32k,humaneval")
    parser.add_argument("--address", help="as printed in a document, for example 'strict/32k · a1b2c3'")
    parser.add_argument(
        "--json", action="store_true", help="of a cell or an address: JSON on stdout, differences among it"
    )
    parser.add_argument(
        "--all", action="store_true", help="of a cell or an address: with the full tree and every value of a config"
    )
    parser.add_argument("--deep", action="store_true", help="judge a random sample of the stored verdicts again")
    parser.add_argument("--samples", type=int, default=100, help="how many, with --deep (default 100)")
    parser.add_argument("--seed", type=int, help="of that sample; by default nobody can foresee it")
    args = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough, as `| head`
    seed = secrets.randbits(32) if args.seed is None else args.seed
    try:
        found = audit(args, Deep(args.samples, seed) if args.deep else None)
    except UserError as error:
        sys.exit(f"error: {error}")
    for fault in found:
        print(f"DIFFERS {fault}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
