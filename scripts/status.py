"""How far a run is, from its files alone: progress, expected end, curves, failures, and the queue where SLURM answers.

scripts/status.py [results/paper] [--page results/paper/logs/status.html] [--watch 60]
"""

import argparse
import os
import sys
import time
from pathlib import Path

from deepcoder.cluster.detach import detached_words
from deepcoder.errors import UserError
from deepcoder.files import write_text
from deepcoder.progress.page import status_page
from deepcoder.progress.queue import own_queue
from deepcoder.progress.run import RunProgress, read_run
from deepcoder.progress.terminal import status_lines

REFRESH_SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/status.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/smoke"), help="folder of a scale")
    parser.add_argument("--page", type=Path, help="write an HTML page instead")
    parser.add_argument("--watch", type=int, metavar="SECONDS", help="again and again, until Ctrl-C")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII alone")
    args = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # what others wrote may hold any character
    unicode = not args.ascii and (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    try:
        while True:
            show(args.results, args.page, args.watch, unicode)
            if not args.watch:
                return
            time.sleep(args.watch)
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # of head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(results: Path, page: Path | None, watch: int | None, unicode: bool) -> None:
    """Print the status, or write the page."""
    run = look(results)
    if page:
        write_text(page, status_page(run, time.time(), watch or REFRESH_SECONDS))
        return
    if watch and sys.stdout.isatty():
        print("\033[H\033[2J", end="")
    print("\n".join(status_lines(run, time.time(), unicode)), flush=True)


def look(results: Path) -> RunProgress:
    """The progress of a scale, with the run that nobody watches, where there is one."""
    if not results.is_dir():
        raise UserError(f"{results}: no such folder; nothing has been made at this scale yet")
    queue = own_queue()
    run = read_run(results, queue)
    try:
        told = detached_words(Path.cwd(), results.name, {job: item.words for job, item in (queue or {}).items()})
    except UserError as error:
        told = str(error)
    run.notes = [*([told] if told else []), *run.notes]
    return run


if __name__ == "__main__":
    main()
