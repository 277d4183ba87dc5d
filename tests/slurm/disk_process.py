"""A stage on a cluster whose shared disk is full, inside a sandbox with such a disk; a helper of test_full_disk.py.

Usage: disk_process.py PREPARED FOLDER FREE_BYTES      FOLDER is a small file system. Prints JSON.
"""

import json
import os
import sys
from pathlib import Path

from tests.slurm.lab import Lab
from tests.slurm.paper import STAGE, Paper


def main(prepared: Path, folder: Path, free: int) -> None:
    with Lab(folder.parent / "lab", nodes=1) as lab:
        paper = Paper(prepared, folder / "checkout", lab)
        filler = folder / "filler"
        left = os.statvfs(folder)
        filler.write_bytes(bytes(left.f_bavail * left.f_frsize - free))
        status = paper.start().wait(240)
        print(f"status {status} at step {paper.step}", file=sys.stderr)
        found = {"status": status, "told": paper.told, "manifest": (paper.folder / STAGE).exists(), "step": paper.step}
        filler.unlink()
        found["bytes"] = paper.finish(paper.start()).decode()
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
