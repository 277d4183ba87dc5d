"""From a stage's checkpoint to a model's folder: bit for bit, whole or absent, written once."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from deepspeed.utils import safe_get_full_fp32_param
from safetensors.torch import load_file
from transformers import PreTrainedModel

from deepcoder.config.schema import Config
from deepcoder.errors import UserError
from deepcoder.rl.checkpoints import Checkpoints
from deepcoder.rl.policy import load_model
from deepcoder.rl.rollout import Rollout
from deepcoder.rl.trainer import Trainer

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
Export = Callable[..., Path]
# Runs the door that its arguments name, which is killed when half of the weights are written.
KILLED = """
import os, runpy, signal, sys
from pathlib import Path
from transformers import PreTrainedModel

def half(self, folder, **words):
    (Path(folder) / "model.safetensors").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

PreTrainedModel.save_pretrained = half
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def trained(folder: Path, config: Config, rollouts: list[Rollout], **changes: Any) -> Trainer:
    settings = replace(config.trainer, **{"learning_rate": 1e-2} | changes)
    trainer = Trainer(folder, settings, config.recipes["strict"], 0.6, 60)
    trainer.update(rollouts, 4)
    return trainer


@pytest.fixture
def saved(tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]], tmp_path: Path) -> Path:
    """A state under ZeRO-3."""
    trained(tiny_model, config, make_rollouts(8), zero_stage=3).save(tmp_path / "saved", {})
    return tmp_path / "saved"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("zero_stage", [1, 2, 3])
def test_a_state_exported_without_its_trainer_is_what_the_trainer_held_to_the_last_byte(
    tiny_model: Path,
    config: Config,
    make_rollouts: Callable[..., list[Rollout]],
    exported: Export,
    tmp_path: Path,
    zero_stage: int,
    dtype: str,
) -> None:
    ours = trained(tiny_model, config, make_rollouts(8), zero_stage=zero_stage, dtype=dtype)
    ours.save(tmp_path / "saved", {})
    folder = exported(tmp_path / "saved", tiny_model, dtype)
    weights = {name: value.clone() for name, value in ours.weights()}
    load_model(tiny_model, dtype).save_pretrained(tmp_path / "expected", state_dict=weights)
    for file in (tmp_path / "expected").iterdir():
        assert (folder / file.name).read_bytes() == file.read_bytes(), file.name
    found = load_file(folder / "model.safetensors")
    assert found.keys() == weights.keys(), "the head is tied to the embedding and is not written a second time"
    for name, parameter in ours.engine.module.model.named_parameters():
        assert torch.equal(found[name], safe_get_full_fp32_param(parameter).to(found[name].dtype)), name


def test_an_exported_model_says_what_the_trainer_says(
    tiny_model: Path, config: Config, make_rollouts: Callable[..., list[Rollout]], exported: Export, tmp_path: Path
) -> None:
    ours = trained(tiny_model, config, make_rollouts(8))
    ours.save(tmp_path, {})
    probe = [[5, 6, 7, 8, 9]]
    logits = load_model(exported(tmp_path, tiny_model))(torch.tensor(probe)).logits.log_softmax(-1)
    expected = logits[0, [0, 1, 2, 3], probe[0][1:]].tolist()
    assert ours.score([probe[0][:1]], [probe[0][1:]])[0] == pytest.approx(expected, abs=1e-6)


def test_the_tokenizer_is_the_start_models_and_its_table_of_shards_is_not(
    tiny_model: Path, saved: Path, exported: Export, tmp_path: Path
) -> None:
    start = shutil.copytree(tiny_model, tmp_path / "start" / "hf")
    (start / "model.safetensors").rename(start / "model-00001-of-00001.safetensors")
    (start / "model.safetensors.index.json").write_text("{}")
    folder = exported(saved, start)
    assert (folder / "tokenizer.json").read_bytes() == (start / "tokenizer.json").read_bytes()
    assert [path.name for path in folder.glob("model*")] == ["model.safetensors"]


def test_whoever_may_read_the_folder_may_read_its_weights(saved: Path, tiny_model: Path, exported: Export) -> None:
    folder = exported(saved, tiny_model)
    modes = {path.name: path.stat().st_mode & 0o444 for path in folder.iterdir()}
    assert set(modes.values()) == {folder.stat().st_mode & 0o444}, modes


