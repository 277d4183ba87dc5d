"""Which outputs are stale: what a record says they were made from, against what is so now.

This alone decides what reruns. Times of files decide nothing: a changed stat means that a file is hashed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json, write_json
from deepcoder.provenance.hashes import Hashes, stat_of
from deepcoder.provenance.identity import Identity
from deepcoder.provenance.record import payload_of, record_path

TEXT = 60  # characters of a configuration value in a reason


def stale_because(outputs: Sequence[Path], inputs: Sequence[Path], identity: Identity, hashes: Hashes) -> list[str]:
    """Why existing outputs of a job must be made again; empty when they need not.

    Args:
        outputs: of one job; all exist.
        inputs: files that the rule gives the job now; all exist.

    Raises:
        UserError: an output whose bytes are not those of its record.
    """
    found: list[str] = []
    for output in outputs:
        if not record_path(output).exists():
            return [f"{output} has no record"]
        record = read_json(record_path(output))
        found += damage(output, record, hashes)
        found += identity_changes(record.get("identity") or {}, identity)
        found += input_changes(record, inputs, hashes)
    return list(dict.fromkeys(found))


def state_of(files: Sequence[Path]) -> tuple[Any, ...]:
    """What changes when any of the files is written anew."""
    return tuple(stat_of(path) if path.exists() else None for path in files)


def damage(output: Path, record: Mapping[str, Any], hashes: Hashes) -> Iterator[str]:
    """Payload files that are gone.

    Raises:
        UserError: the output, or a file that its manifest lists, has other bytes than were recorded.
    """
    for path, stat in record.get("stats", {}).items():
        hashes.learn(Path(path), tuple(stat["stat"]), stat["sha256"])
    expected = {item["path"]: item["sha256"] for item in record["outputs"]}.get(str(output))
    if expected != hashes.of(output):
        raise changed(output)
    payload = payload_of(output)
    gone = [path for path in payload if not path.exists()]
    yield from (f"{path} is missing" for path in gone)
    there = [path for path in payload if path not in gone]
    for path, sha256 in zip(there, hashes.of_all(there), strict=True):
        if sha256 != payload[path]:
            raise changed(path)


def changed(path: Path) -> UserError:
    """The error about a file that somebody wrote to."""
    return UserError(
        f"{path}: its bytes are not those that were recorded when it was made; put the old file back, or delete it "
        "to make it again"
    )


def identity_changes(before: Mapping[str, Any], now: Identity) -> Iterator[str]:
    """Keys, modules and the environment that differ, each from what to what."""
    old, new = (dict(flat("", config)) for config in (before.get("config", {}), now.config))
    for key in sorted({*old, *new}):
        if key not in old or key not in new or old[key] != new[key]:
            yield f"config {key}: {_text(old, key)} -> {_text(new, key)}"
    modules = before.get("code", {})
    for name in sorted({*modules, *now.code}):
        if modules.get(name) != now.code.get(name):
            what = "new" if name not in modules else "no longer used" if name not in now.code else "changed"
            yield f"module {name}: {what}"
    if before.get("environment") != now.environment:
        yield f"environment: lock {str(before.get('environment'))[:12]} -> {now.environment[:12]}"
    if before.get("command") != now.command:
        yield f"command of the rule: {before.get('command') or '(run by hand)'} -> {now.command}"


def input_changes(record: Mapping[str, Any], inputs: Sequence[Path], hashes: Hashes) -> Iterator[str]:
    """Inputs that came, went, or have other bytes."""
    before = {item["path"]: item["sha256"] for item in record["inputs"] if "sha256" in item}
    now = {str(path): path for path in inputs}
    yield from (f"input {path}: new" for path in now if path not in before)
    yield from (f"input {path}: no longer used" for path in before if path not in now)
    for name in now.keys() & before.keys():
        if (sha256 := hashes.of(now[name])) != before[name]:
            yield f"input {name}: {before[name][:12]} -> {sha256[:12]}"


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every leaf."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name, value


def accept(outputs: Iterable[Path], inputs: Sequence[Path], identity: Identity, reason: str, when: str) -> None:
    """Let old outputs stand under a new identity, with the reason and what they were really made from in the record.

    Raises:
        UserError: an output without a record, or whose bytes are not those of it.
    """
    hashes = Hashes()
    for output in outputs:
        record = read_json(record_path(output))
        list(damage(output, record, hashes))
        old = {"identity": record.get("identity"), "inputs": record["inputs"]}
        record.setdefault("accepted", []).append({"reason": reason, "when": when, "made_under": old})
        record["identity"] = asdict(identity)
        record["inputs"] = [
            {"path": str(path), "sha256": hashes.of(path), "bytes": path.stat().st_size} for path in inputs
        ]
        write_json(record_path(output), record)


def _text(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "(none)"
    text = repr(values[key])
    return text if len(text) <= TEXT else f"{text[:TEXT]}..."
