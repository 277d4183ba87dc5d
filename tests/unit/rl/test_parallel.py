"""Several ranks do what one does: the same log-probabilities, losses, gradients and weights under every layout."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from deepcoder.config.schema import Config
from deepcoder.errors import UserError
from deepcoder.rl.rollout import Rollout
from deepcoder.rl.sequence_parallel import check_heads
from deepcoder.rl.trainer import Trainer

sys.path.insert(0, str(Path(__file__).parent))
from ranks_process import MAX_TOKENS, course

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
TWO: dict[str, dict[str, Any]] = {
    "data-1": {"zero_stage": 1},
    "data-2": {"zero_stage": 2},
    "data-3": {"zero_stage": 3},
    "sequence-1": {"zero_stage": 1, "sequence_parallel": 2},
    "sequence-2": {"zero_stage": 2, "sequence_parallel": 2},
    "sequence-3": {"zero_stage": 3, "sequence_parallel": 2, "gradient_checkpointing": True},
}
GROUPED = "sequence-grouped"  # a model whose key-value heads are dealt out, not copied
HALF: dict[str, dict[str, Any]] = {
    "half-1": {"zero_stage": 1, "dtype": "bfloat16"},
    "half-2": {"zero_stage": 2, "dtype": "bfloat16"},
    "half-3": {"zero_stage": 3, "dtype": "bfloat16"},
}
FOUR = {"both": {"zero_stage": 3, "sequence_parallel": 2}}
LAYOUTS = [*TWO, GROUPED, *FOUR]


def grouped_model(folder: Path) -> Path:
    """Four heads and two key-value heads."""
    torch.manual_seed(0)
    shape = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 400}
    config = Qwen2Config(**shape, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


def start_ranks(number: int, folder: Path) -> list[subprocess.Popen[str]]:
    """Start the processes of one world."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script, environment = Path(__file__).parent / "ranks_process.py", {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    commands = [[sys.executable, str(script), *map(str, (rank, number, port, folder))] for rank in range(number)]
    return [subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) for words in commands]


def finish(processes: list[subprocess.Popen[str]]) -> None:
    """Wait until all ranks have done their work."""
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert not any(process.returncode for process in processes), errors


@pytest.fixture(scope="module")
def courses(
    tiny_model: Path,
    config: Config,
    make_rollouts: Callable[..., list[Rollout]],
    exported: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[dict[str, Any]]]:
    """By layout: what one rank went through, then each rank of the layout. One start of processes for each world."""
    folder = tmp_path_factory.mktemp("ranks")
    settings = replace(config.trainer, learning_rate=1e-3)
    recipe = replace(config.recipes["strict"], entropy_coefficient=0.01)
    rollouts, grouped = make_rollouts(9), grouped_model(folder / "grouped" / "hf")
    two = {name: (tiny_model, changes) for name, changes in {**TWO, **HALF}.items()}
    two[GROUPED] = (grouped, {"zero_stage": 1, "sequence_parallel": 2})
    layouts = {2: two, 4: {name: (tiny_model, changes) for name, changes in FOUR.items()}}
    case = {"settings": settings, "recipe": recipe, "rollouts": rollouts, "layouts": layouts}
    torch.save(case, folder / "case.pt")
    processes = start_ranks(2, folder)
    expected = {
        model: course(Trainer(model, settings, recipe, 0.6, MAX_TOKENS), rollouts, folder / f"one-{model.parent.name}")
        for model in (tiny_model, grouped)
    }
    finish(processes)
    finish(start_ranks(4, folder))
    found = {}
    for number, layout in layouts.items():
        for name, (model, changes) in layout.items():
            ours = [torch.load(folder / f"{name}-{rank}.pt", weights_only=False) for rank in range(number)]
            hugging_face = exported(folder / name, model, changes.get("dtype", "float32"))
            written = load_file(hugging_face / "model.safetensors")
            found[name] = [expected[model], *({**one, "exported": written} for one in ours)]
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_several_ranks_do_what_one_does(courses: dict[str, list[dict[str, Any]]], layout: str) -> None:
    one, *ranks = courses[layout]
    for rank in ranks:
        for name in ("scores", "scores_after"):
            ours, theirs = (torch.tensor([v for row in x[name] for v in row]) for x in (rank, one))
            assert torch.allclose(ours, theirs, atol=1e-5), name
        for name, value in one["report"].items():
            assert rank["report"][name] == pytest.approx(value, abs=1e-5, rel=1e-5), name
        for name, moment in one["moments"].items():
            assert torch.allclose(rank["moments"][name], moment, atol=1e-6, rtol=1e-3), name
            # Adam's step is the sign of the gradient: where that is rounding noise, weights may part.
            sure = moment.abs() > 1e-6
            assert torch.allclose(rank["weights"][name][sure], one["weights"][name][sure], atol=1e-5), name
    assert one["scores"] != one["scores_after"]


@pytest.mark.parametrize("layout", [*LAYOUTS, *HALF])
def test_what_several_ranks_saved_is_exported_without_them_to_the_last_bit(
    courses: dict[str, list[dict[str, Any]]], layout: str
) -> None:
    for rank in courses[layout][1:]:
        assert rank["exported"].keys() == rank["weights"].keys()
        for name, value in rank["exported"].items():
            assert value.dtype == rank["weights"][name].dtype, name
            assert torch.equal(value, rank["weights"][name]), name


@pytest.mark.parametrize(("size", "heads", "key_value_heads"), [(3, 40, 8), (4, 12, 6), (16, 40, 8)])
def test_heads_that_cannot_be_dealt_are_refused(size: int, heads: int, key_value_heads: int) -> None:
    with pytest.raises(UserError, match=f"sequence_parallel {size} does not fit"):
        check_heads(size, heads, key_value_heads)


def test_the_14b_model_may_be_shared_by_all_gpus_of_a_node() -> None:
    for size in (1, 2, 4, 8):
        check_heads(size, heads=40, key_value_heads=8)
