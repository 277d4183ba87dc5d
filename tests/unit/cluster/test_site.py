"""A site's file is checked key by key, the examples fit the paper, and reports of nodes become lines with a remedy."""

import socket
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from deepcoder.cluster.batch import options_of
from deepcoder.cluster.check import Kind, Trial, kinds_of
from deepcoder.cluster.fabric import Meeting, listens
from deepcoder.cluster.findings import Finding, Wanted, findings_of
from deepcoder.cluster.login import key_of, login_findings, minutes_in
from deepcoder.config import compose_config
from deepcoder.config.machine import Resources, Site
from deepcoder.errors import UserError
from deepcoder.plan.estimate import estimate

ROOT = Path(__file__).resolve().parents[3]
SITE = Site(partition="gpu", gpus_per_node=8, cpus_per_node=96, memory_mb_per_node=10**6, max_minutes=2880)
EXAMPLES = [ROOT / "profiles/slurm/site.yaml", *sorted((ROOT / "profiles/slurm/sites").glob("*.yaml"))]
FINE: dict[str, Any] = {
    "node": 0,
    "host": "n1",
    "complete": True,
    "seconds": 9.0,
    "gpus": {"visible": 8, "names": ["NVIDIA H100 80GB HBM3"] * 8},
    "disk": {"there_ms": 20, "back_ms": 30, "clock_s": -0.005},
    "space": {name: {"path": "/x", "free_gb": 5000.0, "free_inodes": None} for name in ("results", "scratch")},
    "ports": {"loopback": True, "address": True},
    "judge": {"level": "landlock", "namespaces": "not allowed", "seconds": 0.2},
    "packages": {"of": 200, "absent": [], "other": {}, "python": "3.11.9"},
    "torch": {"version": "2.13.0", "cuda": True, "devices": 8, "seconds": 9.0},
}


