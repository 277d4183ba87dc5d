"""Write a run as a Provenance Run RO-Crate: its jobs, parameters, small files and the hashes of the large ones.

scripts/crate.py results/smoke [OUT.zip or a folder]
"""

import argparse
import sys
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.provenance.crate import export


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/crate.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="folder of one scale")
    parser.add_argument("output", type=Path, nargs="?", help="zip or folder; default: the scale's name and .crate.zip")
    args = parser.parse_args()
    output = args.output or args.results.with_name(f"{args.results.name}.crate.zip")
    try:
        done = export(args.results, output, Path(__file__).resolve().parents[1])
    except UserError as error:
        sys.exit(f"error: {error}")
    for path, reason in done.left_out.items():
        print(f"not embedded: {path}: {reason}")
    print(f"{output}: {done.jobs} jobs, {done.entities} entities, {done.embedded} files")


if __name__ == "__main__":
    main()
