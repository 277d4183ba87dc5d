"""Ask where a number comes from, or whether anything was changed since it was made.

audit.py results/smoke/report/benchmarks.csv --cell "strict/32k,humaneval"   the path from that row to the raw bytes
audit.py config/published/main.csv --cell "DeepCoder-14B-Preview,livecodebench"   what is known of a published number
audit.py config/published                                                    the same of each, in a line
audit.py results/smoke/provenance.lock                                       re-hash everything that the lock lists
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.provenance.audit import compare_locks, compare_with_lock, faults, lines, strays, walk
from deepcoder.provenance.cells import read_cell
from deepcoder.provenance.lockfile import collect, read_lock
from deepcoder.provenance.rederive import rederive
from deepcoder.provenance.trail import follow
from deepcoder.provenance.trail_text import text, to_json
from deepcoder.provenance.why import jobs_below
from deepcoder.report import published_audit


def audit_run(target: Path, trusted: Path | None) -> list[str]:
    """Everything that a lock sums up: its bytes, its records, what it was made from, and what else lies there."""
    lock, results = read_lock(target), target.parent
    checks = {
        f"{len(lock)} artifacts re-hashed": compare_with_lock(lock),
        "records compared with the lock": compare_locks(collect(results), lock),
        "scores and tables made again": rederive(jobs_below(results), Path(__file__).parent),
        "files that no rule has made": strays(results, lock),
    }
    if trusted is not None:
        checks[f"lock compared with {trusted}"] = compare_locks(lock, read_lock(trusted))
    for what, found in checks.items():
        print(f"{what}: {len(found)} differences")
    return [fault for found in checks.values() for fault in found]


def audit_cell(table: Path, words: str, as_json: bool, whole: bool) -> list[str]:
    """The trail of a number of ours."""
    trail = follow(read_cell(table, words), Path(__file__).parent)
    if as_json:
        print(json.dumps(to_json(trail, whole), indent=2, ensure_ascii=False))
        return trail.faults
    print("\n".join(text(trail, whole)))
    return trail.faults


def audit_published(table: Path, words: str | None, as_json: bool) -> list[str]:
    """What is known of the published numbers of a table, or of the one that `words` name."""
    found = published_audit.assess(table, words)
    if as_json:
        print(json.dumps(published_audit.to_json(found), indent=2, ensure_ascii=False))
    else:
        print("\n".join(published_audit.text(found) if words else published_audit.listing(found)))
    return []


def audit(args: argparse.Namespace) -> list[str]:
    """Print what was found and return the faults."""
    # Records name their files as seen from the working folder.
    target = Path(os.path.relpath(args.target) if args.target.is_relative_to(Path.cwd()) else args.target)
    if not target.exists():
        raise UserError(f"{target}: no such file; make it with snakemake all")
    if published_audit.is_published(target):
        return audit_published(target, args.cell, args.json)
    if args.cell is not None:
        return audit_cell(target, args.cell, args.json, args.all)
    if args.json or args.all:
        raise UserError(f"{target}: --json and --all go with --cell")
    if target.suffix == ".lock":
        return audit_run(target, args.trusted)
    tree = walk(target)
    print("\n".join(lines(tree)))
    return list(faults(tree))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="a table, any artifact, a provenance.lock, or config/published")
    parser.add_argument("--trusted", type=Path, help="a lock from elsewhere (git, a colleague) to compare with")
    parser.add_argument("--cell", help="comma-separated words that name one row, for example strict/32k,humaneval")
    parser.add_argument("--json", action="store_true", help="of a cell: JSON on stdout, differences among it")
    parser.add_argument("--all", action="store_true", help="of a cell: with the full tree and every value of a config")
    args = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a reader that has seen enough, as `| head`
    try:
        found = audit(args)
    except UserError as error:
        sys.exit(f"error: {error}")
    for fault in found:
        print(f"DIFFERS {fault}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
