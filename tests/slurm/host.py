"""What a lab needs of its host: the programs of Debian's packages, a folder of its own, and free ports."""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.slurm.configuration import COMMANDS, Settings

PACKAGES = {
    "munged": "munge",
    "slurmctld": "slurm-wlm",
    "slurmd": "slurm-wlm",
    **dict.fromkeys(COMMANDS, "slurm-wlm"),
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "mariadb": "mariadb-client",
}
WITH_ACCOUNTING = ("slurmdbd", "mariadbd", "mariadb-install-db", "mariadb")
MARK = "this-is-a-slurm-lab"
# Below the ports that the system hands out by itself (32768 and up), some of which srun listens on.
PORTS = range(20_000, 32_000, 50)


class LabError(Exception):
    """The cluster cannot be had as asked; the message says what to install, or what a daemon last said."""


def programs(accounting: bool) -> dict[str, str]:
    """Paths of all programs that the lab runs."""
    names = [name for name in PACKAGES if accounting or name not in WITH_ACCOUNTING]
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin:/usr/bin"
    # A lab's own commands come first on the path of whoever works in it, and call these.
    path = ":".join(part for part in path.split(":") if not os.path.exists(f"{part}/../{MARK}"))
    found = {name: shutil.which(name, path=path) for name in names}
    packages = sorted({PACKAGES[name] for name in names if not found[name]})
    if packages:
        lacking = ", ".join(name for name in names if not found[name])
        raise LabError(
            f"not installed: {lacking}; as root: apt-get install --no-install-recommends {' '.join(packages)}"
        )
    return {name: place for name, place in found.items() if place}


def check(folder: Path) -> None:
    if not re.fullmatch(r"[\w./+-]+", str(folder)) or len(str(folder)) > 75:
        raise LabError(f"{folder}: SLURM takes at most 75 letters, digits and ./+-_ for the path; choose another")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise LabError(f"{folder}: neither empty nor a lab's, and a lab deletes what it finds; choose another folder")


@contextmanager
def free_ports(settings: Settings) -> Iterator[int]:
    """The first of enough free ports in a row, kept from labs that start meanwhile until the daemons have them."""
    bases = [settings.port] if settings.port else random.sample(PORTS, len(PORTS))
    for base in bases:
        with socket.socket(socket.AF_UNIX) as claim, suppress(OSError):
            claim.bind(f"\0deepcoder-slurm-lab-{base}")
            for port in range(base, base + settings.ports):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
            yield base
            return
    raise LabError(f"no {settings.ports} free ports in a row from {bases[0]}; name another base, or none")
