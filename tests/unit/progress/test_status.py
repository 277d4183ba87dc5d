"""The status of a run comes from whatever files there are: none, half a run, a failed, a finished and a damaged one."""

import json
import os
import socket
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepcoder.progress.curve import plot, sparkline
from deepcoder.progress.page import status_page
from deepcoder.progress.queue import Queued
from deepcoder.progress.run import RunProgress, read_run
from deepcoder.progress.stage import read_log, read_stage
from deepcoder.progress.terminal import status_lines
from deepcoder.provenance.record import record_path
from deepcoder.rl.progress_log import ProgressLog
from deepcoder.schemas.metrics import METRICS, TIMINGS
from deepcoder.schemas.table import write_table

STAGE = "strict/tiny/16k"
NOW = 10_000.0


def metrics(step: int) -> dict[str, Any]:
    return dict.fromkeys(METRICS.names, 0.0) | {
        "step": step,
        "staleness_max": 0,
        "reward_mean": step / 10,
        "validation_pass_rate": 0.5 if step % 2 else None,
    }


def timings(step: int, seconds: float = 10.0) -> dict[str, Any]:
    parts = {"sample_s": 6.0, "update_s": 2.0, "judge_wait_s": 1.0, "step_s": seconds}
    return dict.fromkeys(TIMINGS.names, 0.0) | parts | {"step": step, "tokens": 1}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = Path("results/smoke")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def log(results: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Append to a stage's log as a stage does, at given moments."""
    work = results / "work" / STAGE
    work.mkdir(parents=True)

    def append(at: float, start: int | None = None, step: int | None = None) -> None:
        monkeypatch.setattr(time, "time", lambda: at)
        if start is not None:
            ProgressLog(work).started(start)
        if step is not None:
            ProgressLog(work).finished(metrics(step), timings(step))

    return append


def declare(folder: Path, **changes: Any) -> None:
    stage = {"steps": 20, "seconds_per_step": 7.0, "samples": 64, "schedule": "sync"}
    value = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "artifacts": {str(folder / STAGE / "manifest.json"): "train_stage", str(folder / "lock"): "lock"},
        "stages": {STAGE: stage, "strict/tiny/32k": stage},
        "sampling_seconds": 100.0,
        "status": None,
    }
    write(folder / "work/run.json", value | changes)


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def told(run: RunProgress) -> str:
    return "\n".join(status_lines(run, NOW))


def failed_mark(folder: Path, **changes: Any) -> Path:
    host = {"name": socket.gethostname(), "pid": os.getpid(), "slurm_job_id": None}
    mark = {"door": "verify.py", "start": "2025-01-01T00:00:00+00:00", "host": host, "exit": None, "error": "..."}
    return write(folder / "data/strict/verified/easy/manifest.json.failed.json", mark | changes)


def test_an_empty_folder_says_that_nothing_was_started(results: Path) -> None:
    assert told(read_run(results)).splitlines() == [
        "smoke: 0 artifacts made, of all unknown, 0 at work, 0 failed",
        "  no run has been started here",
    ]


def test_a_stage_at_work_tells_its_pace_its_end_and_what_is_in_flight(results: Path, log: Callable[..., None]) -> None:
    declare(results)
    log(100, start=0)
    for step in range(1, 6):
        log(100 + 12 * step, step=step)
    write(results / "work" / STAGE / "samples.jsonl", "[]\n" * 31)
    run = read_run(results)
    stage = run.stages[0]
    assert (stage.done, stage.median_seconds, stage.seconds_left) == (5, 12.0, 15 * 12.0)
    assert run.seconds_left == 15 * 12.0 + 20 * 7.0 + 100.0
    shares = {"sample": 0.6, "train": 0.2, "sync": 0.0, "validate": 0.0, "wait for the judge": 0.1}
    assert stage.shares() == shares | {"idle": pytest.approx(0.2)}
    text = told(run)
    assert "step 5 of 20, 12 s a step, 3 min left" in text
    assert "in flight: 31 of 64 samples" in text
    assert "validation              0.500 at step 5, best 0.500 at step 1" in text
    assert "stage strict/tiny/32k: not begun of 20; 2 min 20 s by the configuration's seconds per step" in text
    assert "0 of 2 artifacts made" in text


def test_no_step_is_counted_twice_and_each_interruption_tells_its_cost(results: Path, log: Callable[..., None]) -> None:
    declare(results)
    log(0, start=0)
    for step in (1, 2, 3):
        log(10 * step, step=step)
    log(100, start=2)
    log(150, start=2)
    log(160, step=3)
    run = read_run(results)
    assert [step.number for step in run.stages[0].steps] == [1, 2, 3]
    assert [(start.lost_steps, start.lost_seconds) for start in run.stages[0].starts] == [(0, 0), (1, 80), (0, 50)]
    assert "taken up after step 2" in told(run)
    assert "1 steps and 1 min 20 s lost" in told(run)
    assert run.stages[0].seconds == [10.0], "the pause of an interruption is no step's"


def test_a_line_cut_by_a_kill_is_left_out_and_the_next_start_is_read(results: Path, log: Callable[..., None]) -> None:
    log(0, start=0)
    log(10, step=1)
    path = results / "work" / STAGE / "progress.jsonl"
    path.write_text(path.read_text() + '{"at": 20.0, "metr')
    log(30, start=1)
    log(40, step=2)
    steps, starts, damaged = read_log(path)
    assert ([step.number for step in steps], len(starts), damaged) == ([1, 2], 2, 1)
    assert "1 lines or tables of its steps are damaged and left out" in told(read_run(results))


