"""Files of a hub repository at its pinned revision, each checked by its sha256: from a mirror, a cache or the network.

Where a file comes from is a setting of the machine and never part of what a result was made from:

- `DEEPCODER_MIRROR` names a folder of `<hub id>/<revision>/<path>` and is then the only place looked at;
- else the cache below `HF_HOME` is read (never filled: a file is stored once, where it is asked for);
- else it is downloaded; `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_OFFLINE` and proxies work as always. What a killed process
  had of a file lies beside its target, and the next one goes on from there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.files import link_or_copy, sha256_file, writing

MIRROR_VARIABLE = "DEEPCODER_MIRROR"


@dataclass(frozen=True)
class Repository:
    """A repository of the hub at a commit.

    Attributes:
        hub_id: owner and name.
        kind: "dataset" or "model".
        revision: the commit.
        pinned_in: the file of the configuration that pins it, for error messages.
    """

    hub_id: str
    kind: str
    revision: str
    pinned_in: str

    @property
    def folder(self) -> str:
        """The repository's place in a mirror."""
        return f"{self.hub_id}/{self.revision}"


def fetch_file(repository: Repository, path: str, sha256: str, target: Path) -> Path:
    """Bring a file of the repository to `target`/`path`; one that is there with the right hash stays.

    Raises:
        UserError: it cannot be had, or its content is not the pinned one; then nothing of it is left at the target.
    """
    copy = target / path
    if copy.is_file() and sha256_file(copy) == sha256:
        return copy
    part = copy.with_name(f".{copy.name}.{sha256[:12]}.part")
    with writing(copy):
        copy.parent.mkdir(parents=True, exist_ok=True)
        local = _mirrored(repository, path) or _cached(repository, path)
        if local is not None:
            part.unlink(missing_ok=True)
            link_or_copy(local, part)
        elif not part.is_file() or sha256_file(part) != sha256:
            _download(repository, path, part)
        if (found := sha256_file(part)) != sha256:
            part.unlink()
            origin, remedy = (local, "delete it there") if local else (f"{path} of {repository.hub_id}", "try again")
            raise UserError(
                f"{origin}: sha256 is {found}, {repository.pinned_in} says {sha256}; {remedy}, or pin anew: make pin"
            )
        with open(part, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(part, copy)
    return copy


def _mirrored(repository: Repository, path: str) -> Path | None:
    mirror = os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        return None
    file = Path(mirror) / repository.folder / path
    if not file.is_file():
        raise UserError(f"{file}: not in the mirror; make carry TO=FOLDER brings it, where there is network")
    return file.resolve()


def _cached(repository: Repository, path: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository.hub_id, path, revision=repository.revision, repo_type=repository.kind)
    return Path(found).resolve() if isinstance(found, str) else None


def _download(repository: Repository, path: str, part: Path) -> None:
    """Append to `part` what it lacks; as long as bytes arrive, a lost connection is only taken up again."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository.hub_id, path, repo_type=repository.kind, revision=repository.revision)
    while True:
        with open(part, "ab") as handle:
            had = handle.tell()
            try:
                http_get(url, handle, resume_size=had, headers=build_hf_headers(), displayed_filename=path)
                return
            except Exception as error:  # transport errors have no common class over the client's versions
                failed = error
        if had and getattr(getattr(failed, "response", None), "status_code", None) == 416:
            part.unlink()  # longer than the file: not what the hub has
        elif part.stat().st_size <= had:
            break
    detail = " ".join(str(failed).split())[:200]
    if not part.stat().st_size:
        part.unlink()
    raise UserError(
        f"{repository.hub_id}@{repository.revision}: cannot get {path} ({detail}); connect to the network and run "
        f"again, which goes on from byte {had}, or set {MIRROR_VARIABLE} to a folder with {repository.folder}/{path}"
    ) from failed
