"""Let an old result stand although what it was made from has changed; the record keeps the reason and the truth.

scripts/accept.py results/smoke/strict/tiny/16k/manifest.json --reason "the new lock only renews a linter"
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.provenance.staleness import accept
from deepcoder.provenance.why import ask_workflow


def accept_artifact(artifact: str, reason: str, options: list[str]) -> list[str]:
    """Accept what is stale about an artifact; gives the reasons for which it was."""
    stale = ask_workflow([artifact, *options])
    job = next((job for job in stale if artifact in job.outputs), None)
    if job is None and stale:
        raise UserError(f"{artifact}: {stale[0].outputs[0]} above it is stale first; run or accept that before")
    if job is None:
        raise UserError(f"{artifact}: is not stale; there is nothing to accept")
    outputs = [Path(path) for path in job.outputs]
    if missing := [path for path in outputs if not path.exists()]:
        raise UserError(f"{missing[0]}: does not exist; only a result that was made can be accepted")
    when = datetime.now(UTC).isoformat(timespec="seconds")
    accept(outputs, [Path(path) for path in job.inputs], job.identity, reason, when)
    return job.reasons


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/accept.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", help="an output that make why names")
    parser.add_argument("--reason", required=True, help="why the old result is still right")
    parser.add_argument("--config", nargs="*", default=[], metavar="key=value", help="as on snakemake")
    args = parser.parse_args()
    if not args.reason.strip():
        sys.exit("error: --reason is empty; say why the old result is still right")
    try:
        reasons = accept_artifact(args.artifact, args.reason, ["--config", *args.config] if args.config else [])
    except UserError as error:
        sys.exit(f"error: {error}")
    print(f"{args.artifact} stands, although:")
    print("\n".join(f"  {reason}" for reason in reasons))


if __name__ == "__main__":
    main()
