"""The real workflow on the private cluster: a checkout in which all is made but a stage, and runs of that stage."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.checkout import copy_checkout
from tests.slurm.lab import Lab

STAGE = Path("results/smoke/strict/tiny/16k/manifest.json")
MADE_BEFORE = ("results/smoke/data/strict/manifest.json", "results/smoke/models/base/tiny/manifest.json")
STEPS = 24
BRIEF = (
    "scale=smoke",
    "train_sources=[easy]",
    "report_benchmarks=[easy]",
    "rollout__engine__name=hf",
    "warm_start__steps=150",
    f"stages__16k__steps={STEPS}",
    "stages__16k__save_every=4",
    "stages__16k__validate_every=12",
    "stages__16k__batch={prompts: 8, minibatch: 8}",
    "trainer__validation_samples=1",
)
# What of the cluster is not as in profiles/slurm/site.yaml.
SITE = {"cpus_per_node": 8, "poll_seconds": 1, "lag_seconds": 3, "warning_seconds": 55}


def prepare(folder: Path) -> None:
    """A checkout with everything that a stage starts from, made without a cluster."""
    copy_checkout(folder)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *MADE_BEFORE, "--config", *BRIEF]
    done = subprocess.run(command, cwd=folder, env=clean(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def clean() -> dict[str, str]:
    """The environment without what an outer run or job has set."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DEEPCODER_", "SLURM_"))}


class Paper:
    """A copy of a prepared checkout, and the runs in it."""

    def __init__(self, prepared: Path, folder: Path, lab: Lab) -> None:
        shutil.copytree(prepared, folder, symlinks=True)
        self.folder, self.lab = folder, lab
        self.began = self.seconds = 0.0  # of the first run, and from there to the end of the last

    def command(self, *overrides: str, **site: object) -> list[str]:
        """`snakemake --profile slurm` for the stage."""
        keys = [f"site__{name}={value}" for name, value in {**SITE, **site}.items()]
        words = [sys.executable, "-m", "snakemake", "--profile", "slurm", str(STAGE), "--config"]
        return [*words, *BRIEF, *keys, *overrides]

    @property
    def environment(self) -> dict[str, str]:
        """Of a shell on the cluster's login node."""
        return clean() | self.lab.environment()

    def start(self, *overrides: str, **site: object) -> subprocess.Popen[str]:
        """Start the command as a user at a terminal would."""
        self.began = self.began or time.monotonic()
        with open(self.folder / "run.log", "a", encoding="utf-8") as log:
            return subprocess.Popen(
                self.command(*overrides, **site),
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def finish(self, run: subprocess.Popen[str], seconds: float = 240) -> bytes:
        """Wait until a run has made the stage; the bytes of its manifest."""
        assert run.wait(seconds) == 0, self.told[-6000:]
        self.seconds = time.monotonic() - self.began
        return (self.folder / STAGE).read_bytes()

    def interrupt(self, run: subprocess.Popen[str]) -> int:
        """Ctrl-C: SIGINT to all of a terminal's foreground processes; the run's exit status."""
        os.killpg(run.pid, signal.SIGINT)
        return run.wait(60)

    @property
    def told(self) -> str:
        """What all runs have printed."""
        return (self.folder / "run.log").read_text(encoding="utf-8")

    @property
    def trained(self) -> str:
        """What all jobs of the stage have printed."""
        logs = sorted((self.folder / "results/smoke/work/jobs").glob("deepcoder-train_stage-*/*.log"))
        return "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)

    @property
    def step(self) -> int:
        """The last step that a job has told of."""
        found = re.findall(rf"^step (\d+)/{STEPS}:", self.trained, flags=re.MULTILINE)
        return int(found[-1]) if found else 0

    def reach(self, step: int, seconds: float = 120) -> None:
        """Wait until that step is through."""
        self.lab.wait_for(lambda: self.step >= step, seconds)

    @property
    def jobs(self) -> list[int]:
        """Numbers of all jobs that this checkout has submitted."""
        folder = str(self.folder)
        return [job["job_id"] for job in self.lab.queue() if job["current_working_directory"] == folder]

    @property
    def running(self) -> int:
        """The number of the job at work."""

        def at_work() -> int:
            states = {job["job_id"]: job["job_state"] for job in self.lab.queue()}
            return next((job for job in self.jobs if states[job] == "RUNNING"), 0)

        return self.lab.wait_for(at_work, 60)

    def door(self, job: int) -> int:
        """The process of the stage's script in a job."""
        for pid in self.lab.processes(self.lab.job(job)["batch_host"]):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if len(words) > 1 and words[1].endswith(b"/train_stage.py"):
                    return pid
        raise AssertionError(f"job {job} has no train_stage.py at work")

    def minutes_left(self, job: int) -> int:
        """Whole minutes until a job's time limit."""
        left = self.lab.run("squeue", "--noheader", f"--jobs={job}", "--format=%L").stdout.strip()
        return int(left.split(":")[-2]) + 60 * (int(left.split(":")[-3]) if left.count(":") > 1 else 0)

    def steps_done_twice(self) -> int:
        """How many steps were trained once more after an interruption."""
        found = [int(step) for step in re.findall(rf"^step (\d+)/{STEPS}:", self.trained, flags=re.MULTILINE)]
        return len(found) - len(set(found))
