"""A part of a command inside a job."""

import os
import sys
from pathlib import Path

from deepcoder.cluster.lease import Desk, Ended, end_path, write_end
from deepcoder.cluster.segment import run_segment
from deepcoder.files import read_json


def inside_start(number: int) -> dict[str, str]:
    """The environment of a job's first start or of one after a restart."""
    restarts = {"SLURM_RESTART_COUNT": str(number)} if number else {}
    return {**os.environ, "SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "1", **restarts}


def appending(path: Path, status: int) -> list[str]:
    return [sys.executable, "-c", f"open({str(path)!r}, 'a').write('run\\n'); raise SystemExit({status})"]


def test_a_job_that_slurm_starts_again_after_its_good_end_runs_nothing(tmp_path: Path) -> None:
    command = appending(tmp_path / "runs", 0)
    assert run_segment(tmp_path, command, inside_start(0)) == 0
    assert read_json(end_path(tmp_path, "7", 0))["status"] == 0
    assert run_segment(tmp_path, command, inside_start(1)) == 0
    assert (tmp_path / "runs").read_text() == "run\n"
    assert not end_path(tmp_path, "7", 1).exists()


def test_a_job_that_had_ended_badly_runs_again(tmp_path: Path) -> None:
    assert run_segment(tmp_path, appending(tmp_path / "runs", 3), inside_start(0)) == 3
    assert run_segment(tmp_path, appending(tmp_path / "runs", 0), inside_start(1)) == 0
    assert (tmp_path / "runs").read_text() == "run\nrun\n"
    assert [read_json(end_path(tmp_path, "7", start))["status"] for start in (0, 1)] == [3, 0]


def test_a_good_end_before_a_restart_that_slurm_made_in_vain_is_the_jobs_end(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "verify", tmp_path / "verdicts")
    for start, status in ((0, 75), (1, 0)):
        write_end(desk.folder, inside_start(start), Ended(status, False, "n1", 1.0, 2.0))
    assert [end and end.status for end in (desk.ended("7", start) for start in (0, 1, 2))] == [75, 0, 0]
    write_end(desk.folder, inside_start(3) | {"SLURM_JOB_ID": "8"}, Ended(75, False, "n1", 1.0, 2.0))
    assert desk.ended("8", 4) is None
