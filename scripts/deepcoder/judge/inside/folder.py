"""Measuring and emptying a folder that a hostile program has filled: deep, locked or huge. Standard library only."""

from __future__ import annotations

import contextlib
import os
import stat

MOST_DEPTH = 100
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def exceeds(folder: str, most_bytes: int, most_entries: int) -> bool:
    """Whether the disk space, the number of entries or the depth below `folder` is past its limit.

    For a folder in which programs are at work: it is walked by descriptors, so that no link put in the way of the walk
    leads it outside, and folders locked to hide what they hold are unlocked.
    """
    total = entries = 0
    chain: list[tuple[int, list[str]]] = []
    try:
        top = os.open(folder, _FOLDER)
        chain.append((top, os.listdir(top)))
        while chain:
            here, names = chain[-1]
            if not names:
                os.close(chain.pop()[0])
                continue
            name = names.pop()
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                status = os.lstat(name, dir_fd=here)
                total += status.st_blocks * 512
                entries += 1
                if total > most_bytes or entries + len(names) > most_entries or len(chain) > MOST_DEPTH:
                    return True
                if stat.S_ISDIR(status.st_mode):
                    below = _unlocked(name, here)
                    chain.append((below, []))
                    chain[-1][1].extend(os.listdir(below))
        return False
    except OSError:
        return True
    finally:
        for here, _ in chain:
            os.close(here)


def empty(folder: str, most_entries: int) -> bool:
    """Remove what is in `folder`, and say whether it is empty now; gives up after about `most_entries`.

    Folders below are moved up before they are emptied, so that no depth costs descriptors, stack or path length.
    """
    try:
        top = os.open(folder, _FOLDER)
    except OSError:
        return False
    try:
        budget = most_entries
        while budget > 0 and (names := os.listdir(top)):
            for name in names[:budget]:
                budget -= _remove(name, top)
        return not os.listdir(top)
    except OSError:
        return False
    finally:
        os.close(top)


def _remove(name: str, top: int) -> int:
    """Remove one entry of the folder `top`, first moving up to `top` the folders that it holds; entries handled."""
    if not stat.S_ISDIR(os.lstat(name, dir_fd=top).st_mode):
        os.unlink(name, dir_fd=top)
        return 1
    below = _unlocked(name, top)
    try:
        names = os.listdir(below)
        for inner in names:
            if stat.S_ISDIR(os.lstat(inner, dir_fd=below).st_mode):
                os.close(_unlocked(inner, below))
                os.rename(inner, os.urandom(16).hex(), src_dir_fd=below, dst_dir_fd=top)
            else:
                os.unlink(inner, dir_fd=below)
    finally:
        os.close(below)
    os.rmdir(name, dir_fd=top)
    return 1 + len(names)


def _unlocked(name: str, parent: int) -> int:
    """Open a folder that its owner may have locked to himself; never through a link, which might lead outside."""
    handle = os.open(name, _FOLDER | os.O_PATH, dir_fd=parent)
    try:
        if os.fstat(handle).st_mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{handle}", 0o700)
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)


def remove(folder: str) -> None:
    """Remove `folder` with all in it; what cannot be removed is left."""
    empty(folder, 1 << 40)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
