"""Have a rule's command run as a SLURM job: adopt the one that runs already, or submit it, and wait for its end.

launch.py RULE OUTPUT --identity DIGEST -- COMMAND ...      (profiles/slurm puts it before each door)
"""

import argparse
import json
import os
import select
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

from omegaconf import OmegaConf

from deepcoder.cluster import slurm
from deepcoder.cluster.batch import NOT_HANDED_ON
from deepcoder.cluster.detach import VARIABLE
from deepcoder.cluster.launch import Task, launch
from deepcoder.cluster.lease import Desk
from deepcoder.config import compose_config
from deepcoder.config.machine import Site
from deepcoder.errors import UserError
from deepcoder.provenance.record import OVERRIDES_VARIABLE

HANDED_ON = "DEEPCODER_"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/launch.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rule", help="name of the rule, whose block in resources says what it asks for")
    parser.add_argument("output", type=Path, help="the first output of the job")
    parser.add_argument("--block", required=True, help="the block of resources in the configuration")
    parser.add_argument("--identity", required=True, help="digest of what the output is made from")
    parser.add_argument("--jobs", type=Path, required=True, help="folder of leases and logs")
    parser.add_argument("command", nargs="+", help="the door and its arguments, after --")
    args = parser.parse_args()
    desk = Desk(args.jobs, args.rule, args.output)
    follow_run()
    if VARIABLE not in os.environ:  # else SLURM ends the run around this process, and the job goes on
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        config: Any = compose_config(json.loads(os.environ.get(OVERRIDES_VARIABLE, "{}")))
        site = site_of(config)
        task = Task(
            rule=args.rule,
            output=args.output,
            command=args.command,
            identity=args.identity,
            needs=OmegaConf.to_object(config.resources[args.block]),  # type: ignore[arg-type]
            variables=handed_on() | {"TMPDIR": site.scratch},
        )
        segment = [site.python or sys.executable, str(Path(__file__).with_name("segment.py"))]
        launch(task, site, desk, segment, lambda line: print(line, flush=True))
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        cancel_and_exit(desk)


def handed_on() -> dict[str, str]:
    """Variables for the job: those of this workflow, without those that tell of this host's processes."""
    ours = (NOT_HANDED_ON, VARIABLE)
    return {name: value for name, value in os.environ.items() if name.startswith(HANDED_ON) and name not in ours}


def site_of(config: Any) -> Site:
    """The site that the profile names."""
    if config.site is None:
        raise UserError("no site in the configuration; run with --profile slurm, which reads profiles/slurm/site.yaml")
    site: Site = OmegaConf.to_object(config.site)  # type: ignore[assignment]
    return site


def cancel_and_exit(desk: Desk) -> NoReturn:
    """Ctrl-C: end the job; its checkpoints stay, and the next start goes on from them."""
    lease = desk.lease
    if lease is not None and lease.job:
        print(f"cancelling job {lease.job}; what it has saved stays, run again to go on", flush=True)
        slurm.cancel(lease.job)
    sys.exit(130)


def follow_run() -> None:
    """End when the Snakemake process dies, and leave the job alone: the next run adopts it."""
    pid = os.environ.get("DEEPCODER_RUN_PID")
    if pid is None:
        return
    try:
        run = os.pidfd_open(int(pid))
    except ProcessLookupError:
        sys.exit("error: the Snakemake process that started this launcher is gone")

    def wait() -> None:
        select.select([run], [], [])
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    main()
