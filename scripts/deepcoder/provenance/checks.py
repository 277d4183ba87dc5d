"""What an audit of a whole run compares: bytes, records, inputs, stored tests, and what lies beside them.

Each check gives sentences that begin with the path of the file at fault. The root of trust is the lock; that the lock
is the one that was published is for git to say (committed.py) or for a lock that the auditor brings along.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json, sha256_file, sha256_json
from deepcoder.provenance.audit import payload_faults
from deepcoder.provenance.lockfile import lock_entry, noted_records
from deepcoder.provenance.record import (
    LOCK,
    SKIPPED,
    TIMINGS,
    payload_of,
    record_hashes,
    record_path,
    worked_under,
)
from deepcoder.provenance.stored_tests import TESTS, missing_tests, unsound_tests

Lock = Mapping[str, Mapping[str, Any]]

# What lies beside artifacts without being one: the lock, Snakemake's marks, wall times, which never repeat.
BESIDE = {LOCK, f"{LOCK}.record.json", ".fresh", ".stale", ".hashes.json"}
UNREPEATABLE = (TIMINGS, "tensorboard")
FAILED = ".failed.json"
MALFORMED = (KeyError, TypeError, ValueError, AttributeError)  # JSON, but not of the form that was expected


def compare_with_lock(lock: Lock) -> list[str]:
    """Faults of every artifact that a lock lists, re-hashed with its payload."""
    found = []
    for name, entry in lock.items():
        path = Path(name)
        if not path.exists():
            found.append(f"{name}: missing")
        elif sha256_file(path) != entry["sha256"]:
            found.append(f"{name}: bytes differ from the lock")
        else:
            found += [f"{name}: {fault}" for fault in payload_faults(path)]
    return found


def compare_records(results: Path, lock: Lock) -> list[str]:
    """Faults of the records: against the lock, against what its own record notes of them, and within each."""
    now = record_hashes(results)
    try:
        noted = noted_records(results / LOCK)
        found = list(_lock_faults(results / LOCK, noted))
    except (UserError, *MALFORMED) as error:
        noted, found = {}, [f"{record_path(results / LOCK)}: not a record ({error})"]
    found += [
        f"{path}: was rewritten after the lock was made" for path in now if noted.get(path, now[path]) != now[path]
    ]
    own = {str(record_path(Path(name))): name for name in lock}
    found += [f"{path}: missing, so that nothing says how {own[path]} was made" for path in own if path not in now]
    found += [f"{path}: is the record of nothing in the lock" for path in now if path not in own]
    for path in now.keys() & own.keys():
        try:
            found += [f"{path}: {fault}" for fault in _record_faults(read_json(Path(path)), own[path], lock)]
        except (UserError, *MALFORMED) as error:
            found.append(f"{path}: not a record ({error})")
    return sorted(found)


def _lock_faults(lock: Path, noted: Mapping[str, str]) -> Iterator[str]:
    if not noted:
        yield f"{record_path(lock)}: missing, or without hashes of the records; make the lock again with snakemake all"
        return
    (output,) = read_json(record_path(lock))["outputs"]
    if output["sha256"] != sha256_file(lock):
        yield f"{lock}: was edited after it was made"


def _record_faults(record: Mapping[str, Any], name: str, lock: Lock) -> Iterator[str]:
    outputs = {item["path"]: item for item in record["outputs"]}
    if name not in outputs:
        yield f"names other outputs than {name}"
        return
    yield from entry_differences(lock_entry(record, outputs[name]), lock[name], "the lock")
    for path, item in outputs.items():
        if path != name and item["sha256"] != lock.get(path, {}).get("sha256"):
            yield f"has another hash of {path} than the lock"
    told = {"config": sha256_json(record["config"]), "code": sha256_json(worked_under(record)["code"])}
    for what, digest in told.items():
        if digest != record[f"{what}_digest"]:
            yield f"{what} is not what its digest says"
    known = _payload(Path(name))
    for path, item in record.get("stats", {}).items():
        if known.get(Path(path), item["sha256"]) != item["sha256"]:
            yield f"notes another hash of {path} than its manifest"
    for path, sha256 in record.get("measured", {}).items():
        if not Path(path).exists() or sha256_file(Path(path)) != sha256:
            yield f"notes another hash of {path} than it has, or it is gone"


def entry_differences(ours: Mapping[str, Any], theirs: Mapping[str, Any], where: str) -> Iterator[str]:
    """How a block of a lock differs from that of another, fact by fact and input by input."""
    for key in sorted({*ours, *theirs} - {"inputs"}):
        if ours.get(key) != theirs.get(key):
            yield f"{key} is {ours.get(key)}, in {where} {theirs.get(key)}"
    left, right = ours.get("inputs", {}), theirs.get("inputs", {})
    for path in sorted({*left, *right}):
        if left.get(path) != right.get(path):
            yield f"input {path} is {left.get(path)}, in {where} {right.get(path)}"


def compare_locks(ours: Lock, theirs: Lock, where: str = "the trusted lock") -> list[str]:
    """How a lock differs from another that is trusted, artifact by artifact."""
    found = [f"{name}: not in {where}" for name in ours if name not in theirs]
    found += [f"{name}: only in {where}" for name in theirs if name not in ours]
    for name in ours.keys() & theirs.keys():
        found += [f"{name}: {fault}" for fault in entry_differences(ours[name], theirs[name], where)]
    return sorted(found)


def compare_notes(lock: Path, trusted: Mapping[str, str]) -> list[str]:
    """Records whose hashes in the lock's own record are not the trusted ones; none where there are none."""
    noted = noted_records(lock)
    return [f"{path}: the record differs from git's" for path in trusted if noted.get(path) != trusted[path]]


