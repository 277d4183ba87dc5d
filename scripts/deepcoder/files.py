"""Atomic writes and content hashes: a file that exists is complete.

Every write goes to a temporary name in the same folder, is flushed to disk and renamed, so that a killed
or failed writer leaves nothing that looks finished.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError

CHUNK_BYTES = 1 << 20
HASH_THREADS = 8


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn the system's refusal to write `target` (a full disk, no permission) into a UserError that names it."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {target}: {error.strerror or error}; free space or fix the path") from error


@contextmanager
def atomic_path(target: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success fsync it and rename it to `target`.

    The block may create a file or a folder at the yielded path. An existing folder at `target` is replaced.

    Args:
        durable: False leaves the fsync to the caller, who writes many files and syncs them at once.
    """
    target = Path(target)
    temporary = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            if durable:
                _sync(temporary)
            if temporary.is_dir() and target.exists():
                remove(target)
            os.replace(temporary, target)
            if durable:
                _sync_folder(target.parent)
    except BaseException:
        with suppress(OSError):  # of a disk that refuses that as well
            remove(temporary)
        raise


def write_text(target: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, value: Any) -> None:
    """Write `value` as deterministic JSON (sorted keys, two spaces, final newline), atomically."""
    write_text(target, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or damaged one is a UserError that names it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; make it with snakemake {path}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid JSON ({error}); delete it and make it again") from error


def remove(path: Path) -> None:
    """Delete a file or a folder tree if it exists."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        for child in path.iterdir():
            remove(child)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def remove_half_written(folder: Path) -> None:
    """Delete what killed writers left in a folder that only the caller writes; there need be none."""
    for path in Path(folder).glob(".*.tmp"):
        remove(path)


def link_or_copy(source: Path | str, target: Path | str) -> None:
    """Give a file a second name; its bytes are written again only where the file systems allow no hard link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def let_read(folder: Path) -> None:
    """Let all read the files of a folder who may read the folder: some libraries write for their owner alone."""
    readers = folder.stat().st_mode & 0o444
    for path in folder.iterdir():
        path.chmod(path.stat().st_mode | readers)


def sha256_text(text: str) -> str:
    """Hex digest of the UTF-8 bytes of `text`."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_json(value: Any) -> str:
    """Hex digest of a JSON value in canonical form (sorted keys, no spaces)."""
    return sha256_text(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes, streamed."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while chunk := handle.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_files(paths: Sequence[Path]) -> list[str]:
    """Hex digests of some files, in their order, several read at once."""
    with ThreadPoolExecutor(HASH_THREADS) as threads:
        return list(threads.map(sha256_file, paths))


def _sync(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _sync(child)
        _sync_folder(path)
        return
    with open(path, "rb") as handle:
        os.fsync(handle.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
