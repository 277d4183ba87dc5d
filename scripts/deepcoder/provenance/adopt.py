"""Take over what a colleague has made, after checking every byte of it against its records."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import atomic_path, sha256_file
from deepcoder.provenance.record import payload_of, record_path
from deepcoder.provenance.stored_tests import TESTS, unsound_tests
from deepcoder.provenance.why import jobs_below


def adopt(source: Path, target: Path) -> tuple[int, int]:
    """Copy artifacts with their records from one folder of a scale to another; nothing there is overwritten.

    Returns:
        numbers of artifacts copied, and of those that were there already.

    Raises:
        UserError: `source` has no records, or some file in it is not what its record says; nothing is copied then.
    """
    records = jobs_below(source)
    if not records:
        raise UserError(f"{source}: no records below it; give the folder of one scale, as .../results/paper")
    files: dict[Path, Path] = {}
    for record in records:
        for item in record["outputs"]:
            files |= checked(source, target, Path(item["path"]), item)
        files |= checked_times(source, target, record)
    files |= checked_tests(source)
    copied = [name for name in files if not (target / name).exists()]
    for name in copied:
        with atomic_path(target / name) as temporary:
            shutil.copyfile(files[name], temporary)
    artifacts = [name for name in files if name.name.endswith(".record.json")]
    new = sum(name in set(copied) for name in artifacts)
    return new, len(artifacts) - new


def checked(source: Path, target: Path, recorded: Path, item: Mapping[str, Any]) -> dict[Path, Path]:
    """The files of an artifact by their names below a scale, in the order in which they may be copied."""
    try:
        name = recorded.relative_to(target)
    except ValueError as error:
        raise UserError(f"{source}: its records speak of {recorded}, which is not below {target}") from error
    output = source / name
    expected = {output: item["sha256"]} | (payload_of(output) if output.exists() else {})
    for path, sha256 in expected.items():
        if not path.exists() or sha256_file(path) != sha256:
            raise UserError(f"{path}: is not what its record says; nothing was taken over")
    ours = target / name
    if ours.exists() and sha256_file(ours) != item["sha256"]:
        raise UserError(f"{ours}: differs from {output}; move one of them away first")
    order = [*(path for path in expected if path != output), output, record_path(output)]
    return {path.relative_to(source): path for path in order}


def checked_times(source: Path, target: Path, record: Mapping[str, Any]) -> dict[Path, Path]:
    """The wall times that a record vouches for, by their names below a scale."""
    names = {Path(path).relative_to(target): sha256 for path, sha256 in record.get("measured", {}).items()}
    for name, sha256 in names.items():
        if not (source / name).exists() or sha256_file(source / name) != sha256:
            raise UserError(f"{source / name}: is not what its record says; nothing was taken over")
    return {name: source / name for name in names}


def checked_tests(source: Path) -> dict[Path, Path]:
    """The stored tests, each of which must hash to its name."""
    for fault in unsound_tests(source / TESTS):
        raise UserError(f"{fault}; nothing was taken over")
    return {path.relative_to(source): path for path in sorted((source / TESTS).rglob("*.json.gz"))}
