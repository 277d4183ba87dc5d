"""Two clusters for all tests of this folder, which leave them as they found them (`Lab.reset`)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.lab import Lab
from tests.slurm.paper import Paper, prepare


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


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder


@pytest.fixture(scope="session")
def undisturbed(prepared: Path, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The manifest of a stage that ran through."""
    paper = Paper(prepared, tmp_path_factory.mktemp("undisturbed") / "checkout", lab)
    manifest = paper.finish(paper.start())
    assert len(paper.jobs) == 1
    print(f"undisturbed: {paper.seconds:.0f} s")
    lab.reset()
    return manifest


@pytest.fixture
def here(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder from which the cluster is reached."""
    monkeypatch.chdir(tmp_path)
    for name, value in lab.environment().items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    lab.reset()
