"""make check-cluster on a private cluster: what works, what does not with the key to change, and nothing left over."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.slurm.lab import Lab

CHECK = Path(__file__).resolve().parents[2] / "scripts/check_cluster.py"
SITE = {
    "partition": "gpu",
    "cpu_partition": "cpu",
    "gpu_type": "h100",
    "gpus_per_node": 8,
    "cpus_per_node": 8,
    "memory_mb_per_node": 2_000_000,
    "max_minutes": 600,
}
GPUS = {"sample": {"nodes": 1, "gpus_per_node": 8}, "train": {"nodes": 4, "gpus_per_node": 8}}


def command(resources: dict[str, Any], *words: str, **changes: Any) -> list[str]:
    site = {"scale": "smoke", "site": {**SITE, **changes}, "resources": resources}
    Path("site.yaml").write_text(yaml.safe_dump(site))
    return [sys.executable, str(CHECK), "--site", "site.yaml", "--json", "told.json", *words]


def check(resources: dict[str, Any], *words: str, **changes: Any) -> tuple[int, dict[tuple[str, str], Any], str]:
    """Exit status, the lines by (where, check), and what was printed."""
    done = subprocess.run(
        command(resources, *words, **changes), capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    found = json.loads(Path("told.json").read_text())["findings"]
    return done.returncode, {(line["where"], line["check"]): line for line in found}, done.stdout


def jobs_here(lab: Lab) -> list[dict[str, Any]]:
    return [job for job in lab.queue() if job["current_working_directory"] == os.getcwd()]


def test_a_site_that_fits_is_tried_by_one_job_of_each_kind_and_nothing_is_left(lab: Lab, here: Path) -> None:
    status, lines, printed = check(GPUS)
    assert status == 0, printed
    assert {where for where, _ in lines} == {"login node", "CPUs", "1 x 8 GPUs", "4 x 8 GPUs"}
    assert len(jobs_here(lab)) == 3
    assert {job["job_state"] for job in jobs_here(lab)} == {"COMPLETED"}
    fine = ("nodes", "judge", "shared disk", "Ray's ports", "results", "scratch", "packages", "torch")
    assert all(lines["4 x 8 GPUs", name]["result"] == "ok" for name in fine), printed
    assert lines["4 x 8 GPUs", "GPUs"]["seen"] == "8 of 8, no driver"
    assert lines["4 x 8 GPUs", "queue"]["seen"].endswith("on n1, n2, n3, n4")
    assert lines["4 x 8 GPUs", "fabric"]["seen"].startswith("reaches all")
    assert sorted(path.name for path in here.iterdir()) == ["site.yaml", "told.json"]


def test_everything_that_slurm_would_refuse_is_told_at_once_and_no_job_is_submitted(lab: Lab, here: Path) -> None:
    status, lines, _ = check({"train": {"nodes": 9, "gpus_per_node": 8}}, partition="gpus", max_minutes=999_999)
    assert status == 1
    assert lines["login node", "partition"]["seen"] == "'gpus' is not there; partitions: gpu, cpu, urgent"
    assert "max_minutes: 20160" in lines["login node", "cpu_partition"]["remedy"]
    refused = lines["login node", "sbatch --test-only"]
    assert refused["seen"].startswith("train: invalid partition specified: gpus")
    assert "partition" in refused["remedy"]
    assert jobs_here(lab) == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [({"gpu_type": "a100"}, "gpu_type"), ({"gpus_per_node": 16}, "gpus_per_node"), ({"constraint": "x"}, "constraint")],
)
def test_nodes_that_are_not_as_the_site_says_name_the_key(lab: Lab, here: Path, changes: Any, key: str) -> None:
    asked = {"train": {"nodes": 1, "gpus_per_node": changes.get("gpus_per_node", 8)}}
    status, lines, printed = check(asked, **changes)
    assert status == 1
    assert key in lines["login node", "sbatch --test-only"]["remedy"], printed
    assert ("gpus_per_node is 16 for 8" in lines["login node", "partition"]["seen"]) == (key == "gpus_per_node")
    assert jobs_here(lab) == []


def test_a_job_that_only_waits_is_reported_with_slurms_reason_and_cancelled(lab: Lab, here: Path) -> None:
    lab.submit("sleep 300", "--nodes=4", "--exclusive", "--chdir=/")
    status, lines, printed = check({"train": {"nodes": 1, "gpus_per_node": 8}}, "--wait", "3")
    assert status == 0, printed
    line = lines["1 x 8 GPUs", "queue"]
    assert line["result"] == "warning"
    assert "only waited" in line["seen"]
    assert "cluster is busy" in line["remedy"]
    assert {job["job_state"] for job in jobs_here(lab)} == {"CANCELLED"}


def test_what_a_node_lacks_is_told_with_the_last_lines_of_its_log(lab: Lab, here: Path) -> None:
    status, lines, _ = check({}, lag_seconds=1.0, setup=["echo no such module >&2", "exit 3"])
    assert status == 1
    assert lines["CPUs", "job"]["seen"].endswith("without a report; its log: no such module")
    assert "setup" in lines["CPUs", "job"]["remedy"]


def test_ctrl_c_cancels_the_jobs_and_leaves_nothing(lab: Lab, here: Path) -> None:
    lab.submit("sleep 300", "--nodes=4", "--exclusive", "--chdir=/")
    running = subprocess.Popen(command(GPUS), stderr=subprocess.PIPE, text=True)
    lab.wait_for(lambda: len(jobs_here(lab)) == 3, 30)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert told.count("cancelling job") == 3
    assert {job["job_state"] for job in jobs_here(lab)} == {"CANCELLED"}
    assert [path.name for path in here.iterdir()] == ["site.yaml"]
