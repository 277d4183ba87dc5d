"""Manifests: the small deterministic file by which a rule's output is known.

A manifest names its payload files, which lie beside it, with their hashes and sizes, and states counts. It
holds no time, host or code digest, so that a step which reruns and yields the same content writes the same
bytes and nothing downstream runs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json, sha256_files, write_json


@dataclass(frozen=True)
class Manifest:
    """An artifact on disk.

    Attributes:
        path: the manifest file; payload names are relative to its folder.
        artifact: kind of artifact, for example "problems" or "checkpoint".
        files: payload name -> {"sha256": hex, "bytes": int}.
        facts: counts and identity, JSON values.
    """

    path: Path
    artifact: str
    files: Mapping[str, Mapping[str, Any]]
    facts: Mapping[str, Any]

    def file(self, name: str) -> Path:
        """Path of a payload file.

        Raises:
            UserError: the manifest does not list it, or it is missing or of another size.
        """
        if name not in self.files:
            raise UserError(f"{self.path}: lists no file {name!r}; it has {', '.join(sorted(self.files))}")
        path = self.path.parent / name
        if not path.exists():
            raise UserError(f"{path}: listed in {self.path.name} but missing; delete {self.path} and run again")
        expected, size = self.files[name]["bytes"], path.stat().st_size
        if size != expected:
            raise UserError(f"{path}: {size} bytes, {self.path.name} says {expected}; delete both and run again")
        return path

    def check(self) -> None:
        """Check presence and size of every payload file (hashes are the audit's work)."""
        for name in self.files:
            self.file(name)


def write_manifest(
    path: Path, artifact: str, payload: Iterable[Path] = (), facts: Mapping[str, Any] | None = None
) -> Manifest:
    """Hash the payload files (folders are walked) and write the manifest last, atomically."""
    root = Path(path).parent
    found = [file for item in payload for file in (sorted(item.rglob("*")) if item.is_dir() else [item])]
    found = [file for file in found if file.is_file()]
    files = {
        file.relative_to(root).as_posix(): {"sha256": digest, "bytes": file.stat().st_size}
        for file, digest in zip(found, sha256_files(found), strict=True)
    }
    write_json(path, {"artifact": artifact, "files": files, "facts": dict(facts or {})})
    return Manifest(Path(path), artifact, files, dict(facts or {}))


def read_manifest(path: Path, artifact: str | None = None) -> Manifest:
    """Read a manifest; with `artifact` given, a manifest of another kind is an error."""
    value = read_json(path)
    try:
        manifest = Manifest(Path(path), value["artifact"], value["files"], value["facts"])
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: not a manifest ({error} missing); delete it and make it again") from error
    if artifact is not None and manifest.artifact != artifact:
        raise UserError(f"{path}: is a manifest of {manifest.artifact!r}, expected {artifact!r}")
    return manifest
