"""Tools of a forger, from a file that was changed to everything that vouches for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from real_run import COST, LOCK, OUT, SYSTEMS

from deepcoder.files import read_json, sha256_file, write_json, write_text
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.provenance.lockfile import collect, to_text
from deepcoder.provenance.record import payload_of, record_hashes, record_path


def edit_table(path: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(table.from_pylist(rows, schema=table.schema), path, compression="zstd")


def edit_text(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def edit_record(output: Path, change: Callable[[dict[str, Any]], object]) -> None:
    record = read_json(record_path(output))
    change(record)
    write_json(record_path(output), record)


def with_manifest(manifest: Path) -> None:
    """Let a manifest say of its payload what the payload is now."""
    old = read_manifest(manifest)
    write_manifest(manifest, old.artifact, [manifest.parent / name for name in old.files], old.facts)


def with_record(output: Path) -> None:
    """Let every record that speaks of an output, as output or input, say what it is now."""
    now = {"sha256": sha256_file(output), "bytes": output.stat().st_size}
    payload = payload_of(output)
    for path in map(Path, record_hashes(OUT)):
        record = read_json(path)
        for item in [*record["outputs"], *record["inputs"]]:
            if item["path"] == str(output):
                item |= now
        for name, item in record["stats"].items():
            item["sha256"] = payload.get(Path(name), now["sha256"] if name == str(output) else item["sha256"])
        write_json(path, record)
    for table in (SYSTEMS, COST):
        edit_record(table, read_anew)


def read_anew(record: dict[str, Any]) -> None:
    """Let a record say of other records what they are now."""
    for item in record["inputs"]:
        if item["path"].endswith(".record.json"):
            item |= {"sha256": sha256_file(Path(item["path"])), "bytes": Path(item["path"]).stat().st_size}


def with_lock() -> None:
    """Let the lock, and its own record, say what the records say now."""
    write_text(LOCK, to_text(collect(OUT)))
    record = read_json(record_path(LOCK))
    record["inputs"][0]["records"] = record_hashes(OUT)
    record["outputs"][0] |= {"sha256": sha256_file(LOCK), "bytes": LOCK.stat().st_size}
    write_json(record_path(LOCK), record)


def forge(output: Path) -> None:
    """Make everything on disk vouch for an output as it is now."""
    if payload_of(output):
        with_manifest(output)
    with_record(output)
    with_lock()
