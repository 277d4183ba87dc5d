"""The files of the hub that a scale needs, for a machine without network: as a list, brought to a mirror, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deepcoder.config.schema import Config, Model, Source
from deepcoder.files import sha256_files
from deepcoder.hub import Repository, fetch_file


@dataclass(frozen=True)
class Carried:
    """A pinned file."""

    repository: Repository
    path: str
    sha256: str

    @property
    def place(self) -> str:
        """Its path in a mirror."""
        return f"{self.repository.folder}/{self.path}"


def carried(config: Config) -> tuple[list[Carried], list[str]]:
    """The pinned files of the sources and models that a configuration fetches, and what of them is not pinned.

    The second are sentences, each with the file of the configuration and the hub's name.
    """
    sources = {*config.train_sources, *(config.benchmarks[name].source for name in config.report_benchmarks)}
    blocks: list[tuple[str, str, Source | Model]] = []
    blocks += [(f"config/source/{name}.yaml", "dataset", config.sources[name]) for name in sorted(sources)]
    models = sorted({config.model, *config.reference_models})
    blocks += [(f"config/model/{name}.yaml", "model", config.models[name]) for name in models]
    files: list[Carried] = []
    unpinned: list[str] = []
    for where, kind, block in blocks:
        if block.kind != "hub":
            continue
        if block.revision in (None, "unpinned") or not block.files:
            unpinned.append(f"{where}: {block.hub_id} has no pinned revision and files")
            continue
        repository = Repository(str(block.hub_id), kind, str(block.revision), where)
        files += [Carried(repository, path, digest) for path, digest in sorted(block.files.items())]
    return files, unpinned


def lines(files: Sequence[Carried]) -> list[str]:
    """The list in the form that `sha256sum --check` reads inside a mirror."""
    return [f"{file.sha256}  {file.place}" for file in files]


def bring(files: Sequence[Carried], mirror: Path) -> None:
    """Fetch what the mirror lacks; a UserError as `fetch_file` raises it leaves what is there."""
    for file in files:
        fetch_file(file.repository, file.path, file.sha256, mirror / file.repository.folder)


def faults(files: Sequence[Carried], mirror: Path) -> list[str]:
    """What is wrong with a mirror: a sentence for each file that it lacks or that is another than the pinned one."""
    there = [file for file in files if (mirror / file.place).is_file()]
    found = dict(zip(there, sha256_files([mirror / file.place for file in there]), strict=True))
    told = []
    for file in files:
        if file not in found:
            told.append(f"{file.place}: missing")
        elif found[file] != file.sha256:
            told.append(f"{file.place}: sha256 is {found[file]}, {file.repository.pinned_in} says {file.sha256}")
    return told
