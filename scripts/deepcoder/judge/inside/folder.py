"""Measuring and emptying a folder that a hostile program has filled: deep, locked or huge. Standard library only."""

from __future__ import annotations

import contextlib
import os
import stat

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def exceeds(folder: str, most_bytes: int, most_entries: int) -> bool:
    """Whether the disk space or the number of entries below `folder` is past its limit, while programs write there.

    What cannot be looked into (a locked folder, one deeper than a path can name) counts as past it.
    """
    total = entries = 0
    stack = [folder]
    while stack:
        try:
            with os.scandir(stack.pop()) as found:
                for entry in found:
                    status = entry.stat(follow_symlinks=False)
                    total += status.st_blocks * 512
                    entries += 1
                    if total > most_bytes or entries > most_entries:
                        return True
                    if stat.S_ISDIR(status.st_mode):
                        stack.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return True
    return False


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
        os.chmod(f"/proc/self/fd/{handle}", 0o700)
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)


def remove(folder: str) -> None:
    """Remove `folder` with all in it; what cannot be removed is left."""
    empty(folder, 1 << 40)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
