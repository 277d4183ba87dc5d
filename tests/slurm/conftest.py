"""Two clusters for all tests of this folder, which leave them as they found them (`Lab.reset`)."""

from collections.abc import Iterator

import pytest

from tests.slurm.lab import Lab


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Four nodes of eight GPUs, no accounting: squeue is all that tells of a job's end."""
    with Lab(tmp_path_factory.mktemp("lab"), nodes=4, slurmd_timeout=5) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def accounting_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two nodes of eight GPUs, with slurmdbd: sacct answers."""
    with Lab(tmp_path_factory.mktemp("accounting"), nodes=2, accounting=True, min_job_age=5) as cluster:
        yield cluster
