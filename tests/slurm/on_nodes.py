"""Run a command with Ray on all nodes of the job; a helper of test_two_nodes.py.

Usage: on_nodes.py FOLDER COMMAND...
"""

import os
import sys
from pathlib import Path

from deepcoder.cluster.segment import run_segment

if __name__ == "__main__":
    sys.exit(run_segment(Path(sys.argv[1]), sys.argv[2:], os.environ))
