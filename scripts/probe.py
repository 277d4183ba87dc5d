"""Report what this node of a cluster offers; make check-cluster submits it.

probe.py FOLDER      (with the question that scripts/check_cluster.py has written there)
"""

import argparse
import os
import sys
from pathlib import Path

from deepcoder.cluster.probe import probe
from deepcoder.errors import UserError


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/probe.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="on the shared disk: the question and the reports")
    try:
        probe(parser.parse_args().folder, os.environ)
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