def test_a_finished_stage_whose_work_folder_is_gone_is_read_from_its_tables(results: Path) -> None:
    folder = results / STAGE
    write_table(folder / "metrics.parquet", [metrics(1), metrics(2)], METRICS)
    write_table(folder / "timings.parquet", [timings(1), timings(2)], TIMINGS)
    stage = read_stage(folder, results / "work" / STAGE, STAGE, True, {})
    assert (stage.done, stage.seconds_left, stage.median_seconds) == (2, 0.0, 10.0)


def test_a_failed_job_is_told_with_its_error_and_one_that_was_killed_too(results: Path) -> None:
    failed_mark(results, exit=1, error="RayError: first line\nmore\nthe last line")
    assert (
        "verify: results/smoke/data/strict/verified/easy/manifest.json: RayError: first line [...] the last line"
        in (told(read_run(results)))
    )
    failed_mark(results)  # the process of this mark lives, but it is no verify.py
    assert "was killed; run again to go on" in told(read_run(results))
    failed_mark(results, host={"name": "elsewhere", "pid": 3})
    assert "process 3 on elsewhere; alive or killed: not to be seen from here" in told(read_run(results))


def test_a_job_of_slurm_is_told_by_the_queue_or_else_by_its_lease(results: Path) -> None:
    output = str(results / STAGE / "manifest.json")
    desk = results / "work/jobs/deepcoder-train_stage-0123456789"
    write(desk / "lease.json", {"rule": "train_stage", "output": output, "identity": "x", "job": "81"})
    assert "job 81, by its lease; SLURM does not answer" in told(read_run(results))
    assert "job 81, by its lease; it is not in the queue" in told(read_run(results, {}))
    waiting = {"81": Queued("PENDING", "Resources", "0:00")}
    assert "job 81 PENDING (Resources)" in told(read_run(results, waiting))
    end = {"status": 3, "asked": False, "host": "n1", "start": 0.0, "end": 1.0}
    write(desk / "81.0.json", end)
    assert f"failed\n  train_stage: {output}: ended with status 3; log {desk}/81.log" in told(read_run(results, {}))
    write(desk / "81.0.json", end | {"status": 75})
    assert "job 81 ended with status 75; it goes on in another" in told(read_run(results, {}))


def test_a_run_that_has_ended_or_was_killed_is_told_so(results: Path) -> None:
    declare(results, status=0)
    assert "the last run has ended well" in told(read_run(results))
    declare(results, pid=2**22 + 1)
    assert "is gone; start it again to go on" in told(read_run(results))
    for path in (results / STAGE / "manifest.json", results / "lock"):
        write(path, "{}")
        write(record_path(path), "{}")
    assert "everything is made" in told(read_run(results))


@pytest.mark.parametrize(
    "name", ["work/run.json", "data/strict/verified/easy/manifest.json.failed.json", "work/jobs/some/lease.json"]
)
@pytest.mark.parametrize("text", ['{"half', "[]", "\x00\xff"])
def test_a_damaged_file_is_one_line_that_names_it(results: Path, name: str, text: str) -> None:
    path = write(results / name, text)
    run = read_run(results)
    assert len(run.notes) == 1
    assert run.notes[0].startswith(f"{path}: ")


@given(st.lists(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))))
def test_any_bytes_in_a_log_are_read_without_an_error(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.mktemp("log") / "progress.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    steps, starts, _ = read_log(path)
    assert (steps, starts) == ([], [])


def test_curves_keep_their_ends_and_plain_terminals_get_plain_characters() -> None:
    curve = [(step, float(step)) for step in range(1, 200)]
    assert sparkline(curve, 8) == "▁▂▃▄▅▆▇█"
    assert sparkline([(1, 2.0)]) != ""
    assert sparkline([]) == ""
    assert all(line.isascii() for line in [sparkline(curve, unicode=False), *plot(curve, unicode=False)])
    lines = plot(curve, width=20, height=4)
    assert len(lines) == 5
    assert lines[0].endswith("█")
    assert lines[-1].split("└")[1].split() == ["1", "199"]


def test_the_page_is_well_formed_escapes_what_it_is_told_and_loads_itself_again(
    results: Path, log: Callable[..., None]
) -> None:
    declare(results)
    log(0, start=0)
    log(10, step=1)
    log(20, step=2)
    failed_mark(results, exit=1, error="<script>alert(1)</script>")
    page = status_page(read_run(results), NOW, refresh=30)
    open_tags: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            assert tag != "script"
            if tag not in ("meta", "polyline", "circle"):
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if tag not in ("polyline", "circle"):
                assert open_tags.pop() == tag

    Checker().feed(page)
    assert open_tags == []
    assert '<meta http-equiv="refresh" content="30">' in page
    assert page.count("<polyline") == 7
    assert "http://" not in page
    assert "https://" not in page


def test_finished_stages_are_folded_while_another_is_at_work(results: Path, log: Callable[..., None]) -> None:
    declare(results)
    log(0, start=0)
    log(10, step=1)
    run = read_run(results)
    assert status_page(run, NOW).count("<details>") == 0
    run.stages[1].made = True
    page = status_page(run, NOW)
    assert "<details><summary>strict/tiny/32k: done</summary>" in page
    run.stages[0].made = True
    assert status_page(run, NOW).count("<details>") == 0
