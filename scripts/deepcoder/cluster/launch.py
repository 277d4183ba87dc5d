"""Have a rule's command run as a SLURM job, however many jobs that takes.

The launcher is light and may die at any time: the job goes on, and the next launcher of the same output adopts it. What
SLURM ends before its time (a limit, a preemption, a lost node) goes on in another start or another job.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepcoder.cluster import slurm
from deepcoder.cluster.batch import options_of, script_of
from deepcoder.cluster.lease import Desk, Ended, Lease, has_ended_well
from deepcoder.config.machine import Resources, Site
from deepcoder.errors import TEMPORARY_FAILURE, UserError
from deepcoder.files import read_json, write_text
from deepcoder.provenance.record import failure_path

LOOK_SECONDS = 0.5  # between two looks for the file in which a job writes down its end
TAIL_LINES = 25
LOST = {"TIMEOUT", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "REVOKED", "DEADLINE", "UNKNOWN"}
OUT_OF_MEMORY = (137, -9)  # the kernel's SIGKILL, seen through a shell or not

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """A rule's job on a cluster.

    Attributes:
        command: of the door, with its arguments.
        identity: digest of what it is made from.
        variables: of the environment, for the command.
    """

    rule: str
    output: Path
    command: Sequence[str]
    identity: str
    needs: Resources
    variables: Mapping[str, str]


def launch(task: Task, site: Site, desk: Desk, segment: Sequence[str], tell: Tell) -> None:
    """Return when the task's command has ended well.

    Args:
        segment: the command that runs another one inside a job (scripts/segment.py).

    Raises:
        UserError: it failed for good; another job is making the output from something else; SLURM refuses.
    """
    faults = 0
    with desk.held():
        if _ended_well(task, desk):
            tell(f"{task.output} was made while nobody waited for it")
            return
        while True:
            job = adopted(task, desk, tell) or submitted(task, site, desk, segment, tell)
            ended, state = wait(desk, job, site, tell)
            if ended and ended.status == 0:
                return
            if state == "CANCELLED":
                raise failure(desk, job, "was cancelled")
            if ended and _for_good(ended, task.output):
                raise failure(desk, job, _words_of(ended))
            if not ended and state not in LOST:
                raise failure(desk, job, f"ended as {state} before its command could say why")
            # Whoever ends with this status after a warning has saved what it had, and is a step further.
            faults = 0 if ended and ended.asked and ended.status == TEMPORARY_FAILURE else faults + 1
            if faults > site.faults:
                raise failure(desk, job, f"was lost like {faults - 1} before it ({state}); see max_minutes in the site")
            tell(f"job {job} ended as {state}; it goes on in another")


def adopted(task: Task, desk: Desk, tell: Tell) -> str | None:
    """The job that makes the output already, if there is one.

    Raises:
        UserError: it makes it from something else, or there are several.
    """
    found, lease = slurm.jobs_named(desk.name), desk.lease
    if not found:
        return None
    if len(found) > 1:
        ids = " ".join(job.id for job in found)
        raise UserError(f"{task.output}: jobs {ids} are all making it; keep one and end the others with scancel")
    (job,) = found
    if lease is None or lease.identity != task.identity:
        raise UserError(
            f"{task.output}: job {job.id} is making it from another configuration, code or inputs; let it end, or end "
            f"it with scancel {job.id}, and run again"
        )
    tell(f"job {job.id} is making {task.output} ({job.state}); waiting for it; log {desk.log(job.id)}")
    return job.id


def submitted(task: Task, site: Site, desk: Desk, segment: Sequence[str], tell: Tell) -> str:
    """A new job for the task."""
    lease = Lease(task.rule, str(task.output), task.identity)
    command = [*segment, "--desk", str(desk.folder), "--", *task.command]
    write_text(desk.script, script_of(site, command, task.variables))
    desk.take(lease)
    options = options_of(site, task.needs, desk.name, desk.log("%j"), str(task.output))
    job = slurm.submit(desk.script, options)
    desk.take(Lease(**{**vars(lease), "job": job}))
    tell(f"job {job} submitted for {task.output}; log {desk.log(job)}")
    return job


def wait(desk: Desk, job: str, site: Site, tell: Tell) -> tuple[Ended | None, str]:
    """What a job wrote of its end, and its last state; a job that SLURM starts again is waited for."""
    restarts, told, next_poll = 0, "", 0.0
    while True:
        ended = desk.ended(job, restarts)
        if ended and ended.status == 0:
            return ended, "COMPLETED"
        if time.monotonic() >= next_poll:
            found = slurm.look_up(job)
            if found is None or found.is_over:
                state = found.state if found else "UNKNOWN"
                return _late(desk, job, found.restarts if found else restarts, site), state
            restarts = found.restarts
            if found.state != told:
                tell(f"job {job} {found.state}{f' ({found.why})' if found.why not in ('', 'None') else ''}")
                told = found.state
            # One that has ended badly is about to be over or to be started again.
            next_poll = time.monotonic() + (LOOK_SECONDS if ended else site.poll_seconds)
        time.sleep(LOOK_SECONDS)


def _late(desk: Desk, job: str, restarts: int, site: Site) -> Ended | None:
    """The end of a job that is over; a shared disk shows it late."""
    end = time.monotonic() + site.lag_seconds
    while (ended := desk.ended(job, restarts)) is None and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    return ended


def _ended_well(task: Task, desk: Desk) -> bool:
    lease = desk.lease
    if lease is None or not lease.job or lease.identity != task.identity or not task.output.exists():
        return False
    return has_ended_well(desk.folder, lease.job)


def _for_good(ended: Ended, output: Path) -> bool:
    """Whether to run the command again would lead to the same end.

    A process that ended without a word about it (a door's record says how it ended) was lost: Ray, for one, ends those
    of a node whose raylet has died.
    """
    if ended.asked or ended.status == TEMPORARY_FAILURE:
        return False
    record = failure_path(output)
    silent = record.exists() and read_json(record).get("exit") is None
    return ended.status in OUT_OF_MEMORY or not silent


def _words_of(ended: Ended) -> str:
    if ended.status in OUT_OF_MEMORY:
        return f"was killed on {ended.host}, most likely for its memory; give its rule more in resources"
    return f"ended with status {ended.status} on {ended.host}"


def failure(desk: Desk, job: str, what: str) -> UserError:
    """The one error about a job that failed for good: its end, its log's, and how to go on."""
    log = desk.log(job)
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    except OSError as error:
        lines = [f"(no log: {error})"]
    tail = "\n".join(f"    {line}" for line in lines)
    lease = desk.lease
    again = f"snakemake --profile slurm {shlex.quote(str(lease.output))}" if lease else "snakemake --profile slurm all"
    return UserError(f"job {job} ({desk.rule}) {what}; its log {log} ends:\n{tail}\nmend that and go on with: {again}")
