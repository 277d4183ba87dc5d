"""The files of a dataset on the hub, at the revision that its source pins (see deepcoder.hub for where from)."""

from __future__ import annotations

from pathlib import Path

from deepcoder.config.schema import Source
from deepcoder.errors import UserError
from deepcoder.hub import Repository, fetch_file


def fetch_from_hub(name: str, source: Source, target: Path) -> list[Path]:
    """Bring the files listed in `source.files` to `target`; those already there with the right hash stay.

    Raises:
        UserError: the source is not pinned, or a file cannot be had, or its content is not the pinned one.
    """
    if source.revision == "unpinned" or not source.files:
        raise UserError(
            f"config/source/{name}.yaml: {source.hub_id} has no pinned revision and files; "
            "run `make pin` once on a machine with network and commit the change"
        )
    repository = Repository(str(source.hub_id), "dataset", source.revision, f"config/source/{name}.yaml")
    return [fetch_file(repository, path, digest, target) for path, digest in sorted(source.files.items())]
