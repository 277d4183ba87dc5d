"""What one node of a job offers, measured from inside it: a report on the shared disk, renewed after each measurement.

Nothing here needs a package, so that an environment that lacks one is reported and not failed from.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepcoder.cluster.fabric import lead_of, listens, measure_fabric, own_address
from deepcoder.files import read_json, write_json

QUESTION = "question.json"
LIMIT_SECONDS = 60.0
MARGIN_SECONDS = 8.0  # of the limit, for the last report
PONG_SECONDS = 12.0
POLL_SECONDS = 0.02
NVIDIA = Path("/proc/driver/nvidia/gpus")
PROGRAM = "print(sum(map(int, input().split())))"
TORCH = "import torch; print(torch.__version__, torch.cuda.is_available(), torch.cuda.device_count())"


def probe(folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Measure this node and write `folder/node-<number>.json`; what fails stands there as {"error": its words}.

    Args:
        folder: on the shared disk, with the question that the login node wrote there (check.py).
        environment: of the job.
    """
    begin = time.monotonic()
    question = read_json(folder / QUESTION)
    node = int(environment.get("SLURM_NODEID", "0"))
    nodes = int(environment.get("SLURM_STEP_NUM_NODES", "1"))
    host = environment.get("SLURMD_NODENAME", os.uname().nodename)
    report: dict[str, Any] = {"node": node, "host": host, "complete": False}
    measures = {
        "gpus": lambda: measure_gpus(environment),
        "fabric": lambda: measure_fabric(environment) if nodes > 1 else {},
        "disk": lambda: measure_disk(folder, node) if node == 0 else {},
        "space": lambda: {name: measure_space(Path(question[name])) for name in ("results", "scratch")},
        "ports": lambda: measure_ports(environment),
        "judge": lambda: measure_judge(question["isolation"]),
        "packages": lambda: differing(question["packages"]),
        "torch": lambda: measure_torch(LIMIT_SECONDS - MARGIN_SECONDS - (time.monotonic() - begin)),
    }
    for name, measure in measures.items():
        try:
            report[name] = measure()
        except Exception as error:
            report[name] = {"error": f"{type(error).__name__}: {error}"}
        report["seconds"] = round(time.monotonic() - begin, 1)
        report["complete"] = name == list(measures)[-1]
        write_json(folder / f"node-{node}.json", report)
    return report


def measure_gpus(environment: Mapping[str, str]) -> dict[str, Any]:
    """`visible`: how many SLURM gives the job; `names`: what the driver calls them, [] without one."""
    visible = [word for word in environment.get("CUDA_VISIBLE_DEVICES", "").split(",") if word]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=15, check=True).stdout
        names = re.findall(r"^GPU \d+: (.*?)(?: \(|$)", listed, flags=re.MULTILINE)
    except (OSError, subprocess.SubprocessError):
        texts = [path.read_text() for path in sorted(NVIDIA.glob("*/information"))]
        names = [name for text in texts for name in re.findall(r"Model:\s*(.*)", text)]
    return {"visible": len(visible), "names": names}


def measure_disk(folder: Path, node: int) -> dict[str, Any]:
    """How late files are seen across the shared disk, by a file here and the login node's answer to it.

    Returns:
        `there_ms`, `back_ms`: from a write here until it is seen on the login node, and the way back, by the clocks of
        both; `clock_s`: the login node's clock less this one's, true to half a round trip.
    """
    sent = time.time()
    write_json(folder / f"node-{node}.ping", {"sent": sent})
    answer = folder / f"node-{node}.pong"
    end = time.monotonic() + PONG_SECONDS
    while not answer.exists():
        if time.monotonic() > end:
            raise OSError(f"the login node's answer was not seen in {PONG_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    heard = time.time()
    told = read_json(answer)
    there, back = told["seen"] - sent, heard - told["sent"]
    return {"there_ms": round(1e3 * there), "back_ms": round(1e3 * back), "clock_s": round((there - back) / 2, 3)}


def measure_space(folder: Path) -> dict[str, Any]:
    """Free bytes and inodes (None where the file system counts none) for this user, quotas left out.

    Raises:
        OSError: the folder is not there or cannot be written to.
    """
    with tempfile.TemporaryDirectory(dir=folder):
        found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    return {
        "path": str(folder),
        "free_gb": round(free / 1e9, 1),
        "free_inodes": found.f_favail if found.f_files else None,
    }


def measure_ports(environment: Mapping[str, str]) -> dict[str, bool]:
    """Whether a server on loopback, and on the node's own address, can be had and reached: Ray needs both."""
    return {"loopback": listens("127.0.0.1"), "address": listens(own_address(lead_of(environment)))}


def measure_judge(isolation: str) -> dict[str, Any]:
    """The isolation that works here, why none with user namespaces does, and the seconds of one judged program."""
    from deepcoder.judge import isolation_level, run_program
    from deepcoder.judge.isolation import bwrap_failure

    level = isolation_level(isolation)
    begin = time.monotonic()
    (output,) = run_program(PROGRAM, "stdin", ["1 2\n"], isolation=level.level)
    if output.status != "OK" or output.stdout.strip() != b"3":
        raise OSError(f"a program that adds two numbers ended as {output.status}: {output.stdout[:80]!r}")
    seconds = round(time.monotonic() - begin, 2)
    return {"level": level.level, "namespaces": bwrap_failure() or "", "seconds": seconds}


def differing(packages: Mapping[str, str]) -> dict[str, Any]:
    """Packages of the lock that are not here, or in another version."""
    found: dict[str, str] = {}
    absent = []
    for name, version in packages.items():
        try:
            here = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            absent.append(name)
            continue
        if here != version:
            found[name] = f"{here}, not {version}"
    return {"of": len(packages), "absent": absent, "other": found, "python": sys.version.split()[0]}


def measure_torch(seconds: float) -> dict[str, Any]:
    """Import torch in a process of its own, within so many seconds."""
    begin = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, "-c", TORCH], capture_output=True, text=True, timeout=max(1.0, seconds), check=False
        )
    except subprocess.TimeoutExpired:
        return {"late_s": round(seconds)}
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1])
    version, available, count = done.stdout.split()
    took = round(time.monotonic() - begin, 1)
    return {"version": version, "cuda": available == "True", "devices": int(count), "seconds": took}
