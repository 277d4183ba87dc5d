"""provenance.lock: the records of a run without times and hosts, so that two runs can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from deepcoder.errors import UserError
from deepcoder.files import read_json

LOCK = "provenance.lock"
SKIPPED = {"work", "logs"}


def records_below(results: Path) -> dict[Path, dict[str, Any]]:
    """Every record of a scale by its path, in order of path; the lock's own is none of them."""
    found = {}
    for path in sorted(results.rglob("*.record.json")):
        if not SKIPPED & set(path.relative_to(results).parts) and path != results / f"{LOCK}.record.json":
            found[path] = read_json(path)
    return found


def collect(results: Path) -> dict[str, dict[str, Any]]:
    """Artifact path -> what its record says, for every record below `results`, in order of path.

    Raises:
        UserError: a record that is damaged, or whose output is gone.
    """
    found: dict[str, dict[str, Any]] = {}
    for path, record in records_below(results).items():
        try:
            for output in record["outputs"]:
                if not Path(output["path"]).exists():
                    raise UserError(f"{path}: its output {output['path']} is gone; make it again or delete the record")
                found[output["path"]] = {
                    "sha256": output["sha256"],
                    "bytes": output["bytes"],
                    "door": record["door"],
                    "code": record["code_digest"],
                    "config": record["config_digest"],
                    "environment": record["environment"]["lock"],
                    "inputs": {item["path"]: item["sha256"] for item in record["inputs"] if "sha256" in item},
                }
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: not a record ({error} missing); delete it and run its rule again") from error
    return dict(sorted(found.items()))


def to_text(records: dict[str, dict[str, Any]]) -> str:
    """The lock as YAML, one line per fact."""
    return yaml.dump(records, Dumper=yaml.CSafeDumper, sort_keys=True, width=1000, allow_unicode=True)


def read_lock(path: Path) -> dict[str, dict[str, Any]]:
    """Read a lock file.

    Raises:
        UserError: missing or damaged.
    """
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such lock; make it with snakemake all") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not a readable lock ({error}); make it again") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: not a lock; make it again")
    return value
