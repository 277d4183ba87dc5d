"""Run a rule's command inside a SLURM job: hand on its signals, start Ray on its nodes, write down how it ended.

segment.py --desk FOLDER -- COMMAND ...      (launch.py writes the batch script that calls it)
"""

import argparse
import os
import sys
from pathlib import Path

from deepcoder.cluster.segment import run_segment


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/segment.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--desk", type=Path, required=True, help="folder of the lease, for the note of the end")
    parser.add_argument("command", nargs="+", help="after --")
    args = parser.parse_args()
    sys.exit(run_segment(args.desk, args.command, os.environ))


if __name__ == "__main__":
    main()
