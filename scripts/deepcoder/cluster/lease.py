"""Who makes an output: one job at a time, known by files on the shared disk and by its name in the queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json, sha256_text, write_json
from deepcoder.locks import HeldError, hold

PREFIX = "deepcoder"


@dataclass(frozen=True)
class Lease:
    """The right to make an output, held by a job from before it is queued until it has ended.

    Attributes:
        output: the first output of the rule's job.
        identity: digest of what it is made from; a job with another one makes something else.
        job: SLURM's id; "" while it is being submitted.
    """

    rule: str
    output: str
    identity: str
    job: str = ""


@dataclass(frozen=True)
class Ended:
    """What a job wrote down of its end, from inside.

    Attributes:
        status: exit status of the rule's command.
        asked: it had been asked to end: by a time limit, a preemption or a user.
        host: the first node.
        start, end: seconds since the epoch.
    """

    status: int
    asked: bool
    host: str
    start: float
    end: float


class Desk:
    """The folder of one output: lease, batch script, logs and ends of its jobs."""

    def __init__(self, jobs: Path, rule: str, output: Path) -> None:
        """Args: jobs: folder of all leases of a scale."""
        self.rule, self.output = rule, output
        # The queue knows jobs of other checkouts, too.
        self.name = f"{PREFIX}-{rule}-{sha256_text(str(output.absolute()))[:10]}"
        self.folder = jobs / self.name
        self.script = self.folder / "job.sh"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Be the only launcher of this output.

        Raises:
            UserError: another one is at work.
        """
        try:
            handle = hold(self.folder / "launcher")
        except HeldError as holder:
            raise UserError(f"{self.output}: {holder} is waiting for it already; let it") from None
        with handle:
            yield

    @property
    def lease(self) -> Lease | None:
        """The last lease that was taken."""
        path = self.folder / "lease.json"
        return Lease(**read_json(path)) if path.exists() else None

    def take(self, lease: Lease) -> None:
        write_json(self.folder / "lease.json", asdict(lease))

    def log(self, job: str) -> Path:
        """Everything that a job has printed, over all its starts."""
        return self.folder / f"{job}.log"

    def ended(self, job: str, restarts: int) -> Ended | None:
        """What a job wrote of its end after so many restarts, or of a good one before them."""
        starts = (end_path(self.folder, job, start) for start in range(restarts + 1))
        ends = [Ended(**read_json(path)) if path.exists() else None for path in starts]
        return next((end for end in ends if end and end.status == 0), ends[-1])


def end_path(folder: Path, job: str, restarts: int) -> Path:
    """Where a job writes down its end; each start has an end of its own."""
    return folder / f"{job}.{restarts}.json"


def write_end(folder: Path, variables: Mapping[str, str], ended: Ended) -> None:
    """Write down an end, from inside the job whose environment is given."""
    facts: dict[str, Any] = asdict(ended)
    write_json(end_path(folder, variables["SLURM_JOB_ID"], int(variables.get("SLURM_RESTART_COUNT", "0"))), facts)


def has_ended_well(folder: Path, job: str) -> bool:
    """Whether a start of a job has written down that its command ended with status 0."""
    return any(read_json(path)["status"] == 0 for path in folder.glob(f"{job}.*.json"))
