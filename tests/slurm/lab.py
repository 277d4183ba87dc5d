"""A private SLURM cluster of virtual nodes on this host, for tests and to play with; as root or as an ordinary user.

with Lab(folder) as lab:
    job = lab.submit("train.sh", "--nodes=2", "--gres=gpu:8")
    lab.kill_node("n1")

`python -m tests.slurm.lab start FOLDER` leaves one running until `stop FOLDER`. Real munged, slurmctld and slurmd (and
slurmdbd with MariaDB for accounting) of Debian's packages; nothing outside the folder is written, and only
loopback is listened on, but for slurmdbd, which cannot be bound to it. Every daemon has a keeper (keeper.py), which
holds all of its descendants and can end them.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from tests.slurm import configuration, host, keeper
from tests.slurm.configuration import COMMANDS, Settings
from tests.slurm.host import LabError

PLACES = ("bin", "dev", "etc", "log", "run", "spool", "state", "db")
START_SECONDS = 30
POLL_SECONDS = 0.05
GREETING = """{nodes}
A SLURM cluster of this host's own; its GPUs are none. Try
  srun --nodes=2 --gres=gpu:8 sh -c 'echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES'
  squeue; scontrol show node n1
It ends with this shell (exit); its logs stay in {folder}/log."""
T = TypeVar("T")


class Lab:
    """A cluster below `folder`, which is new, empty or an earlier lab's; every start makes a new cluster.

    As a context manager it ends with the block, and with this process, however it dies. After `start(detached=True)` it
    stays until `stop()`, of this object or of another one of the same folder.
    """

    def __init__(self, folder: Path | str, settings: Settings | None = None, **changes: Any) -> None:
        """`changes` are fields of `Settings`: `Lab(folder, nodes=2, accounting=True)`."""
        self.folder = Path(folder).resolve()
        self.settings = settings or Settings(**changes)
        self.seconds_to_start = 0.0
        self._keepers: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Lab:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, detached: bool = False) -> None:
        """Start the daemons and wait until every node is idle; what an earlier lab left here is ended first.

        Raises:
            LabError: a package is missing, the folder is not a lab's, or a daemon does not come up (tail of its log).
        """
        programs = host.programs(self.settings.accounting)
        host.check(self.folder)
        self.stop()
        begin = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / host.MARK).touch()
        self.folder.chmod(0o700)
        for name in PLACES:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        if not detached:
            atexit.register(self.stop)
        try:
            with host.free_ports(self.settings) as port:
                configuration.write(self.folder, self.settings, port, {name: programs[name] for name in COMMANDS})
                self._start_daemons(programs, detached)
        except BaseException:
            self.stop()
            raise
        self.seconds_to_start = time.monotonic() - begin

    def stop(self) -> None:
        """End what the lab started, jobs and waiting clients included, and nothing else; logs stay."""
        atexit.unregister(self.stop)
        records = list((self.folder / "run").glob("*.keeper"))
        for record in records:
            self._end_keeper(record.name.removesuffix(".keeper"), wait=False)
        for record in records:
            self._end_keeper(record.name.removesuffix(".keeper"))
        for pid in self.strays():
            keeper.kill(pid)

    def environment(self) -> dict[str, str]:
        """Variables by which a process finds the cluster."""
        path = os.environ.get("PATH", os.defpath)
        return {"SLURM_CONF": f"{self.folder}/etc/slurm.conf", "PATH": f"{self.folder}/bin:{path}"}

    def run(
        self, *command: str, check: bool = True, seconds: float = 120, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the cluster's submit host; `options` go to `subprocess.run`.

        Raises:
            LabError: it failed and `check` is set.
        """
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "SBATCH", "SRUN"))}
        env = {**outer, **self.environment(), **options.pop("env", {})}
        words = [shutil.which(command[0], path=env["PATH"]) or command[0], *command[1:]]
        done = subprocess.run(words, env=env, text=True, capture_output=True, timeout=seconds, check=False, **options)
        if check and done.returncode:
            raise LabError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def submit(self, script: str, *options: str, **run: Any) -> int:
        """Hand in a shell script (its text) by sbatch, whose output goes to `folder/log`; returns the job's number."""
        words = ["sbatch", "--parsable", f"--output={self.folder}/log/job-%j.out", "--open-mode=append", *options]
        if not script.startswith("#!"):
            script = "#!/bin/sh\n" + script
        return int(self.run(*words, input=script, **run).stdout.partition(";")[0])

    def output(self, job: int) -> str:
        """What a job handed in by `submit` printed so far, all its runs together."""
        path = self.folder / f"log/job-{job}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def queue(self) -> list[dict[str, Any]]:
        """All jobs that slurmctld still knows, the ended ones too, as `squeue --json` tells them."""
        return json.loads(self.run("squeue", "--states=all", "--json").stdout)["jobs"]

    def job(self, number: int) -> dict[str, Any]:
        """One job of `queue()`; {} if slurmctld has forgotten it."""
        return next((job for job in self.queue() if job["job_id"] == number), {})

    def nodes(self) -> dict[str, str]:
        """State of every node, as sinfo words it: idle, mix, alloc, down, `down*` where the slurmd is silent."""
        lines = self.run("sinfo", "--noheader", "--Node", "--partition=gpu", "--format=%N %t").stdout.splitlines()
        return dict(line.split() for line in lines)

    def processes(self, name: str) -> list[int]:
        """What lives on a node: its slurmd and all processes of its jobs."""
        record = self._record(name)
        return keeper.descendants(record) if record else []

    def kill_node(self, name: str) -> None:
        """SIGKILL for a node's slurmd and all processes of its jobs, as a power loss; slurmctld is not told."""
        self._end_keeper(name)

    def restart_node(self, name: str) -> None:
        """Boot a node, killed or not, and wait until slurmctld has heard of it.

        Of a job that was lost with the node, slurmctld hears only if the node was down to it before: wait for `down*`
        between `kill_node` and this, or SLURM goes on to call the job running until the node's next rare roll call.
        """
        self._end_keeper(name)
        self._start_node(name, host.programs(False)["slurmd"], detached=name not in self._keepers)
        self.wait_for(lambda: "*" not in self.nodes()[name] and "down" not in self.nodes()[name], START_SECONDS)

    def down(self, name: str, reason: str = "asked for") -> None:
        """Have slurmctld take a node for failed: its jobs end or are requeued."""
        self.run("scontrol", "update", f"nodename={name}", "state=down", f"reason={reason}")

    def resume(self, name: str) -> None:
        """The opposite of `down`."""
        self.run("scontrol", "update", f"nodename={name}", "state=resume")

    def reset(self) -> None:
        """No jobs, and every node idle: as after the start, but for the jobs that are remembered."""
        self.run("scancel", "--signal=KILL", "--full", "--user", configuration.user(), check=False)
        self.run("scancel", "--user", configuration.user(), check=False)
        for name, state in self.nodes().items():
            if not self.processes(name):
                self.restart_node(name)
            elif state.startswith(("down", "drain")):
                self.resume(name)
        self.wait_for(lambda: set(self.nodes().values()) == {"idle"}, START_SECONDS)

    def wait_for(self, predicate: Callable[[], T], seconds: float) -> T:
        """Wait until `predicate()` is true, and return it.

        Raises:
            LabError: it was not within `seconds`; the message holds the queue and the nodes.
        """
        end = time.monotonic() + seconds
        while not (value := predicate()):
            if time.monotonic() > end:
                queue = self.run("squeue", "--states=all", check=False).stdout + self.run("sinfo", check=False).stdout
                raise LabError(f"not within {seconds} s (logs: {self.folder}/log):\n{queue}")
            time.sleep(POLL_SECONDS)
        return value

    def strays(self) -> list[int]:
        """Processes of the lab that no keeper holds: those of a keeper that was killed, and clients that wait."""
        found = []
        for pid in keeper.processes():
            with suppress(OSError):
                variables = set(Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0"))
                is_client = Path(f"/proc/{pid}/comm").read_text().strip() in COMMANDS
                in_job = any(variable.startswith("SLURM_JOB_ID=") for variable in variables)
                ours = f"SLURM_CONF={self.folder}/etc/slurm.conf" in variables and (is_client or in_job)
                if pid != os.getpid() and (ours or f"SLURM_LAB_DAEMON={self.folder}" in variables):
                    found.append(pid)
        return found

    def _start_daemons(self, programs: dict[str, str], detached: bool) -> None:
        folder = self.folder
        munge = [programs["munged"], "--foreground", "--force", f"--key-file={folder}/etc/munge.key"]
        munge += [f"--{name}-file={folder}/run/munged.{name}" for name in ("pid", "seed")]
        munge += [f"--socket={folder}/run/munge.socket", f"--log-file={folder}/log/munged.log", "--num-threads=4"]
        self._spawn("munged", munge, detached)
        self._until("munged", (folder / "run/munge.socket").exists)
        if self.settings.accounting:
            self._start_accounting(programs, detached)
        conf = f"{folder}/etc/slurm.conf"
        self._spawn("slurmctld", [programs["slurmctld"], "-D", "-f", conf], detached)
        for name in self.settings.names:
            self._start_node(name, programs["slurmd"], detached)
        idle = dict.fromkeys(self.settings.names, "idle")
        self._until("slurmctld", lambda: self._answers("sinfo") and self.nodes() == idle, *self.settings.names)

    def _start_accounting(self, programs: dict[str, str], detached: bool) -> None:
        data, server = self.folder / "db", self.folder / "run/mysql.sock"
        common = ["--no-defaults", f"--datadir={data}", f"--user={configuration.user()}"]
        common += ["--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"]
        without_questions = ["--skip-test-db", "--auth-root-authentication-method=normal"]
        self.run(programs["mariadb-install-db"], *common, *without_questions)
        served = ["--skip-networking", f"--socket={server}", f"--pid-file={self.folder}/run/mariadbd.pid"]
        self._spawn("mariadbd", [programs["mariadbd"], *common, *served, "--innodb-lock-wait-timeout=900"], detached)
        client = [programs["mariadb"], "--no-defaults", "--user=root", f"--socket={server}", "--execute"]
        account = "create user slurm@localhost identified by 'slurm'; grant all on slurm_acct_db.* to slurm@localhost"
        self._until("mariadbd", lambda: self._answers(*client, account))
        self._spawn("slurmdbd", [programs["slurmdbd"], "-D"], detached, MYSQL_UNIX_PORT=str(server))
        self._until("slurmdbd", lambda: self._answers("sacctmgr", "--immediate", "add", "cluster", "lab"))
        for words in (["account", "lab"], ["user", configuration.user(), "account=lab"]):
            self._answers("sacctmgr", "--immediate", "add", *words)

    def _start_node(self, name: str, program: str, detached: bool) -> None:
        self._spawn(name, [program, "-D", "-f", f"{self.folder}/etc/slurm.conf", "-N", name], detached)

    def _spawn(self, name: str, command: list[str], detached: bool, **variables: str) -> None:
        parent = 0 if detached else os.getpid()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM", "MUNGE"))}
        env |= {"SLURM_CONF": f"{self.folder}/etc/slurm.conf", "SLURM_LAB_DAEMON": str(self.folder), **variables}
        with open(self.folder / f"log/{name}.stderr", "ab") as log:
            held = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, str(parent), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                cwd=self.folder,
                start_new_session=True,
            )
        (self.folder / f"run/{name}.keeper").write_text(f"{held.pid} {keeper.started_at(held.pid)}")
        self._keepers[name] = held

    def _record(self, name: str) -> int | None:
        try:
            pid, started = (self.folder / f"run/{name}.keeper").read_text().split()
        except FileNotFoundError:
            return None
        return int(pid) if str(keeper.started_at(int(pid))) == started else None

    def _end_keeper(self, name: str, wait: bool = True) -> None:
        while pid := self._record(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            if not wait:
                return
            time.sleep(keeper.POLL_SECONDS)
        if name in self._keepers:
            self._keepers[name].wait()

    def _answers(self, *command: str) -> bool:
        return self.run(*command, check=False).returncode == 0

    def _until(self, name: str, ready: Callable[[], bool], *others: str) -> None:
        end = time.monotonic() + START_SECONDS
        while not ready():
            dead = [each for each in (name, *others) if not self._record(each)]
            if dead or time.monotonic() > end:
                what = f"{dead[0]} ended" if dead else f"{name} is not ready after {START_SECONDS} s"
                raise LabError(
                    f"the lab does not come up: {what}; last lines of its log:\n{self._tail([*dead, name][0])}"
                )
            time.sleep(POLL_SECONDS)

    def _tail(self, name: str) -> str:
        logs = [path for path in (self.folder / "log").glob(f"{name}.*") if path.stat().st_size]
        return "\n".join(f"{path}:\n" + "\n".join(path.read_text().splitlines()[-12:]) for path in sorted(logs))


def main(words: Sequence[str] | None = None) -> None:
    """The verbs of `python -m tests.slurm.lab`."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.slurm.lab", description="a private SLURM cluster on this host"
    )
    parser.add_argument("verb", choices=("start", "stop", "env", "status", "shell"))
    parser.add_argument("folder", help="where everything of the lab lies")
    for field in fields(Settings):
        name = "--" + field.name.replace("_", "-")
        if field.default is False:
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name, type=int, default=field.default)
    given = vars(parser.parse_args(words))
    verb, lab = given.pop("verb"), Lab(given.pop("folder"), **given)
    try:
        _verb(verb, lab)
    except (LabError, OSError) as error:
        sys.exit(str(error))


def _verb(verb: str, lab: Lab) -> None:
    environment = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in lab.environment().items())
    if verb == "stop":
        lab.stop()
    elif verb == "env":
        print(environment)
    elif verb == "status":
        print(lab.run("sinfo").stdout + lab.run("squeue").stdout, end="")
    elif verb == "shell" and sys.stdin.isatty():
        with lab:
            print(GREETING.format(nodes=lab.run("sinfo").stdout, folder=lab.folder))
            signal.signal(signal.SIGINT, lambda *_: None)
            subprocess.run([os.environ.get("SHELL", "/bin/sh"), "-i"], env=os.environ | lab.environment(), check=False)
    else:
        lab.start(detached=True)
        print(lab.run("sinfo").stdout + f"started in {lab.seconds_to_start:.1f} s; to use it:\n")
        program = f"{sys.executable} -m tests.slurm.lab"
        print(f'eval "$({program} env {lab.folder})"\n{program} stop {lab.folder}')


if __name__ == "__main__":
    main()
