"""How far a run is: artifacts made, jobs at work, failures and stages, each from the file that tells of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from deepcoder.cluster.lease import Ended, Lease
from deepcoder.errors import UserError
from deepcoder.files import read_json
from deepcoder.progress.queue import Queued
from deepcoder.progress.stage import StageProgress, read_stage
from deepcoder.provenance.record import SKIPPED, failure_path, record_path

DECLARED = "work/run.json"  # by rules/progress.smk
JOBS = "work/jobs"  # leases, by scripts/launch.py
FAILED = failure_path(Path("output")).name.removeprefix("output")
LARGE = SKIPPED | {"tests", "state", "hf", "tensorboard"}  # folders without records, some of very many files
NOT_SEEN = "alive or killed: not to be seen from here"

Queue = Mapping[str, Queued] | None


@dataclass(frozen=True)
class Work:
    """A job that makes an output; `state` is what was last heard of it."""

    rule: str
    output: str
    since: float
    state: str


@dataclass(frozen=True)
class Failure:
    """A job that ended badly, and the last line of its error."""

    rule: str
    output: str
    error: str


@dataclass
class RunProgress:
    """What is known of a run.

    Attributes:
        total: artifacts of `all`; None where no run has declared them here.
        made: those of them that have a record; without a total, all that have one.
        stages: those that are made come last.
        sampling_seconds: of one model, from the plan.
        runner: the Snakemake process, in words.
        is_over: that process has said that it ended.
        notes: one line for each file that could not be read, and what else one should know.
    """

    scale: str
    runner: str = "no run has been started here"
    is_over: bool = False
    made: int = 0
    total: int | None = None
    work: list[Work] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    stages: list[StageProgress] = field(default_factory=list)
    sampling_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def seconds_left(self) -> float | None:
        """The stages in turn, and the sampling of the last; what waits in queues and runs beside is not counted."""
        left = [stage.seconds_left for stage in self.stages]
        if self.total is None or not left or None in left or self.made == self.total:
            return None
        return sum(value for value in left if value is not None) + self.sampling_seconds

    @property
    def is_measured(self) -> bool:
        """Whether every stage that is left has steps that say how fast it is."""
        return all(stage.made or stage.steps for stage in self.stages)


class Reader:
    """Reads JSON files, and notes those that are damaged."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def read(self, path: Path) -> dict[str, Any]:
        """The object in a file; {} where there is none, or where it is damaged, which is noted."""
        if not path.exists():
            return {}
        try:
            value = read_json(path)
        except (UserError, OSError) as error:
            self.notes.append(str(error))
            return {}
        if isinstance(value, dict):
            return value
        self.notes.append(f"{path}: holds no JSON object; delete it and make it again")
        return {}


def read_run(folder: Path, queue: Queue = None) -> RunProgress:
    """The progress of a scale from its folder, and, where SLURM answers, from its queue."""
    reader = Reader()
    declared = reader.read(folder / DECLARED)
    artifacts: dict[str, str] = declared.get("artifacts", {})
    records, failed = _marks(folder)
    if artifacts:
        made = {path for path in artifacts if Path(path).exists() and record_path(Path(path)).exists()}
    else:
        made = {str(path) for path in records}
    found = RunProgress(
        scale=folder.name,
        runner=_runner(declared),
        is_over=declared.get("status") is not None,
        made=len(made),
        total=len(artifacts) or None,
        sampling_seconds=declared.get("sampling_seconds", 0.0),
    )
    if found.made == found.total:
        found.runner = "everything is made; whether it is current, make why says"
    leases = list(_leases(folder / JOBS, reader))
    for path in failed:
        _add_marked(found, str(path).removesuffix(FAILED), reader.read(path), leases, queue)
    _add_leases(found, leases, made, queue)
    found.stages = sorted(_stages(folder, declared.get("stages", {}), made), key=lambda stage: stage.made)
    for stage in found.stages:
        if stage.damaged:
            found.notes.append(f"{stage.name}: {stage.damaged} lines or tables of its steps are damaged and left out")
    found.notes += reader.notes
    return found


def _marks(folder: Path) -> tuple[list[Path], list[Path]]:
    """Records and marks of jobs that have not ended well."""
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - LARGE)
        found += [Path(root, name) for name in sorted(files)]
    records = [path for path in found if path.name.endswith(".record.json")]
    return records, [path for path in found if path.name.endswith(FAILED)]


