"""A shared disk that is full, or cannot be written, leaves one clear error and nothing half written."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from deepcoder.judge.isolation import bwrap_path
from tests.checkout import ROOT
from tests.slurm.lab import Lab
from tests.slurm.paper import Paper

DISK_BYTES = 400 << 20
FREE_BYTES = 90 << 20  # two checkpoints of 38 MB, not a third beside the logs


def inside(*words: str) -> list[str]:
    """A command that runs in a view of this host's files with some changed."""
    return [str(bwrap_path()), "--dev-bind", "/", "/", *words]


def test_a_full_shared_disk_ends_a_stage_in_one_error_and_freed_it_goes_on(
    prepared: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = [sys.executable, "-m", "tests.slurm.disk_process", str(prepared), str(disk), str(FREE_BYTES)]
    command = inside("--size", str(DISK_BYTES), "--tmpfs", str(disk), *script)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["status"] != 0
    assert "; free space or fix the path" in found["told"], found["told"][-5000:]
    assert not found["manifest"]
    assert found["bytes"].encode() == undisturbed


def test_a_shared_disk_that_cannot_be_written_is_one_error_before_any_job(
    prepared: Path, lab: Lab, tmp_path: Path
) -> None:
    paper = Paper(prepared, tmp_path / "checkout", lab)
    results = str(paper.folder / "results")
    command = inside("--ro-bind", results, results, *paper.command())
    done = subprocess.run(command, cwd=paper.folder, env=paper.environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, done.stderr
    assert "Read-only file system; free space or fix the path" in errors[0]
    assert paper.jobs == []
    shutil.rmtree(paper.folder)
