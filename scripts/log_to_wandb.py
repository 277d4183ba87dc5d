"""Follow a stage's progress log into a run of Weights & Biases, until the stage ends or is gone.

Started by train_stage.py where logging.wandb.project is set, with one line of JSON on its standard input, which it
keeps open as long as the stage lasts. Beside: `wandb sync results/SCALE/work/RECIPE/MODEL/STAGE/wandb/offline-run-*`.
"""

import json
import os
import select
import signal
import sys
from pathlib import Path

from deepcoder.progress.wandb_run import WandbRun

SECONDS = 2.0  # between two looks at the log


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):  # meant for the stage, whose end is this one's
        signal.signal(number, signal.SIG_IGN)
    order = json.loads(sys.stdin.readline())
    stage = os.pidfd_open(os.getppid())
    run = WandbRun(Path(order.pop("work")), **order)
    try:
        while not select.select([sys.stdin, stage], [], [], SECONDS)[0]:
            run.follow()
        run.follow()
    finally:
        run.finish()


if __name__ == "__main__":
    try:
        main()
    except Exception as error:
        words = str(error).partition("\n")[0]
        sys.exit(f"error: log_to_wandb.py stopped on {type(error).__name__}: {words}")
