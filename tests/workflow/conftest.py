"""A checkout of its own for every module of workflow tests, and Snakemake run in it as a user would."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checkout import copy_checkout

Snakemake = Callable[..., subprocess.CompletedProcess[str]]


def run_snakemake(folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a checkout; variables of an outer run are not handed on."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DEEPCODER_")}
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *words],
        cwd=folder,
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


def rules_run(output: str) -> set[str]:
    """Names of the rules in Snakemake's table of jobs, targets left out; of its last table where it prints several."""
    table = output.rpartition("Job stats:")[2]
    names = re.findall(r"^(\w+) +\d+$", table.partition("total")[0], flags=re.MULTILINE)
    return set(names) - {"all", "data", "train", "evaluate", "report", "recipes"}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a clone holds and a run executes."""
    folder = tmp_path_factory.mktemp("checkout")
    copy_checkout(folder)
    return folder
