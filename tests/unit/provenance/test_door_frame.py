"""The frame of a door: declared keys only, one clear error, a record last, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deepcoder.provenance.checks import strays

ROOT = Path(__file__).resolve().parents[3]

DOOR = '''"""A door."""
import argparse, sys, time
sys.path.insert(0, {scripts!r})
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.files import write_text

READS = ("judge", "stages.{{stage}}.steps")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=InputPath)
    parser.add_argument("output", type=OutputPath)
    parser.add_argument("--stage", default="16k")


def work(job: Job) -> None:
{body}


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
'''


def run(folder: Path, body: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    door = folder / "copy_it.py"
    door.write_text(DOOR.format(scripts=str(ROOT / "scripts"), body="    " + body.replace("\n", "\n    ")))
    (folder / "in.txt").write_text("in")
    return subprocess.run(
        [sys.executable, door, "in.txt", "out.txt", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )


def test_a_door_writes_its_output_and_a_record_with_hashes_and_the_declared_config(tmp_path: Path) -> None:
    done = run(tmp_path, 'write_text(job.args.output, str(job.read("stages.{stage}.steps")))', "stages__16k__steps=7")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "7"
    record = json.loads((tmp_path / "out.txt.record.json").read_text())
    assert record["config"]["stages.16k.steps"] == 7
    assert set(record["config"]) == {"judge", "stages.16k.steps"}
    assert record["inputs"][0]["sha256"] == "582967534d0f909d196b97f9e6921342777aea87b46fa52df165389db1fb8ccf"
    assert record["outputs"][0]["bytes"] == 1
    assert record["exit"] == 0


def test_overrides_of_the_run_reach_the_door_and_its_own_win(tmp_path: Path) -> None:
    body = 'write_text(job.args.output, str(job.read("stages.{stage}.steps")))'
    run_overrides = json.dumps({"stages": {"16k": {"steps": 9}}})
    assert run(tmp_path, body, DEEPCODER_OVERRIDES=run_overrides).returncode == 0
    assert (tmp_path / "out.txt").read_text() == "9"
    assert run(tmp_path, body, "stages.16k.steps=8", DEEPCODER_OVERRIDES=run_overrides).returncode == 0
    assert (tmp_path / "out.txt").read_text() == "8"


def test_reading_an_undeclared_key_fails_with_the_declared_ones(tmp_path: Path) -> None:
    done = run(tmp_path, 'job.read("trainer")')
    assert done.returncode == 1
    assert "trainer is not among the configuration keys this door declares" in done.stderr


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('raise UserError("in.txt row 3: no tests; add them")', "error: in.txt row 3: no tests; add them"),
        ("pass", "ended without writing it"),
        ("1 / 0", "stopped on ZeroDivisionError"),
    ],
)
def test_a_failed_door_exits_1_with_one_error_a_failure_record_and_no_record(
    tmp_path: Path, body: str, message: str
) -> None:
    done = run(tmp_path, body)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.txt.record.json").exists()
    assert json.loads((tmp_path / "out.txt.failed.json").read_text())["exit"] == 1


@pytest.mark.parametrize(
    ("body", "code", "ended", "told"),
    [
        ('raise UserError("no tests")', 1, 1, "copy_it.py failed: no tests (on "),
        (
            'write_text(job.args.output, "2"); 1 / 0',
            1,
            1,
            "copy_it.py failed: ZeroDivisionError: division by zero (on ",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 143, 1, "copy_it.py failed: SystemExit: 143 (on "),
        ("import os; os.kill(os.getpid(), 9)", -9, None, "copy_it.py has not ended: it was killed, or is still at"),
    ],
)
def test_a_job_that_fails_or_is_killed_leaves_a_failure_record_and_nothing_of_an_earlier_run(
    tmp_path: Path, body: str, code: int, ended: int | None, told: str
) -> None:
    assert run(tmp_path, 'write_text(job.args.output, "1")').returncode == 0
    assert run(tmp_path, body).returncode == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy_it.py", "in.txt", "out.txt.failed.json"]
    failed = tmp_path / "out.txt.failed.json"
    assert json.loads(failed.read_text())["exit"] == ended
    (found,) = [text for text in strays(tmp_path, {}) if text.startswith(f"{failed}: ")]
    assert told in found


def test_a_job_that_ends_well_takes_the_failure_record_of_an_earlier_one_away(tmp_path: Path) -> None:
    assert run(tmp_path, "1 / 0").returncode == 1
    assert run(tmp_path, 'write_text(job.args.output, "1")').returncode == 0
    assert not (tmp_path / "out.txt.failed.json").exists()


def test_a_job_that_cannot_begin_leaves_what_is_there(tmp_path: Path) -> None:
    assert run(tmp_path, 'write_text(job.args.output, "1")').returncode == 0
    assert run(tmp_path, "pass", "no.such.key=1").returncode == 1
    assert (tmp_path / "out.txt").exists()
    assert (tmp_path / "out.txt.record.json").exists()
    assert (tmp_path / "out.txt.failed.json").exists()


def test_the_lock_can_be_made_again_over_its_own_earlier_record(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "lock.py", "results", "results/provenance.lock"]
    (tmp_path / "results").mkdir()
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (tmp_path / "results" / "provenance.lock").unlink()  # as Snakemake does before it runs a job


def test_a_user_error_prints_no_traceback(tmp_path: Path) -> None:
    assert "Traceback" not in run(tmp_path, 'raise UserError("bad")').stderr


def test_a_lost_process_exits_75_with_a_failure_record_so_that_a_launcher_runs_the_door_again(tmp_path: Path) -> None:
    done = run(tmp_path, 'from deepcoder.errors import Resumable\nraise Resumable("a node was lost; run again")')
    assert (done.returncode, done.stderr) == (75, "error: a node was lost; run again\n")
    assert json.loads((tmp_path / "out.txt.failed.json").read_text())["exit"] == 75


def test_a_job_dies_with_the_run_that_started_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as parent:
        door = tmp_path / "sleep_it.py"
        door.write_text(DOOR.format(scripts=str(ROOT / "scripts"), body="    print('up', flush=True); time.sleep(60)"))
        (tmp_path / "in.txt").write_text("in")
        child = subprocess.Popen(
            [sys.executable, door, "in.txt", "out.txt"],
            cwd=tmp_path,
            env={**os.environ, "DEEPCODER_RUN_PID": str(parent.pid)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        started = time.monotonic()
        assert child.wait(timeout=20) == 128 + signal.SIGTERM
        assert time.monotonic() - started < 20
        assert not (tmp_path / "out.txt").exists()
