"""Try a site out: one short job for each kind of rule, all at once, whose nodes report what they offer (probe.py)."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deepcoder.cluster import slurm
from deepcoder.cluster.batch import options_of, script_of
from deepcoder.cluster.probe import QUESTION
from deepcoder.config.machine import Resources, Site
from deepcoder.errors import UserError
from deepcoder.files import read_json, write_json, write_text

POLL_SECONDS = 0.05
LOOK_SECONDS = 2.0
RUN_SECONDS = 240.0  # what a job may take once it runs: its minute, and what SLURM takes to start and end it
LAG_SECONDS = 15.0
LIMIT_MINUTES = 1
TAIL_LINES = 8

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Kind:
    """Rules whose jobs have the same shape.

    Attributes:
        needs: the most that any of them asks for.
        blocks: their blocks in resources.
    """

    needs: Resources
    blocks: tuple[str, ...]

    @property
    def name(self) -> str:
        """For the table: "CPUs", "1 x 8 GPUs", "4 x 8 GPUs"."""
        nodes, gpus = self.needs.nodes, self.needs.gpus_per_node
        return f"{nodes} x {gpus} GPUs" if gpus else "CPUs" if nodes == 1 else f"{nodes} x CPUs"


@dataclass
class Trial:
    """One kind's job and what became of it.

    Attributes:
        state: SLURM's last word for it; "REFUSED" if it took none, "CANCELLED" by us if it only waited.
        why: SLURM's reason where it waited, or its words where it refused.
        queued: seconds from the submission until it was seen to run, or until it was given up.
        reports: of its nodes.
        log: its last lines.
    """

    kind: Kind
    folder: Path
    job: str = ""
    state: str = "PENDING"
    why: str = ""
    queued: float | None = None
    reports: list[dict[str, Any]] = field(default_factory=list)
    log: str = ""
    submitted: float = 0.0
    is_over: bool = False


def kinds_of(resources: Mapping[str, Resources], on_login: Sequence[str]) -> list[Kind]:
    """The kinds of the rules that become jobs, the smallest first."""
    shapes: dict[tuple[int, int], list[str]] = {}
    for name, block in resources.items():
        if name not in on_login:
            shapes.setdefault((block.nodes, block.gpus_per_node), []).append(name)
    kinds = []
    for (nodes, gpus), names in sorted(shapes.items(), key=lambda shape: (shape[0][1] > 0, shape[0])):
        blocks = [resources[name] for name in names]
        most = {key: max(getattr(block, key) for block in blocks) for key in ("cpus", "memory_mb", "runtime_min")}
        kinds.append(Kind(Resources(nodes=nodes, gpus_per_node=gpus, **most), tuple(names)))
    return kinds


def try_out(
    kinds: Sequence[Kind],
    site: Site,
    folder: Path,
    question: Mapping[str, Any],
    command: Sequence[str],
    wait: float,
    tell: Tell,
) -> list[Trial]:
    """Submit a job for each kind and wait for them; those that do not end by themselves are cancelled.

    Args:
        folder: of this check alone, on the shared disk.
        question: what the nodes are asked (probe.py).
        command: that reports on a node, to which its folder is added.
        wait: seconds for which a job may pend.
    """
    trials = [Trial(kind, folder / f"{kind.needs.nodes}x{kind.needs.gpus_per_node}") for kind in kinds]
    try:
        for trial in trials:
            _submit(trial, site, question, command)
            tell(f"job {trial.job} submitted for {trial.kind.name}" if trial.job else f"{trial.kind.name}: {trial.why}")
        _follow([trial for trial in trials if trial.job], wait, tell)
    finally:
        for trial in trials:
            if trial.job and not trial.is_over:
                tell(f"cancelling job {trial.job}")
                with suppress(UserError):
                    slurm.cancel(trial.job)
    for trial in trials:
        _collect(trial, min(site.lag_seconds, LAG_SECONDS))
    return trials


def _submit(trial: Trial, site: Site, question: Mapping[str, Any], command: Sequence[str]) -> None:
    needs, folder = trial.kind.needs, trial.folder
    write_json(folder / QUESTION, question)
    words = [*shlex.split(site.container or ""), *command, str(folder.absolute())]
    if needs.nodes > 1:
        tasks = [f"--nodes={needs.nodes}", f"--ntasks={needs.nodes}", f"--cpus-per-task={needs.cpus}"]
        words = ["srun", *tasks, "--ntasks-per-node=1", "--kill-on-bad-exit=0", *words]
    # The container is among the words: srun is outside of it. No warning: it would come before the minute has begun.
    bare = replace(site, container=None, warning_seconds=0)
    write_text(folder / "job.sh", script_of(bare, words, {"TMPDIR": site.scratch}))
    minute = replace(needs, runtime_min=LIMIT_MINUTES)
    name = f"deepcoder-check-{folder.name}"
    try:
        options = [*options_of(bare, minute, name, folder / "log", "make check-cluster"), "--no-requeue"]
        trial.job = slurm.submit(folder / "job.sh", options)
    except UserError as error:
        trial.state, trial.why, trial.is_over = "REFUSED", str(error), True
    trial.submitted = time.monotonic()


def _follow(trials: Sequence[Trial], wait: float, tell: Tell) -> None:
    """Wait until every job is over or has had its time; answer the nodes meanwhile."""
    next_look = 0.0
    while open_trials := [trial for trial in trials if not trial.is_over]:
        for trial in open_trials:
            _answer(trial)
        if time.monotonic() >= next_look:
            for trial in open_trials:
                _look(trial, tell)
            next_look = time.monotonic() + LOOK_SECONDS
        if all(_is_late(trial, wait) for trial in open_trials):
            return
        time.sleep(POLL_SECONDS)


def _look(trial: Trial, tell: Tell) -> None:
    found = slurm.look_up(trial.job)
    state = found.state if found else "UNKNOWN"
    if state not in slurm.WAITING and trial.queued is None:
        trial.queued = time.monotonic() - trial.submitted
    trial.is_over = found is None or found.is_over
    if state != trial.state:
        tell(f"job {trial.job} ({trial.kind.name}) {state}")
    trial.state, trial.why = state, found.why if found else ""


def _is_late(trial: Trial, wait: float) -> bool:
    limit = wait if trial.queued is None else trial.queued + RUN_SECONDS
    return time.monotonic() - trial.submitted > limit


def _answer(trial: Trial) -> None:
    """The login node's half of probe.measure_disk."""
    ping, pong = trial.folder / "node-0.ping", trial.folder / "node-0.pong"
    if not pong.exists() and ping.exists():
        seen = time.time()
        if trial.queued is None:
            trial.queued = time.monotonic() - trial.submitted
        write_json(pong, {"seen": seen, "sent": time.time()})


def _collect(trial: Trial, lag: float) -> None:
    """The reports and the log of a job that is over; a shared disk shows them late."""
    if trial.queued is None:
        trial.queued = time.monotonic() - trial.submitted if trial.job else 0.0
        return
    end = time.monotonic() + (lag if trial.is_over else 0)
    while len(trial.reports) < trial.kind.needs.nodes or not all(report["complete"] for report in trial.reports):
        trial.reports = [read_json(path) for path in sorted(trial.folder.glob("node-*.json"))]
        if time.monotonic() > end:
            break
        time.sleep(POLL_SECONDS)
    with suppress(OSError):
        lines = (trial.folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
        trial.log = "\n".join(lines[-TAIL_LINES:])
