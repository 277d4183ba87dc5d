"""SLURM's own commands, and what they say. Nothing here needs accounting: a finished job is asked of the controller."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepcoder.errors import UserError

COMMAND_SECONDS = 60
# Nobody knows what became of a job while the controller does not answer: it is restarted, or fails over.
PATIENCE_SECONDS = 900
PAUSE_SECONDS = 5
WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
AT_WORK = {"RUNNING", "COMPLETING", "SUSPENDED", "SIGNALING", "STAGE_OUT", "STOPPED", "RESIZING"}
UNREACHABLE = ("Unable to contact slurm controller", "Socket timed out", "Connection refused", "Zero Bytes were")
# Of a job around this process; sbatch hands all variables on, and a new job with the restart count of another takes it
# for its own. What a user has set to be charged stays.
OF_A_JOB = ("SLURM", "SBATCH_", "SRUN_")
OF_THE_USER = ("SLURM_CONF", "SBATCH_ACCOUNT", "SBATCH_QOS", "SBATCH_RESERVATION")
UNKNOWN_JOB = "Invalid job id"


@dataclass(frozen=True)
class QueuedJob:
    """A job that the controller knows.

    Attributes:
        state: SLURM's word for it, for example PENDING or NODE_FAIL.
        why: its reason where it waits, else "None".
        restarts: how often SLURM has started it anew.
    """

    id: str
    state: str
    why: str = ""
    restarts: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it will not run again by itself."""
        return self.state not in WAITING | AT_WORK


def outside(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without those of a SLURM job around this process."""
    return {name: value for name, value in environment.items() if not name.startswith(OF_A_JOB) or name in OF_THE_USER}


def submit(script: Path, options: Sequence[str]) -> str:
    """Hand a batch script to SLURM; its job's id.

    Raises:
        UserError: SLURM refuses it, with its words.
    """
    return _run("sbatch", "--parsable", *options, str(script)).strip().partition(";")[0]


def jobs_named(name: str) -> list[QueuedJob]:
    """Own jobs of that name that wait or run."""
    lines = _run("squeue", "--me", "--noheader", f"--name={name}", "--format=%A|%T|%r").splitlines()
    found = [QueuedJob(job, state, why) for job, state, why in (line.split("|", 2) for line in lines if line)]
    return [job for job in found if not job.is_over]


def look_up(job: str) -> QueuedJob | None:
    """A job by its id; None when the controller has forgotten it, and accounting, where there is one, as well."""
    try:
        return _parse(_run("scontrol", "show", "job", "--oneliner", job))
    except UserError as error:
        if UNKNOWN_JOB not in str(error):
            raise
    try:
        state = _run("sacct", "--noheader", "--allocations", "--parsable2", f"--jobs={job}", "--format=State").split()
    except UserError:  # accounting is disabled
        return None
    return QueuedJob(job, state[0]) if state else None


def cancel(job: str) -> None:
    """Ask SLURM to end a job."""
    _run("scancel", job)


def _parse(text: str) -> QueuedJob:
    facts: Mapping[str, str] = dict(re.findall(r"(\w+)=(\S*)", text))
    return QueuedJob(facts["JobId"], facts["JobState"], facts.get("Reason", ""), int(facts.get("Restarts", "0")))


def _run(*command: str) -> str:
    """Standard output of a command; tried again while the controller is out of reach."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            done = subprocess.run(
                command, env=outside(os.environ), capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
            )
        except FileNotFoundError as error:
            raise UserError(f"{command[0]}: no such command; run on a login node of the cluster") from error
        except subprocess.TimeoutExpired:
            told = f"no answer in {COMMAND_SECONDS} s; Socket timed out"
        else:
            if done.returncode == 0:
                return done.stdout
            told = (done.stderr or done.stdout).strip()
        if time.monotonic() > end or not any(words in told for words in UNREACHABLE):
            raise UserError(f"{' '.join(command)}: {told}")
        time.sleep(PAUSE_SECONDS)
