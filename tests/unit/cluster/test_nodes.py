"""Two nodes of one host hold a Ray that only its own join, that tells of a loss, and that leaves nothing behind."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import psutil
import pytest

from deepcoder.cluster import one_node
from deepcoder.cluster.nodes import Held, allocated_nodes, ray_on, ray_over_nodes
from deepcoder.errors import UserError

NAMES, HOSTS = ["first", "second"], ["127.0.0.1", "127.0.0.1"]
CALLS = ("CoreWorkerService/GetCoreWorkerStats", "ObjectManagerService/Pull", "NodeManagerService/GetNodeStats")
GCS_CALLS = ("NodeInfoGcsService/GetAllNodeInfo", "JobInfoGcsService/GetAllJobInfo")
JOINING = """
import os, ray
from deepcoder.cluster.ray import joined_ray, nodes
with joined_ray():
    @ray.remote(num_cpus=1)
    def look():
        import deepcoder
        return ray.util.get_node_ip_address(), os.environ["GLOO_SOCKET_IFNAME"], deepcoder.__file__
    asked = [look.options(resources={f"node:127.0.0.{end}": 0.1}).remote() for end in (2, 3)]
    print(ray.get(asked), len(nodes()), sum(node.gpus for node in nodes()))
"""
WAITING = """
import time, ray
from deepcoder.cluster.ray import joined_ray
@ray.remote(num_cpus=1, resources={"node:127.0.0.3": 0.1})
class Rank:
    def call(self, seconds):
        time.sleep(seconds)
with joined_ray():
    rank = Rank.remote()
    ray.get(rank.call.remote(0))
    print("waiting", flush=True)
    ray.get(rank.call.remote(600))
"""


def directly(name: str) -> Sequence[str]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="module")
def held(folder: Path) -> Iterator[Held]:
    with ray_on(NAMES, HOSTS, directly, folder, gpus=0) as held:
        yield held
    assert not [path for path in folder.iterdir() if path.suffix != ".log"], "the token is gone"


def child(program: str, held: Held) -> subprocess.Popen[str]:
    scripts = str(Path(one_node.__file__).parents[2])
    environment = {**os.environ, **held.environment, "PYTHONPATH": scripts}
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)


def descendants(held: Held) -> list[psutil.Process]:
    return [process for node in held.nodes for process in psutil.Process(node.process.pid).children(recursive=True)]


def test_a_child_finds_both_nodes_and_this_package_on_them(held: Held) -> None:
    told = child(JOINING, held).communicate(timeout=60)[0]
    assert told.strip().endswith("2 0")
    assert told.count("'lo'") == 2
    assert "('127.0.0.2'" in told
    assert "('127.0.0.3'" in told
    assert told.count("scripts/deepcoder/__init__.py") == 2


def test_no_port_answers_without_the_token(held: Held) -> None:
    token = Path(held.environment["RAY_AUTH_TOKEN_PATH"])
    assert token.stat().st_mode & 0o777 == 0o600
    ports = [c.laddr for process in descendants(held) for c in process.net_connections() if c.status == "LISTEN"]
    assert len(ports) > 8
    outcomes = [answer(address.ip, address.port) for address in ports]
    assert set(outcomes) == {"401", "UNAUTHENTICATED"}, list(zip(ports, outcomes, strict=True))


def answer(ip: str, port: int) -> str:
    """What somebody without a token is told at a port."""
    host = "127.0.0.1" if ip in ("::", "0.0.0.0") else ip
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        for call in (*CALLS, *GCS_CALLS, "ReporterService/GetTraceback", "LogService/StreamLog"):
            try:
                channel.unary_unary(f"/ray.rpc.{call}")(b"", timeout=5)
                return f"{call} was answered"
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAVAILABLE):
                    return str(error.code().name)
    try:
        return str(urllib.request.urlopen(f"http://{host}:{port}/", timeout=5).status)
    except urllib.error.HTTPError as error:
        return str(error.code)


def test_a_lost_node_is_told_of_and_nothing_is_left(tmp_path: Path) -> None:
    with ray_on(NAMES, HOSTS, directly, tmp_path, gpus=0) as held:
        waiting = child(WAITING, held)
        assert waiting.stdout is not None
        assert "waiting" in waiting.stdout.readline()
        everything = descendants(held)
        folders = {process.environ()[one_node.MARK] for process in everything if one_node.MARK in process.environ()}
        second = held.nodes[1].process.pid
        (raylet,) = [p for p in psutil.Process(second).children(recursive=True) if p.name() == "raylet"]
        raylet.kill()
        assert waiting.wait(60) != 0
        assert held.lost() == ["second"]
    assert len(folders) == 2
    assert not [folder for folder in folders if Path(folder).exists()]
    assert not psutil.wait_procs(everything, timeout=5)[1]
    assert [path.suffix for path in tmp_path.iterdir()] == [".log", ".log"]


def test_a_node_whose_ray_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    refused = ["sh", "-c", "echo no such partition; exit 1"]
    failure = pytest.raises(UserError, match=r"on node first; .*first\.log ends with\nno such partition")
    with failure, ray_on(NAMES, HOSTS, lambda name: refused, tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["first.log"]


def test_outside_of_slurm_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert allocated_nodes({}) == []
    with ray_over_nodes(tmp_path / "never") as held:
        assert held.environment == {}
        assert held.lost() == []
    assert not (tmp_path / "never").exists()


def test_what_a_killed_node_left_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_node, "NEW_SECONDS", 0)
    dead, alive = (tmp_path / f"{one_node.PREFIX}{name}" for name in ("dead", "alive"))
    dead.mkdir()
    alive.mkdir()
    lock = one_node._locked(alive)
    one_node.remove_abandoned(tmp_path)
    os.close(lock)
    assert [path.name for path in tmp_path.iterdir()] == [alive.name]


@pytest.mark.parametrize(
    ("environment", "gpus"),
    [
        ({"CUDA_VISIBLE_DEVICES": "0,1,5"}, 3),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, 0),
        ({"SLURM_GPUS_ON_NODE": "8"}, 8),
        ({}, 0),
    ],
)
def test_gpus_are_those_that_slurm_gave(environment: dict[str, str], gpus: int) -> None:
    assert one_node.gpus_of(environment) == gpus


def test_a_scratch_folder_too_deep_for_sockets_is_not_used(tmp_path: Path) -> None:
    assert one_node.scratch({"TMPDIR": "/var/tmp"}) == "/var/tmp"
    deep = tmp_path / ("x" * 80)
    deep.mkdir()
    assert one_node.scratch({"SLURM_TMPDIR": str(deep)}) == "/tmp"
