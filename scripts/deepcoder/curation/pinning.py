"""Write the revision and file hashes of a hub repository into its configuration file, once, with network."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deepcoder.errors import UserError
from deepcoder.files import sha256_file, write_text

Listing = tuple[str, Mapping[str, str]]  # commit, path -> sha256
MODEL_FILES = ("*.safetensors", "*.json", "tokenizer*", "merges*", "vocab*", "chat_template*")


def hub_listing(hub_id: str, kind: str, patterns: Sequence[str]) -> Listing:
    """The current commit of a hub repository and the sha256 of its files that match; the only call to the network.

    Args:
        hub_id: owner and name.
        kind: "dataset" or "model".
        patterns: shell patterns of paths.

    Raises:
        UserError: the hub cannot be reached or has no such repository.
    """
    from huggingface_hub import HfApi, hf_hub_download

    try:
        info = HfApi().repo_info(hub_id, repo_type=kind, files_metadata=True)
        files = {}
        for sibling in getattr(info, "siblings", None) or []:
            if any(fnmatch.fnmatch(sibling.rfilename, pattern) for pattern in patterns):
                if sibling.lfs is not None:
                    files[sibling.rfilename] = sibling.lfs.sha256
                else:  # small files have no sha256 on the hub
                    local = hf_hub_download(hub_id, sibling.rfilename, repo_type=kind, revision=info.sha)
                    files[sibling.rfilename] = sha256_file(Path(local))
        return str(info.sha), files
    except Exception as error:  # transport errors have no common class over the client's versions
        detail = " ".join(str(error).split())[:200]
        raise UserError(f"{hub_id}: cannot ask the hub ({detail}); run make pin where there is network") from error


def pin(
    path: Path,
    hub_id: str,
    kind: str,
    patterns: Sequence[str],
    listing: Callable[[str, str, Sequence[str]], Listing] = hub_listing,
) -> str:
    """Write commit and hashes into the YAML file at `path`, its comments untouched; returns the commit.

    Raises:
        UserError: the hub cannot be reached, no file matches, or the file has no line `revision:`.
    """
    commit, files = listing(hub_id, kind, patterns)
    if not files:
        raise UserError(f"{path}: {hub_id}@{commit} has no file like {', '.join(patterns)}; correct options.files")
    text = path.read_text(encoding="utf-8")
    text, found = re.subn(r"(?m)^revision:[ \t]*\S+", f"revision: {commit}", text, count=1)
    if not found:
        raise UserError(f"{path}: has no line `revision:`; add one, for example `revision: unpinned`")
    text = re.sub(r"(?m)^files:.*\n(?:[ \t]+.*\n?)*", "", text)
    block = "".join(f"  {json.dumps(name)}: {digest}\n" for name, digest in sorted(files.items()))
    write_text(path, text.rstrip("\n") + "\nfiles:\n" + block)
    return commit
