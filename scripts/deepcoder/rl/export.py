"""A trainer's state in Hugging Face format, made on one host without a GPU, however many ranks wrote it.

The files of a state are mapped, not read into memory: what is held is one copy of the weights as they are written.
"""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from deepcoder.errors import UserError
from deepcoder.files import atomic_path, let_read, remove_half_written
from deepcoder.manifest import Manifest, write_manifest
from deepcoder.rl.checkpoints import SHARDS
from deepcoder.rl.policy import DTYPES

WHOLE = "mp_rank_00_model_states.pt"
PREFIX = "model."  # of the weights' names, because the trainer's module is a Policy
TIED = "lm_head.weight"
WEIGHT_FILES = (".safetensors", ".safetensors.index.json")
UNREADABLE = (OSError, ValueError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError)


def export_model(checkpoint: Manifest, start: Manifest, output: Path) -> Manifest:
    """Write the artifact of a trained model.

    Args:
        checkpoint: artifact of a training; its fact `dtype` is the trainer's precision, in which weights are written.
        start: artifact of the model that the training started from, whose tokenizer the new model gets.
        output: manifest to write; hf/ goes beside it.

    Raises:
        UserError: the state is not whole, or is not that of a model of the start's shape.
    """
    checkpoint.check()
    start.check()
    folder = output.parent / "hf"
    remove_half_written(folder.parent)
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        _write_model(checkpoint, start.path.parent / "hf", temporary)
    facts = {name: checkpoint.facts[name] for name in ("stage", "chosen_step", "dtype")}
    return write_manifest(output, "model", [folder], facts)


def _write_model(checkpoint: Manifest, start: Path, folder: Path) -> None:
    dtype = DTYPES[checkpoint.facts["dtype"]]
    model = _empty_model(start, dtype)
    trained = _trained_weights(checkpoint).items()
    found = {name.removeprefix(PREFIX): value for name, value in trained if name.startswith(PREFIX)}
    wanted = model.state_dict()
    if wrong := sorted(name for name in {*wanted, *found} if _shape(wanted, name) != _shape(found, name)):
        shapes = f"{_shape(found, wrong[0])} where {start} says {_shape(wanted, wrong[0])}"
        raise UserError(f"{checkpoint.path}: {wrong[0]} is {shapes}; give the model that this training started from")
    if model.config.tie_word_embeddings:
        del wanted[TIED]
    # Copies, because weights that lie in one block of memory would be taken for tied ones.
    weights = {name: found[name].contiguous().to(dtype, copy=True) for name in wanted}
    model.save_pretrained(folder, state_dict=weights)
    for file in start.iterdir():
        if file.is_file() and file.name != "config.json" and not file.name.endswith(WEIGHT_FILES):
            shutil.copyfile(file, folder / file.name)
    let_read(folder)


def _trained_weights(checkpoint: Manifest) -> Mapping[str, Any]:
    """Weights by the trainer's names; what stands for one becomes a tensor by its method `contiguous`.

    Under ZeRO-1 and 2 rank 0 wrote them whole, in the trainer's precision (and DeepSpeed's own conversion does not
    know the shards of float32 weights that its bfloat16 optimizer writes). Under ZeRO-3 they are joined from the
    float32 shards of all ranks.
    """
    from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint

    root = checkpoint.path.parent
    try:
        if (whole := root / SHARDS / WHOLE).exists():
            return torch.load(whole, map_location="cpu", mmap=True, weights_only=False)["module"]
        return get_fp32_state_dict_from_zero_checkpoint(str(root), tag=SHARDS, lazy_mode=True)
    except UNREADABLE as error:
        raise UserError(
            f"{root / SHARDS}: not the whole state of a trainer ({error}); delete {checkpoint.path} and run again"
        ) from error


def _empty_model(start: Path, dtype: torch.dtype) -> nn.Module:
    """The start's architecture without memory for its weights."""
    try:
        config = AutoConfig.from_pretrained(start)
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, dtype=dtype)
    except (OSError, ValueError) as error:
        raise UserError(f"{start}: not a model folder ({error}); delete it and make it again") from error


def _shape(weights: Mapping[str, Tensor], name: str) -> tuple[int, ...] | None:
    return tuple(weights[name].shape) if name in weights else None
