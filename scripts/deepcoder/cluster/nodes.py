"""From a SLURM job's batch process: Ray on every node of the allocation, for as long as a block runs.

Ray's own symmetric-run is not used: it refuses to start where any other Ray runs, and ends with `ray stop`, which ends
every Ray of that user on the node, those of other jobs and of other virtual nodes of one host too. The steps here have
what it is for, the same command on each node, and end only what they started.

Nobody else gets in: each call is answered only to who holds the token (a file of mode 600, made anew for each block).
Ray binds to all interfaces of a node and cannot be told otherwise; its dashboard, client server and metrics are off.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from deepcoder.cluster.one_node import LOST, UP, source_address
from deepcoder.errors import Resumable, UserError
from deepcoder.files import writing

START_SECONDS = 180  # Python and Ray read from a shared disk by all nodes at once
LOSS_SECONDS = 4.0  # Ray looks for its dead processes once a second
END_SECONDS = 30  # a node's own deadlines add up to less
TAIL_LINES = 15
PACKAGE_ROOT = Path(__file__).resolve().parents[2]

Launch = Callable[[str], Sequence[str]]


@contextmanager
def ray_over_nodes(folder: Path, gpus: int | None = None) -> Iterator[Held]:
    """Run Ray on the nodes of this SLURM allocation; a child with `environment` in its own joins it.

    On one node, or outside of SLURM, nothing is started and that is empty: training starts its own Ray. To be used
    in the process that SLURM runs on the first node (a batch script, a step's first task).

    Args:
        folder: where every node sees the same files; the token, and a log of each node, lie there.
        gpus: of each node; by default those that SLURM gave.

    Raises:
        UserError: SLURM does not answer.
        Resumable: a node's Ray failed to start, or not within START_SECONDS.
    """
    names = allocated_nodes(os.environ)
    if len(names) < 2:
        yield Held({}, [])
        return
    hosts = [_address_of(name) for name in names]
    with ray_on(names, hosts, _step, folder, gpus) as held:
        yield held


@contextmanager
def ray_on(
    names: Sequence[str], hosts: Sequence[str], launch: Launch, folder: Path, gpus: int | None = None
) -> Iterator[Held]:
    """As ray_over_nodes, on nodes of which `launch` tells the command that runs another on one of them.

    Args:
        hosts: IP address by which the nodes know each, the first of them this one; loopback if all are on this host.
    """
    addresses = _addresses(hosts)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    token = folder / f"token-{secrets.token_hex(4)}"
    environment = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token.resolve()),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    counted = [] if gpus is None else ["--gpus", str(gpus)]
    deadline = time.monotonic() + START_SECONDS
    with ExitStack() as stack:
        stack.enter_context(_ending_on_sigterm())
        stack.callback(token.unlink, missing_ok=True)
        _write_token(token)
        nodes: list[_Node] = []
        stack.callback(lambda: _end(nodes))

        def start(number: int, *options: str) -> _Node:
            words = [*launch(names[number]), sys.executable, "-m", "deepcoder.cluster.one_node", *options, *counted]
            own = ["--own-address", addresses[number]] if addresses[number] else []
            nodes.append(_Node(names[number], [*words, *own], folder / f"{names[number]}.log", environment))
            return nodes[-1]

        head = start(0).address(deadline)
        for number in range(1, len(names)):
            start(number, "--head", head)
        for node in nodes:
            node.address(deadline)
        yield Held({**environment, "RAY_ADDRESS": head}, nodes)


def allocated_nodes(environment: Mapping[str, str]) -> list[str]:
    """Names of the nodes of the SLURM job that an environment tells of; none outside of a job.

    Snakemake's executor hides all of a job's variables but its number, by which SLURM is asked then.

    Raises:
        UserError: SLURM does not answer.
    """
    job = environment.get("SLURM_JOB_ID")
    if not job:
        return []
    packed = environment.get("SLURM_JOB_NODELIST") or _told("squeue", "--noheader", "--jobs", job, "--format", "%N")
    return _told("scontrol", "show", "hostnames", packed.strip()).split()


@dataclass
class _Node:
    """A node's Ray: the step that holds it ends it when its standard input ends, which it does if this process dies."""

    name: str
    words: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))

    def __post_init__(self) -> None:
        paths = [str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._known, self._found, self.lost, self._asked = threading.Event(), "", False, False
        self.process = subprocess.Popen(
            self.words,
            env={**os.environ, **self.environment, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.log.open("w", encoding="utf-8") as log:
            for line in self.process.stdout:
                if line.startswith(UP):
                    self._found = line.removeprefix(UP).strip()
                    self._known.set()
                self.lost = self.lost or line.startswith(LOST)
                self.tail.append(line.rstrip())
                log.write(line)
                log.flush()
        self._known.set()
        self.lost = self.lost or not self._asked

    def address(self, deadline: float) -> str:
        """Where this node's Ray can be joined, once it is up."""
        came = self._known.wait(max(0.0, deadline - time.monotonic()))
        if self._found:
            return self._found
        said = "\n".join(self.tail) or "(it said nothing)"
        if came:  # Ray gives its own processes 30 seconds, which a busy node or a slow disk may exceed
            raise Resumable(f"Ray failed to start on node {self.name}; {self.log} ends with\n{said}")
        raise Resumable(
            f"node {self.name} did not start Ray within {START_SECONDS} s; run again, without it if it happens again; "
            f"{self.log} ends with\n{said}"
        )

    def ask_to_end(self) -> None:
        assert self.process.stdin is not None
        self._asked = True
        self.process.stdin.close()

    def end(self, deadline: float) -> None:
        try:
            self.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(END_SECONDS)


@dataclass(frozen=True)
class Held:
    """Ray while it is held: what a process that joins it finds in its environment, and its nodes."""

    environment: dict[str, str]
    nodes: Sequence[_Node]

    def lost(self) -> list[str]:
        """Names of the nodes whose Ray ended by itself; waits LOSS_SECONDS for a death to be noticed."""
        deadline = time.monotonic() + (LOSS_SECONDS if self.nodes else 0.0)
        while not (found := [node.name for node in self.nodes if node.lost]) and time.monotonic() < deadline:
            time.sleep(0.1)
        return found


def _end(nodes: Sequence[_Node]) -> None:
    for node in nodes:
        node.ask_to_end()
    deadline = time.monotonic() + END_SECONDS
    for node in nodes:
        node.end(deadline)


def _step(name: str) -> list[str]:
    """A step that has all of the job's share of a node, beside the steps that run there."""
    options = ["--nodes=1", "--ntasks=1", f"--nodelist={name}", "--overlap", "--cpu-bind=none", "--unbuffered"]
    return ["srun", "--quiet", *options, "--export=ALL"]


def _address_of(name: str) -> str:
    told = _told("scontrol", "show", "node", "--oneliner", name)
    found = re.search(r"\bNodeAddr=(\S+)", told)
    host = found[1] if found else name
    try:
        return socket.gethostbyname(host)
    except OSError as error:
        raise UserError(f"node {name}: its address {host} cannot be resolved here ({error})") from error


def _addresses(hosts: Sequence[str]) -> list[str]:
    """The address that each node is to use; an empty text where only the node itself can find out.

    Ray knows a node by its address: nodes that are all on the loopback of one host get one each there.
    """
    if hosts[1].startswith("127."):
        return [f"127.0.0.{number + 2}" for number in range(len(hosts))]
    return [source_address(hosts[1]), *("" for _ in hosts[1:])]


def _write_token(path: Path) -> None:
    with writing(path), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))


def _told(*words: str) -> str:
    """What a command of SLURM prints."""
    if shutil.which(words[0]) is None:
        raise UserError(f"SLURM_JOB_ID is set, but there is no {words[0]} on PATH; unset it to run outside of SLURM")
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise UserError(f"{' '.join(words)} failed: {done.stderr.strip() or done.returncode}")
    return done.stdout


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Where nobody listens to SIGTERM, let it end the block rather than the process alone."""
    main = threading.current_thread() is threading.main_thread()
    unheard = main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def heard(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if unheard:
        signal.signal(signal.SIGTERM, heard)
    try:
        yield
    finally:
        if unheard:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
