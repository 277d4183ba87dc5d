"""provenance.lock: the records of a run without times and hosts, so that two runs can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deepcoder.errors import UserError
from deepcoder.files import read_json
from deepcoder.provenance.record import LOCK, SKIPPED, record_hashes, record_path


def records_below(results: Path) -> dict[Path, dict[str, Any]]:
    """Every record of a scale by its path, in order of path; the lock's own is none of them."""
    found = {}
    for path in sorted(results.rglob("*.record.json")):
        if not SKIPPED & set(path.relative_to(results).parts) and path != results / f"{LOCK}.record.json":
            found[path] = read_json(path)
    return found


def lock_entry(record: Mapping[str, Any], output: Mapping[str, Any]) -> dict[str, Any]:
    """What the lock says of an output of a record; raises KeyError or TypeError where the record is damaged."""
    return {
        "sha256": output["sha256"],
        "bytes": output["bytes"],
        "door": record["door"],
        "code": record["code_digest"],
        "config": record["config_digest"],
        "environment": record["environment"]["lock"],
        "inputs": {item["path"]: item["sha256"] for item in record["inputs"] if "sha256" in item},
    }


def collect(results: Path) -> dict[str, dict[str, Any]]:
    """Artifact path -> what the record beside it says, for every record below `results`, in order of path.

    Raises:
        UserError: a record that is damaged, or whose output is gone.
    """
    found: dict[str, dict[str, Any]] = {}
    for path, record in records_below(results).items():
        try:
            # A job with several outputs leaves its record beside each.
            own = [item for item in record["outputs"] if record_path(Path(item["path"])).name == path.name]
            if not own:
                raise UserError(f"{path}: names other outputs than the one that it lies beside; run its rule again")
            for output in own:
                if not Path(output["path"]).exists():
                    raise UserError(f"{path}: its output {output['path']} is gone; make it again or delete the record")
                found[output["path"]] = lock_entry(record, output)
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: not a record ({error} missing); delete it and run its rule again") from error
    return dict(sorted(found.items()))


def is_current(results: Path) -> bool:
    """Whether the lock of a scale says what the records say, and its own record which bytes they have."""
    lock = results / LOCK
    if not lock.exists() or lock.read_text(encoding="utf-8") != to_text(collect(results)):
        return False
    return noted_records(lock) == record_hashes(results)


def noted_records(lock: Path) -> dict[str, str]:
    """Hashes of the records that the job which made a lock has read; none where it has no record."""
    return records_in(read_json(record_path(lock))) if record_path(lock).exists() else {}


def records_in(record: Mapping[str, Any]) -> dict[str, str]:
    """Hashes of the records in the lock's own record."""
    return {path: sha256 for item in record["inputs"] for path, sha256 in item.get("records", {}).items()}


def to_text(records: dict[str, dict[str, Any]]) -> str:
    """The lock as YAML, one line per fact."""
    return yaml.dump(records, Dumper=yaml.CSafeDumper, sort_keys=True, width=1000, allow_unicode=True)


def read_lock(path: Path) -> dict[str, dict[str, Any]]:
    """Read a lock file.

    Raises:
        UserError: missing or damaged.
    """
    try:
        return parse_lock(path.read_text(encoding="utf-8"), str(path))
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: no such lock, or not text; make it with snakemake all") from error


def parse_lock(text: str, where: str) -> dict[str, dict[str, Any]]:
    """The blocks of a lock; raises UserError when it is damaged."""
    try:
        value = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not a readable lock ({error}); make it again") from error
    needed = {"sha256", "inputs"}
    if not isinstance(value, dict) or not all(
        isinstance(item, dict) and needed <= item.keys() for item in value.values()
    ):
        raise UserError(f"{where}: not a lock; make it again")
    return value
