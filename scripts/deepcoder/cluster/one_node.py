"""On one node of a job: hold its Ray until standard input ends, then leave neither a process nor a file behind.

Run by nodes.py as `python -m deepcoder.cluster.one_node`; prints UP and the address to join once Ray is up, and LOST
when it ends unasked.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

UP = "Ray is up: "
LOST = "Ray ended by itself"
PREFIX = "deepcoder-ray-"
NEW_SECONDS = 60  # a folder this young may be about to be locked
MARK = "DEEPCODER_RAY_FOLDER"  # in the environment of every process of this Ray
OBJECT_STORE_BYTES = 2 << 30  # a step's rollouts and a few hundred programs with their tests
LONGEST_BASE = 40  # of the 107 bytes that a socket's path may have, Ray takes 66
POLL_SECONDS = 0.2
END_SECONDS = 8  # Ray waits 5 s at most for its own
# A node that vanishes is given up after 5 checks in a row that were each without an answer for 5 s, 1 s apart: 30 s.
HEALTH = {"period_ms": "1000", "timeout_ms": "5000", "failure_threshold": "5"}


def main() -> int:
    """Run Ray on this node; exits with 0 when asked to end, 1 when Ray ended by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--head", help="address of the Ray to join; without it this node is the head")
    parser.add_argument("--own-address", help="IP address of this node; by default the one on the way to the head")
    parser.add_argument("--gpus", type=int, help="by default those that SLURM gave")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, _terminated)
    place = Path(scratch(os.environ))
    remove_abandoned(place)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    lock = _locked(folder)
    try:
        own = args.own_address or source_address(args.head.rpartition(":")[0])
        gpus = gpus_of(os.environ) if args.gpus is None else args.gpus
        ray = subprocess.Popen(
            ray_start(folder, args.head, own, cpus_of(os.environ), gpus),
            env={**os.environ, **environment_of(folder, own)},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return hold(ray, folder)
        finally:
            end(ray, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def remove_abandoned(place: Path) -> None:
    """Delete the folders of this user's Rays that were killed before they could; whoever lives holds a lock on its."""
    for folder in place.glob(f"{PREFIX}*"):
        try:
            status = folder.stat()
            if status.st_uid != os.getuid() or time.time() - status.st_ctime < NEW_SECONDS:
                continue
            lock = _locked(folder)
        except OSError:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def ray_start(folder: Path, head: str | None, own: str, cpus: int, gpus: int) -> list[str]:
    """The command that starts Ray and stays with it."""
    free = shutil.disk_usage("/dev/shm").free
    where = [f"--address={head}"] if head else ["--head", "--port=0", "--include-dashboard=false"]
    return [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *where),
        f"--node-ip-address={own}",
        f"--num-cpus={cpus}",
        f"--num-gpus={gpus}",
        f"--object-store-memory={min(OBJECT_STORE_BYTES, free // 4)}",
        f"--temp-dir={folder}",
    ]


def environment_of(folder: Path, own: str) -> dict[str, str]:
    """What the processes of Ray find in their environment beside what this one does."""
    found = {f"RAY_health_check_{name}": value for name, value in HEALTH.items()}
    found |= {
        MARK: str(folder),
        "RAY_START_HOOK": f"{__package__}.one_node.close_unused",
        "DASHBOARD_METRIC_PORT": "-1",  # no port: Ray logs that it cannot be opened, and goes on
        "RAY_enable_metrics_collection": "0",  # nor these, which anybody could read
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }
    # Gloo would use the interface that the host's name resolves to, which on Debian is the loopback.
    if "GLOO_SOCKET_IFNAME" not in os.environ:
        found["GLOO_SOCKET_IFNAME"] = interface_of(own)
    return found


def close_unused(parameters: Any, head: bool) -> None:
    """Called by `ray start` with its parameters: no server for Ray's clients, no autoscaler with its metrics."""
    parameters.ray_client_server_port = None
    parameters.no_monitor = True


def hold(ray: subprocess.Popen[bytes], folder: Path) -> int:
    """Tell when Ray is up; returns when standard input ends or Ray does."""
    address = folder / "ray_current_cluster"  # `ray start` writes it last
    told = False
    while ray.poll() is None:
        if not told and address.exists() and (text := address.read_text().strip()):
            print(f"{UP}{text}", flush=True)
            told = True
        if select.select([sys.stdin], [], [], POLL_SECONDS)[0] and not os.read(sys.stdin.fileno(), 4096):
            return 0
    print(f"{LOST} with {ray.returncode}", flush=True)
    return 1


def end(ray: subprocess.Popen[bytes], folder: Path) -> None:
    """End Ray, gently first, and whatever carries its mark."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ray.terminate()
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline and (ray.poll() is None or left(ray.pid, folder)):
        time.sleep(POLL_SECONDS)
    for pid in left(ray.pid, folder):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    ray.wait()


def left(session: int, folder: Path) -> list[int]:
    """Processes of this node's Ray: of its session (some write their title over their environment) or with its mark."""
    mark, found = f"{MARK}={folder}".encode(), []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or entry.name == str(os.getpid()):
                continue
            own = os.getsid(int(entry.name)) == session
            if own or mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


def cpus_of(environment: Mapping[str, str]) -> int:
    """CPUs that the job has on this node."""
    return int(environment.get("SLURM_CPUS_ON_NODE") or len(os.sched_getaffinity(0)))


def gpus_of(environment: Mapping[str, str]) -> int:
    """GPUs that the job has on this node."""
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([device for device in visible.split(",") if device.strip() not in ("", "-1", "NoDevFiles")])
    return int(environment.get("SLURM_GPUS_ON_NODE") or 0)


def scratch(environment: Mapping[str, str]) -> str:
    """A folder on this node with a path short enough for the sockets below."""
    asked = environment.get("SLURM_TMPDIR") or environment.get("TMPDIR") or ""
    usable = asked and len(asked) <= LONGEST_BASE - len(f"/{PREFIX}12345678") and os.access(asked, os.W_OK)
    return asked if usable else "/tmp"


def source_address(host: str) -> str:
    """This node's own address on the way to another."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # sends nothing
        return str(probe.getsockname()[0])


def interface_of(address: str) -> str:
    """Name of the network interface that has an address."""
    import psutil

    wanted = "127.0.0.1" if address.startswith("127.") else address
    for name, entries in psutil.net_if_addrs().items():
        if any(entry.address == wanted for entry in entries):
            return str(name)
    raise SystemExit(f"error: no network interface of {socket.gethostname()} has the address {address}")


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