def test_a_state_of_another_model_is_refused(saved: Path, tiny_model: Path, exported: Export, tmp_path: Path) -> None:
    start = shutil.copytree(tiny_model, tmp_path / "start" / "hf")
    text = (start / "config.json").read_text()
    (start / "config.json").write_text(text.replace('"intermediate_size": 96', '"intermediate_size": 128'))
    with pytest.raises(UserError, match=r"mlp.down_proj.weight is \(64, 96\) where .* \(64, 128\)"):
        exported(saved, start)


@pytest.mark.parametrize("damage", ["cut", "no shard"])
def test_a_state_that_is_not_whole_is_one_clear_error_and_leaves_nothing(
    saved: Path, tiny_model: Path, exported: Export, damage: str
) -> None:
    shard = next((saved / "state").glob("*optim_states.pt"))
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:1000])
    else:
        shard.unlink()
    with pytest.raises(UserError, match=r"state: not the whole state of a trainer .*; delete .*manifest.json"):
        exported(saved, tiny_model)
    assert list((saved / "model").iterdir()) == []


def test_an_export_that_fails_leaves_the_model_before_it(
    saved: Path, tiny_model: Path, exported: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = exported(saved, tiny_model)
    weights = (before / "model.safetensors").read_bytes()

    def fail(model: Any, folder: Path, **words: Any) -> None:
        (Path(folder) / "model.safetensors").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", fail)
    with pytest.raises(UserError, match="cannot write .*hf: No space left"):
        exported(saved, tiny_model)
    assert (before / "model.safetensors").read_bytes() == weights
    assert sorted(path.name for path in before.parent.iterdir()) == ["hf", "manifest.json"]


def test_a_killed_export_leaves_no_model_and_the_next_one_clears_up_and_is_whole(
    saved: Path, tiny_model: Path, exported: Export
) -> None:
    expected = (exported(saved, tiny_model) / "model.safetensors").read_bytes()
    shutil.rmtree(saved / "model")
    output = saved / "model" / "manifest.json"
    door = [str(SCRIPTS / "export_model.py"), *map(str, (saved / "manifest.json", tiny_model.parent / "manifest.json"))]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    killed = subprocess.run([sys.executable, "-c", KILLED, *door, str(output)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (output.parent / "hf").exists()
    assert not output.exists()
    assert list(output.parent.glob(".hf.*.tmp/model.safetensors")), "it was killed half-way"
    subprocess.run([sys.executable, *door, str(output)], env=environment, check=True)
    assert (output.parent / "hf" / "model.safetensors").read_bytes() == expected
    assert not list(output.parent.glob(".*.tmp"))


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    """One checkpoint, after step 1."""

    def fill(folder: Path) -> None:
        (folder / "state").mkdir()
        (folder / "state" / "shard").write_text("weights and moments")

    found = Checkpoints(tmp_path / "work", "one", keep=1)
    found.save(1, fill, {}, also=())
    return found


def test_a_published_state_is_not_written_twice_and_outlives_the_work_folder(
    checkpoints: Checkpoints, tmp_path: Path
) -> None:
    checkpoints.publish(1, tmp_path / "out" / "state")
    published, kept = tmp_path / "out/state/shard", checkpoints.folder(1) / "state/shard"
    assert published.samefile(kept)
    assert checkpoints.newest(1) == 1, "the stage can still be prolonged"
    shutil.rmtree(checkpoints.root)
    assert published.read_text() == "weights and moments"


def test_where_no_hard_link_can_be_made_a_state_is_copied(
    checkpoints: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Any) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    checkpoints.publish(1, tmp_path / "out" / "state")
    published, kept = tmp_path / "out/state/shard", checkpoints.folder(1) / "state/shard"
    assert published.read_bytes() == kept.read_bytes()
    assert not published.samefile(kept)


def test_a_damaged_checkpoint_is_not_published(checkpoints: Checkpoints, tmp_path: Path) -> None:
    (checkpoints.folder(1) / "state/shard").write_text("weights and memento")
    with pytest.raises(UserError, match="state/shard is not as written; delete .*work"):
        checkpoints.publish(1, tmp_path / "out" / "state")
    assert not (tmp_path / "out").exists()
