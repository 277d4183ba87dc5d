"""Ask where a number comes from, or whether anything was changed since it was made.

audit.py results/smoke/report/benchmarks.csv --cell "strict/32k,humaneval"   the path from that row to the raw bytes
audit.py results/smoke/provenance.lock                                       re-hash everything that the lock lists
"""

import argparse
import os
import sys
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.provenance.audit import compare_locks, compare_with_lock, faults, find_cell, lines, strays, walk
from deepcoder.provenance.lockfile import collect, read_lock
from deepcoder.provenance.rederive import rederive
from deepcoder.provenance.why import jobs_below


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


def audit(target: Path, cell: str | None, trusted: Path | None) -> list[str]:
    """Print what was found and return the faults."""
    if not target.exists():
        raise UserError(f"{target}: no such file; make it with snakemake all")
    if cell is None and target.suffix == ".lock":
        return audit_run(target, trusted)
    if cell is None:
        tree = walk(target)
    else:
        row = find_cell(target, cell)
        print("  ".join(f"{name}={value}" for name, value in row.items() if value))
        pointer = (row.get("pointer") or "").partition("#")[0]
        if not pointer:
            raise UserError(f"{target}: that row has no pointer to a scores file (a published number?)")
        tree = walk(Path(os.path.normpath(target.parent / pointer)))
    print("\n".join(lines(tree)))
    return list(faults(tree))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="a table, any artifact, or a provenance.lock")
    parser.add_argument("--trusted", type=Path, help="a lock from elsewhere (git, a colleague) to compare with")
    parser.add_argument("--cell", help="comma-separated words that name one row, for example strict/32k,humaneval")
    args = parser.parse_args()
    try:
        found = audit(args.target, args.cell, args.trusted)
    except UserError as error:
        sys.exit(f"error: {error}")
    for fault in found:
        print(f"DIFFERS {fault}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