def readable_jobs(lock: Lock) -> list[dict[str, Any]]:
    """Records of the jobs that made what a lock lists, one each; compare_records tells of those that are left out."""
    found: dict[str, dict[str, Any]] = {}
    for name in lock:
        try:
            record = read_json(record_path(Path(name)))
            list(_record_faults(record, name, lock))  # raises where a key is missing
            if {"command", "overrides", "arguments"} <= record.keys():
                found[record["outputs"][0]["path"]] = record
        except (UserError, *MALFORMED):
            continue
    return list(found.values())


def compare_inputs(lock: Lock) -> list[str]:
    """Inputs that have other bytes now than when something was made from them."""
    hash_of = cache(lambda path: sha256_file(Path(path)) if Path(path).exists() else None)
    found = []
    for name, entry in lock.items():
        for path, then in entry["inputs"].items():
            now = lock[path]["sha256"] if path in lock else hash_of(path)
            if now is None:
                found.append(f"{path}: gone since {name} was made from it")
            elif now != then:
                found.append(f"{path}: has changed since {name} was made from it ({then[:12]}, now {now[:12]})")
    return found


def compare_tests(results: Path, lock: Lock) -> list[str]:
    """Faults of the store of tests: content that is not what its name says, and what problems refer to in vain."""
    tables = [path for name in lock for path in _payload(Path(name)) if path.suffix == ".parquet"]
    there = [path for path in tables if path.exists()]
    return [*unsound_tests(results / TESTS), *missing_tests(results / TESTS, there)]


def strays(results: Path, lock: Lock) -> list[str]:
    """What no recorded job has made: other files, links in place of files, and what failed jobs have left."""
    artifacts = {Path(name) for name in lock}
    made = artifacts | {record_path(path) for path in artifacts} | {results / name for name in BESIDE}
    made |= {path for name in artifacts for path in _payload(name)}
    found = []
    for path in _files_below(results):
        parts = path.relative_to(results).parts
        if parts[0] in SKIPPED or parts[: len(TESTS.parts)] == TESTS.parts:
            continue
        if path.name.endswith(FAILED):
            found.append(f"{path}: {failure(path)}")
        elif path in made:
            found += (
                [f"{path}: is a link to {os.readlink(path)}; put the file itself there"] if path.is_symlink() else []
            )
        elif not any(part in UNREPEATABLE for part in parts):
            found.append(f"{path}: no rule has made it; move it away")
    return found


def failure(path: Path) -> str:
    """What a failure record tells, in a sentence."""
    try:
        told = read_json(path)
        job, host, error = told["door"], told["host"], str(told["error"]).partition("\n")[0]
        when = f"on {host['name']}, process {host.get('pid')}, started {told['start']}"
    except (UserError, *MALFORMED) as fault:
        return f"not a readable failure record ({fault}); delete it"
    remedy = "see the job's log, and make the output again"
    return f"{job} {error} ({when}); {remedy}" if told["exit"] is None else f"{job} failed: {error} ({when}); {remedy}"


def _payload(path: Path) -> Mapping[Path, str]:
    """What a manifest lists; nothing where it is gone or damaged, of which compare_with_lock tells."""
    try:
        return payload_of(path)
    except (UserError, *MALFORMED):
        return {}


def _files_below(results: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for folder, folders, files in os.walk(results, followlinks=True):
        folders[:] = sorted(name for name in folders if os.path.realpath(Path(folder, name)) not in seen)
        seen |= {os.path.realpath(Path(folder, name)) for name in folders}
        yield from (Path(folder, name) for name in sorted(files))
