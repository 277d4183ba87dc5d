"""A model of a few thousand parameters with a tokenizer, and rollouts for it."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from deepcoder.config import compose_config
from deepcoder.config.schema import Config
from deepcoder.easy import generate
from deepcoder.manifest import write_manifest
from deepcoder.rl.rollout import Rollout

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def config() -> Config:
    return OmegaConf.to_object(compose_config({}))  # type: ignore[return-value]


@pytest.fixture(scope="session")
def easy_rows() -> list[dict]:
    """Rows with the columns of schemas.problem.PROBLEM that training reads."""
    rows = [row for row in generate(0, 0.25) if not row["id"].startswith("planted")]
    extra = {"source": "easy", "starter_code": "", "time_limit_s": None, "checker": None, "statement_digest": ""}
    return [{**row, **extra} for row in rows]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, config: Config, easy_rows: list[dict]) -> Path:
    """A Qwen2 folder with tied embeddings and a tokenizer of 400 tokens."""
    from deepcoder.rl.text import Text
    from deepcoder.rl.tokenizer import train_tokenizer
    from deepcoder.rl.warm_start import build_model, save_model

    root = tmp_path_factory.mktemp("model")
    train_tokenizer(easy_rows, 400, root / "tokenizer")
    shape = OmegaConf.to_object(OmegaConf.structured(config.models["tiny"]))
    shape.vocabulary, shape.hidden, shape.intermediate, shape.layers = 400, 64, 96, 2
    shape.heads, shape.key_value_heads, shape.head_dim = 2, 1, 32
    (root / "hf").mkdir()
    save_model(build_model(shape, Text(root / "tokenizer", "plain"), seed=0), root / "tokenizer", root / "hf")
    return root / "hf"


@pytest.fixture(scope="session")
def whole_run(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of the undisturbed run of a schedule by stage_process.run_stage, made when first asked for."""
    from tests.unit.rl.stage_process import run_stage

    roots: dict[str, Path] = {}

    def root_of(schedule: str) -> Path:
        if schedule not in roots:
            roots[schedule] = tmp_path_factory.mktemp(schedule)
            run_stage(tiny_model, roots[schedule], schedule)
        return roots[schedule]

    return root_of


@pytest.fixture(scope="session")
def make_rollouts() -> Callable[..., list[Rollout]]:
    def make(number: int, seed: int = 0, vocabulary: int = 400) -> list[Rollout]:
        rng = random.Random(seed)
        found = []
        for index in range(number):
            prompt = [rng.randrange(2, vocabulary) for _ in range(rng.randint(3, 9))]
            response = [rng.randrange(2, vocabulary) for _ in range(rng.randint(1, 12))]
            log_probs = [-5.0 - rng.random() for _ in response]
            rollout = Rollout("p", index, prompt, response, log_probs, truncated=False, policy_version=0)
            rollout.advantage, rollout.in_loss = rng.uniform(-1, 1), rng.random() > 0.2
            found.append(rollout)
        return found

    return make


@pytest.fixture(scope="session")
def exported() -> Callable[..., Path]:
    """Exports what a trainer saved below a folder; gives the folder in Hugging Face format."""
    from deepcoder.rl.export import export_model

    def export(saved: Path, start: Path, dtype: str = "float32") -> Path:
        facts = {"stage": "16k", "chosen_step": 1, "dtype": dtype}
        checkpoint = write_manifest(saved / "manifest.json", "checkpoint", [saved / "state"], facts)
        model = write_manifest(start.parent / "manifest.json", "model", [start])
        return export_model(checkpoint, model, saved / "model" / "manifest.json").path.parent / "hf"

    return export


@pytest.fixture(scope="session")
def make_tokens() -> Callable[..., dict[str, torch.Tensor]]:
    """Flat tokens as policy_loss takes them; all in the loss, one advantage for each sequence."""

    def make(lengths: Sequence[int], seed: int = 0, spread: float = 0.3) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)

        def draw(number: int) -> torch.Tensor:
            return torch.randn(number, generator=generator, dtype=torch.float64)

        sequence = torch.arange(len(lengths)).repeat_interleave(torch.tensor(lengths))
        old = -draw(len(sequence)).abs() - 0.1
        return {
            "log_probs": old + spread * draw(len(sequence)),
            "old_log_probs": old,
            "rollout_log_probs": old + 0.3 * draw(len(sequence)),
            "advantages": draw(len(lengths))[sequence],
            "mask": torch.ones_like(sequence, dtype=torch.bool),
            "sequence": sequence,
        }

    return make