def _runner(declared: Mapping[str, Any]) -> str:
    if not declared:
        return "no run has been started here"
    pid, host = declared.get("pid"), declared.get("host")
    if (status := declared.get("status")) is not None:
        return f"the last run has ended {'well' if status == 0 else 'with an error'}"
    process = f"process {pid} on {host}"
    if host != socket.gethostname():
        return f"{process} runs it; {NOT_SEEN}"
    return f"{process} runs it" if is_alive(pid, "snakemake") else f"{process} is gone; start it again to go on"


def is_alive(pid: Any, name: str) -> bool:
    """Whether a process of this host is at work whose command line holds a word."""
    try:
        return name in Path(f"/proc/{int(pid)}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, TypeError, ValueError):
        return False


@dataclass(frozen=True)
class _Held:
    """A lease, its folder, when it was taken, and the last end of its job."""

    lease: Lease
    folder: Path
    taken: float
    ended: Ended | None

    def state(self, queue: Queue) -> str:
        job = self.lease.job
        if not job:
            return "being submitted, or its launcher was killed meanwhile"
        if queue is not None and job in queue:
            return f"job {job} {queue[job].words}"
        if self.ended is not None:
            return f"job {job} ended with status {self.ended.status}; it goes on in another"
        return f"job {job}, by its lease; {'it is not in the queue' if queue is not None else 'SLURM does not answer'}"


def _leases(jobs: Path, reader: Reader) -> Iterator[_Held]:
    for path in sorted(jobs.glob("*/lease.json")):
        try:
            lease = Lease(**reader.read(path))
            ends = sorted(path.parent.glob(f"{lease.job}.*.json"), key=lambda end: end.stat().st_mtime)
            ended = Ended(**reader.read(ends[-1])) if ends and lease.job else None
            yield _Held(lease, path.parent, path.stat().st_mtime, ended)
        except (TypeError, OSError):  # a lease or an end that is damaged, and noted, or gone meanwhile
            continue


def _add_marked(found: RunProgress, output: str, mark: Mapping[str, Any], leases: list[_Held], queue: Queue) -> None:
    """A job's own mark: it failed with an error, or has not ended."""
    if not mark:
        return
    rule = str(mark.get("door", "?")).removesuffix(".py")
    if mark.get("exit") is not None:
        found.failures.append(Failure(rule, output, _line(mark.get("error"))))
        return
    host = mark.get("host") or {}
    held = next((held for held in leases if held.lease.output == output), None)
    if held:
        state = held.state(queue)
    elif host.get("name") != socket.gethostname():
        state = f"process {host.get('pid')} on {host.get('name')}; {NOT_SEEN}"
    elif is_alive(host.get("pid"), f"{rule}.py"):
        state = f"process {host.get('pid')}"
    else:
        found.failures.append(Failure(rule, output, f"process {host.get('pid')} was killed; run again to go on"))
        return
    found.work.append(Work(rule, output, _epoch(mark.get("start")), state))


def _add_leases(found: RunProgress, leases: list[_Held], made: set[str], queue: Queue) -> None:
    """Jobs that have left no mark: they wait, or ended before their command could begin."""
    known = {item.output for item in found.work} | {item.output for item in found.failures} | made
    for held in leases:
        lease, ended = held.lease, held.ended
        if lease.output in known:
            continue
        over = queue is None or lease.job not in queue
        if ended and over and ended.status not in (0, 75) and not ended.asked:
            log = held.folder / f"{lease.job}.log"
            found.failures.append(Failure(lease.rule, lease.output, f"ended with status {ended.status}; log {log}"))
        elif not (ended and ended.status == 0):
            found.work.append(Work(lease.rule, lease.output, held.taken, held.state(queue)))


def _stages(folder: Path, declared: Mapping[str, Any], made: set[str]) -> Iterator[StageProgress]:
    """Declared stages in their order, and others that have left something."""
    others = sorted(path.parent for path in (folder / "work").glob("*/*/*/progress.jsonl"))
    names = [*declared, *(path.relative_to(folder / "work").as_posix() for path in others)]
    for name in dict.fromkeys(names):
        output = folder / name / "manifest.json"
        is_made = str(output) in made or (record_path(output).exists() and output.exists())
        yield read_stage(output.parent, folder / "work" / name, name, is_made, declared.get(name, {}))


def _line(error: Any) -> str:
    lines = str(error or "no error was noted").strip().splitlines()
    return lines[0] if len(lines) < 2 else f"{lines[0]} [...] {lines[-1]}"


def _epoch(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
