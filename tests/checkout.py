"""A checkout of its own for tests that run the workflow as a user would."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "rules", "scripts", "config", "envs", "profiles")


def copy_checkout(folder: Path) -> None:
    """Copy what a clone holds and a run executes."""
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, folder / name)
    (folder / "slurm").symlink_to("profiles/slurm")
