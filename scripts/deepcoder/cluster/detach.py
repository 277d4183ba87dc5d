"""Run Snakemake itself where nobody has to stay: as a small SLURM job that follows itself, or in a session of its own.

It can be ended at any moment: the jobs that it has submitted go on, and the next part adopts them. Exactly one part is
at work: parts have one name, and each waits in the queue for the end of all others of that name.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

from deepcoder.cluster import slurm
from deepcoder.cluster.batch import options_of, script_of
from deepcoder.cluster.lease import PREFIX
from deepcoder.config.machine import Resources, Site
from deepcoder.errors import UserError
from deepcoder.files import read_json, sha256_text, write_json, write_text, writing
from deepcoder.locks import HeldError, hold

FOLDER = Path("results/detached")
CPUS, MEMORY_MB = 1, 4000  # Snakemake, and a light launcher for each job
LOOK_SECONDS = 0.2
LOCK_SECONDS = 120.0  # until a shared disk frees the lock of a lost node
STOP_SECONDS = 120.0
TERMINATED = 128 + signal.SIGTERM
VARIABLE = "DEEPCODER_DETACHED"  # tells launchers that a SIGTERM is SLURM's, and no user's

Tell = Callable[[str], None]


class Detached:
    """The run of a checkout that nobody watches: what it is to do, what has become of it, its log."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout.absolute()
        self.folder = self.checkout / FOLDER
        self.name = f"{PREFIX}-detached-{sha256_text(str(self.checkout))[:10]}"
        self.log = self.folder / "run.log"

    @property
    def declared(self) -> dict[str, Any]:
        """What was asked for; {} where nothing ever was."""
        path = self.folder / "run.json"
        return dict(read_json(path)) if path.exists() else {}

    @property
    def events(self) -> list[dict[str, Any]]:
        """Starts and ends of its parts; a line that was cut is left out."""
        try:
            lines = (self.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            with suppress(ValueError):
                found.append(json.loads(line))
        return [event for event in found if isinstance(event, dict)]

    def note(self, event: str, **facts: Any) -> None:
        value = {"event": event, "at": time.time(), "host": socket.gethostname(), **facts}
        path = self.folder / "events.jsonl"
        with writing(path), open(path, "a", encoding="utf-8") as handle:
            handle.write(json.dumps(value) + "\n")

    @contextmanager
    def locked(self, name: str, seconds: float) -> Iterator[IO[str]]:
        """Hold a lock of the folder; waits so long for another holder.

        Raises:
            UserError: it is still held, with the words that its holder left in it.
        """
        try:
            handle = hold(self.folder / name, seconds)
        except HeldError as holder:
            raise UserError(f"{holder} is at it already; {ADVICE}") from None
        with handle:
            yield handle


ADVICE = "look with make status, end it with make paper-stop"


def detach(
    run: Detached,
    words: Sequence[str],
    scale: str,
    variables: Mapping[str, str],
    site: Site | None,
    part: Sequence[str],
    local: bool,
) -> str:
    """Start a run. Gives the words for where it is.

    Args:
        site: where its jobs run; None where they are processes of this host.
        local: in a session of its own on this host, and not as a job.
        words: of snakemake.
        variables: of the environment, for every part: all of them run the same code.
        part: the command that runs a part.

    Raises:
        UserError: one is at work already; SLURM refuses.
    """
    with run.locked("starter", 0):
        if site is not None and (found := slurm.jobs_named(run.name)):
            raise UserError(f"job {' '.join(job.id for job in found)} ({found[0].state}) is at it already; {ADVICE}")
        with run.locked("runner", 0):
            (run.folder / "events.jsonl").unlink(missing_ok=True)
            declared = {"words": list(words), "scale": scale, "variables": dict(variables)}
            write_json(run.folder / "run.json", {**declared, "local": local, "has_queue": site is not None})
        if site is not None and not local:
            return f"job {submit(run, site, part)}"
        with open(run.log, "ab") as log:
            child = subprocess.Popen(
                part, cwd=run.checkout, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        return f"process {child.pid} on {socket.gethostname()}"


def submit(run: Detached, site: Site, part: Sequence[str]) -> str:
    """Queue a part behind all that are there; its job's id."""
    needs = Resources(memory_mb=MEMORY_MB, runtime_min=site.max_minutes, cpus=CPUS)
    # On nodes without GPUs and as it is here: a container may lack sbatch.
    plain = Site(**{**vars(site), "container": None})
    write_text(run.folder / "job.sh", script_of(plain, part, {}))
    options = options_of(plain, needs, run.name, run.log, str(FOLDER))
    job = slurm.submit(run.folder / "job.sh", [*options, "--dependency=singleton"])
    run.note("submitted", job=job)
    return job


def run_part(run: Detached, follow: Callable[[], str] | None, tell: Tell) -> int:
    """Run Snakemake to its end, or until SLURM wants the node back; gives the exit status.

    Args:
        follow: submits the next part; None where there is no time limit.
    """
    heard: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        # SLURM tells every process of the job: Snakemake must be gone before it takes its launchers' ends for failures.
        for child in children if number == signal.SIGTERM else []:
            child.kill()

    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, hear)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    declared = run.declared
    with run.locked("runner", LOCK_SECONDS):
        job = os.environ.get("SLURM_JOB_ID", "")
        run.note("started", job=job, pid=os.getpid(), restarts=os.environ.get("SLURM_RESTART_COUNT", "0"))
        command = [sys.executable, "-m", "snakemake", *declared["words"]]
        environment = slurm.outside(os.environ) | declared["variables"] | {VARIABLE: "yes"}
        tell(f"{' '.join(command)}  ({f'job {job}' if job else 'local'} on {socket.gethostname()})")
        children.append(subprocess.Popen(command, env=environment, start_new_session=True))
        status, is_end = _watch(children[0], heard, follow, tell)
        run.note("ended" if is_end else "left", status=status, job=job)
    return status


def _watch(
    child: subprocess.Popen[bytes], heard: Sequence[int], follow: Callable[[], str] | None, tell: Tell
) -> tuple[int, bool]:
    """The exit status, and whether Snakemake has ended by itself; `heard` grows by the signals that come."""
    while True:
        status = child.poll()
        if signal.SIGTERM in heard:
            _leave(child)
            tell("asked to end; jobs that were submitted go on, and the next start adopts them")
            return TERMINATED, False
        if status is not None:
            return status, True
        if signal.SIGUSR1 in heard and follow is not None:
            try:
                tell(f"the time limit is near; job {follow()} goes on from here")
            except UserError as error:
                tell(f"error: the time limit is near, and no next job could be submitted ({error})")
                follow = None
            else:
                _leave(child)
                return 0, False
        time.sleep(LOOK_SECONDS)


def _leave(child: subprocess.Popen[bytes]) -> None:
    """End Snakemake at once: asked in another way it waits for its launchers, or has them cancel their jobs."""
    child.kill()
    child.wait()


def stop(run: Detached, tell: Tell) -> None:
    """End a run for good, and the jobs that it has submitted; what they have saved stays.

    Raises:
        UserError: there is none; it is a process of another host.
    """
    declared = run.declared
    if not declared:
        raise UserError(f"{run.folder}: no detached run was ever started here")
    if declared["local"]:
        _stop_local(run, tell)
    end, has_queue = time.monotonic() + STOP_SECONDS, declared["has_queue"]
    while has_queue and (found := slurm.jobs_named(run.name)):
        for job in found:
            tell(f"ending job {job.id}")
            slurm.cancel(job.id)
        if time.monotonic() > end:
            raise UserError(f"job {found[0].id} does not end; see squeue")
        time.sleep(1)
    names = [path.parent.name for path in run.checkout.glob(f"results/{declared['scale']}/work/jobs/*/lease.json")]
    for job in slurm.jobs_named(",".join(names)) if names and has_queue else []:
        tell(f"cancelling job {job.id}; what it has saved stays")
        slurm.cancel(job.id)
    run.note("stopped")


def _stop_local(run: Detached, tell: Tell) -> None:
    started = [event for event in run.events if event["event"] == "started"]
    if not started or not _is_held(run):
        tell("it has ended already")
        return
    if started[-1]["host"] != socket.gethostname():
        raise UserError(f"it is process {started[-1]['pid']} on {started[-1]['host']}; run this there")
    tell(f"ending process {started[-1]['pid']}")
    os.kill(started[-1]["pid"], signal.SIGTERM)
    with run.locked("runner", STOP_SECONDS):
        pass


def _is_held(run: Detached) -> bool:
    try:
        with run.locked("runner", 0):
            return False
    except UserError:
        return True


def detached_words(checkout: Path, scale: str, queue: Mapping[str, str]) -> str:
    """One line about the detached run of a scale; "" where there is none.

    Args:
        queue: words of the queue by job; empty where nobody knows.
    """
    run = Detached(checkout)
    declared, events = run.declared, run.events
    if declared.get("scale") != scale:
        return ""
    parts = sum(event.get("event") == "started" for event in events)
    last: dict[str, Any] = next((event for event in reversed(events) if event.get("event") != "submitted"), {})
    job = next((str(event["job"]) for event in reversed(events) if event.get("job")), "")
    told = {
        "started": f"at work on {last.get('host')}, process {last.get('pid')}",
        "ended": f"ended {'well' if last.get('status') == 0 else 'with an error'}",
        "left": "between two parts; start it again if none is queued",
        "stopped": "was stopped",
    }.get(str(last.get("event")), "submitted, not begun")
    known = f", job {job} {queue.get(job, '(by its own notes)')}" if job and last.get("event") != "stopped" else ""
    why = f": {_last_error(run.log)}" if last.get("event") == "ended" and last.get("status") != 0 else ""
    return f"detached run: {told}{known}, {parts} parts so far; log {FOLDER / run.log.name}{why}"


def _last_error(log: Path) -> str:
    """The last line of a log that names an error, else its last."""
    try:
        lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return "(no log)"
    lines = [line for line in lines if line]
    return next((line for line in reversed(lines) if line.startswith("error: ")), lines[-1] if lines else "(empty log)")
