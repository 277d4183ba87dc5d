"""Take over artifacts that a colleague has made: every byte is checked first, and nothing of yours is overwritten.

scripts/adopt.py /their/checkout/results/paper
"""

import argparse
import sys
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.provenance.adopt import adopt


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/adopt.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="folder of one scale; its name is the scale's")
    args = parser.parse_args()
    target = Path("results") / args.source.resolve().name
    try:
        new, known = adopt(args.source.resolve(), target)
    except UserError as error:
        sys.exit(f"error: {error}")
    print(f"{new} artifacts taken over into {target}, {known} were there; make why says whether any is stale here")


if __name__ == "__main__":
    main()
