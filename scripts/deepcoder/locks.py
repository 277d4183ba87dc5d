"""A lock on a file that says who holds it; it ends with the process that holds it, however that ends."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import IO

from deepcoder.files import writing

LOOK_SECONDS = 0.2


class HeldError(Exception):
    """Somebody else holds the lock; the text says who."""


def hold(path: Path, seconds: float = 0.0) -> IO[str]:
    """Take the lock, or wait so long for another holder; it is held until the returned file is closed.

    Raises:
        HeldError: it is still held.
        UserError: the file cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open(path, "a+", encoding="utf-8")  # noqa: SIM115
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > end or not seconds:
                handle.seek(0)
                holder = handle.read().strip() or "another process"
                handle.close()
                raise HeldError(holder) from None
        time.sleep(LOOK_SECONDS)
    handle.truncate(0)
    handle.write(f"process {os.getpid()} on {socket.gethostname()}")
    handle.flush()
    return handle