def composed(path: Path) -> Any:
    return compose_config({"scale": "paper", **yaml.safe_load(path.read_text())})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"partitoin": "x"}, "site.partitoin is no key of a site; did you mean partition?"),
        ({"gpus_per_node": "many"}, "site.gpus_per_node: Value 'many' of type 'str' could not be converted to Integer"),
        ({"setup": "module load cuda"}, "site.setup: Invalid value assigned"),
        ({"max_minutes": None}, "site.max_minutes: Incompatible value 'None' for field of type 'int'"),
        ({}, "no value for site.cpus_per_node, site.gpus_per_node"),
    ],
)
def test_a_wrong_site_is_one_line_with_its_file_and_key(change: dict[str, Any], told: str) -> None:
    site = {key: value for key, value in asdict(SITE).items() if change}
    with pytest.raises(UserError) as caught:
        compose_config({"scale": "paper", "site": {**site, **change} if change else {"partition": "gpu"}})
    assert str(caught.value).startswith(f"profiles/slurm/site.yaml: {told}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("site: [", "while parsing"),
        ("partition: gpu", "no block 'site:'"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_no_site_is_one_line_that_names_it(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "mine.yaml"
    if text is not None:
        path.write_text(text)
    words = [sys.executable, str(ROOT / "scripts/check_cluster.py"), "--site", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert str(path) in done.stderr
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_site_takes_every_job_of_the_paper_on_32_gpus(path: Path) -> None:
    config = composed(path)
    site: Any = OmegaConf.to_object(config.site)
    for name, needs in OmegaConf.to_object(config.resources).items():
        options_of(site, needs, name, Path("log"), "")
    assert not [told for told in estimate(config).warnings if "segments" not in told]
    assert config.resources.train.nodes * config.resources.train.gpus_per_node == config.trainer.ranks == 32


def test_kinds_are_the_shapes_of_what_is_launched_with_the_most_that_any_asks_for() -> None:
    resources = {
        "fetch": Resources(memory_mb=9, runtime_min=9),
        "verify": Resources(cpus=64, memory_mb=2, runtime_min=3),
        "curate": Resources(cpus=2, memory_mb=5, runtime_min=1),
        "train": Resources(nodes=4, gpus_per_node=8, memory_mb=1, runtime_min=1),
    }
    cpus, train = kinds_of(resources, ["fetch"])
    assert cpus == Kind(Resources(cpus=64, memory_mb=5, runtime_min=3), ("verify", "curate"))
    assert (cpus.name, train.name) == ("CPUs", "4 x 8 GPUs")


def test_all_misfits_are_told_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sbatch", "squeue", "scontrol", "scancel", "sinfo", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    small = replace(SITE, gpus_per_node=4, cpus_per_node=8)
    resources = {"train": Resources(nodes=4, gpus_per_node=8, cpus=96, memory_mb=1, runtime_min=1)}
    lines = {line.check: line for line in login_findings(small, resources, kinds_of(resources, []))}
    assert lines["resources"].result == "FAIL"
    assert [told.split(" a node")[0] for told in lines["resources"].seen.splitlines()] == [
        "train asks for gpus_per_node=8",
        "train asks for cpus=96",
    ]


def test_without_slurm_it_says_where_to_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    (line,) = login_findings(SITE, {}, [])
    assert (line.result, line.remedy) == ("FAIL", "run it on a login node of the cluster")


@given(st.integers(1, 99), st.integers(0, 23), st.integers(0, 59))
def test_time_limits_are_read_as_sinfo_writes_them(days: int, hours: int, minutes: int) -> None:
    assert minutes_in(f"{days}-{hours:02}:{minutes:02}:00") == days * 1440 + hours * 60 + minutes
    assert minutes_in(f"{hours}:{minutes:02}:00") == hours * 60 + minutes
    assert minutes_in("infinite") == float("inf")


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("Invalid account or account/partition combination specified", "account"),
        ("Batch job submission failed: Invalid qos specification", "qos"),
        ("Invalid generic resource (gres) specification", "gpu_type"),
        ("Requested node configuration is not available", "gpu_type"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "max_minutes"),
        ("unrecognized option '--exclusiv'", "sbatch"),
        ("Job violates accounting/QOS policy (job submit limit)", "qos"),
    ],
)
def test_what_slurm_refuses_is_translated_to_a_key(words: str, key: str) -> None:
    assert key_of(words).startswith(key)


def lines_of(report: dict[str, Any], cuda: bool = True) -> dict[str, Finding]:
    needs = Resources(nodes=1, gpus_per_node=8, memory_mb=1, runtime_min=1)
    trial = Trial(Kind(needs, ("sample",)), Path("x"), "7", "COMPLETED", queued=1.0, reports=[{**FINE, **report}])
    return {line.check: line for line in findings_of(trial, replace(SITE, gpu_type="h100"), Wanted(cuda, 800))}


def test_a_fine_report_is_fine() -> None:
    assert {line.result for line in lines_of({}).values()} == {"ok"}


@pytest.mark.parametrize(
    ("report", "check", "result", "told"),
    [
        ({"gpus": {"visible": 4, "names": ["NVIDIA H100"] * 4}}, "GPUs", "FAIL", "4 of 8"),
        ({"gpus": {"visible": 8, "names": []}}, "GPUs", "FAIL", "no driver"),
        ({"gpus": {"visible": 8, "names": ["NVIDIA A100"]}}, "GPUs", "warning", "A100"),
        ({"torch": {**FINE["torch"], "cuda": False}}, "torch", "FAIL", "no CUDA"),
        ({"torch": {"late_s": 50}}, "torch", "warning", "not imported in 50 s"),
        ({"judge": {"error": "UserError: no sandbox can start"}}, "judge", "FAIL", "no sandbox can start"),
        ({"packages": {**FINE["packages"], "absent": ["ray"]}}, "packages", "FAIL", "ray is not installed"),
        ({"packages": {**FINE["packages"], "other": {"ray": "1, not 2"}}}, "packages", "warning", "ray 1, not 2"),
        ({"ports": {"loopback": True, "address": False}}, "Ray's ports", "FAIL", "address refused"),
        ({"disk": {**FINE["disk"], "there_ms": 90_000}}, "shared disk", "FAIL", "90000 ms"),
        ({"disk": {**FINE["disk"], "clock_s": 3.0}}, "clock", "warning", "+3.000 s"),
        ({"space": {"error": "OSError: Read-only file system"}}, "space", "FAIL", "Read-only"),
        (
            {"space": {**FINE["space"], "results": {**FINE["space"]["results"], "free_gb": 9}}},
            "results",
            "FAIL",
            "9 GB",
        ),
        ({"complete": False}, "nodes", "FAIL", "unfinished: n1"),
    ],
)
def test_what_a_node_lacks_is_a_line_with_a_remedy(report: Any, check: str, result: str, told: str) -> None:
    line = lines_of(report)[check]
    assert (line.result, told in line.seen) == (result, True), line
    assert line.remedy


def test_nodes_meet_and_exchange_values_in_their_order() -> None:
    port = free_port()
    told: dict[int, list[Any]] = {}

    def take_part(node: int) -> None:
        with Meeting(node, 3, "127.0.0.1", port) as meeting:
            told[node] = [meeting.exchange(f"n{node}"), meeting.exchange(node)]

    threads = [threading.Thread(target=take_part, args=(node,)) for node in (2, 1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert told == {node: [["n0", "n1", "n2"], [0, 1, 2]] for node in range(3)}


def test_a_node_that_does_not_come_is_named() -> None:
    with (
        pytest.raises(OSError, match=r"nodes \[1\] did not reach node 0"),
        Meeting(0, 2, "127.0.0.1", free_port(), 0.2),
    ):
        pass
    with pytest.raises(OSError, match="no connection to node 0"), Meeting(1, 2, "127.0.0.1", free_port(), 0.2):
        pass


def test_a_port_of_loopback_takes_connections() -> None:
    assert listens("127.0.0.1")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
