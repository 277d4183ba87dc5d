"""Configuration: typed, closed, and the same on a door as on `snakemake --config`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deepcoder.config import compose_config, parse_overrides, subset, to_dict
from deepcoder.config.load import fill_keys
from deepcoder.errors import UserError

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("word", ["stages__16k__steps=5", "stages.16k.steps=5", "stages={16k: {steps: 5}}"])
def test_every_spelling_of_an_override_means_the_same(word: str) -> None:
    config = compose_config(parse_overrides([word]))
    assert config.stages["16k"].steps == 5
    assert config.stages["32k"].steps == compose_config().stages["32k"].steps


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("stages.16k.stepz=5", "stepz"),
        ("stages.16k.steps=many", "many"),
        ("sources.mine.kind=hub", "mine"),
        ("scale=papre", "scale/papre"),
        ("curation_table=[strict]", "name two curations to compare"),
        ("curation_table=[strict, lenient]", "lenient"),
        ("recipe=lenient", "lenient"),
        ("rollout.engine.name=sglang", "vllm, hf"),
        ("trainer.zero_stage=0", "1, 2, 3"),
        ("evaluation.shards=0", "evaluation.shards is 0"),
        ("curations.strict.difficulty.shards=-1", "difficulty.shards is -1"),
        ("benchmarks.easy.source=nowhere", "nowhere"),
    ],
)
def test_a_wrong_override_is_one_error_that_names_it(word: str, part: str) -> None:
    with pytest.raises(UserError, match=part):
        compose_config(parse_overrides([word]))


def test_an_override_without_equals_sign_says_how_to_write_it() -> None:
    with pytest.raises(UserError, match="key=value"):
        parse_overrides(["seed"])


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_both_scales_have_every_value(scale: str) -> None:
    config = compose_config({"scale": scale})
    assert config.scale == scale
    assert set(config.stages) == {"16k", "32k"}


def test_paper_scale_is_the_published_recipe() -> None:
    config = compose_config({"scale": "paper"})
    assert (config.stages["16k"].steps, config.stages["32k"].steps) == (180, 470)
    assert config.stages["32k"].max_response_tokens == 32768
    assert (config.recipes["strict"].clip_low, config.recipes["strict"].clip_high) == (0.2, 0.28)
    assert (config.trainer.learning_rate, config.rollout.temperature) == (1e-6, 0.6)
    assert config.recipes["as_released"].batch["16k"].prompts == 32
    assert not config.recipes["as_released"].apply_clip


def test_a_recipe_named_after_an_algorithm_is_strict_but_for_what_its_paper_changes() -> None:
    recipes = {name: to_dict(recipe) for name, recipe in compose_config().recipes.items()}
    changed = {
        name: {key for key, value in recipes[name].items() if value != recipes["strict"][key]} - {"title"}
        for name in ("gspo", "cispo", "dr_grpo")
    }
    assert changed == {
        "gspo": {"loss", "aggregation"},
        "cispo": {"loss", "clip_low"},
        "dr_grpo": {"advantage", "aggregation"},
    }


def test_subset_holds_only_the_named_keys() -> None:
    chosen = subset(compose_config(), ["judge", "stages.16k.steps"])
    assert set(chosen) == {"judge", "stages.16k.steps"}
    with pytest.raises(UserError, match="stages.64k"):
        subset(compose_config(), ["stages.64k"])


def test_settings_of_how_a_job_runs_are_not_part_of_an_identity() -> None:
    few, many = (compose_config({"judge": {"workers": workers}}) for workers in (1, 8))
    assert subset(few, ["judge"], identity=True) == subset(many, ["judge"], identity=True)
    assert subset(few, ["judge"]) != subset(many, ["judge"])
    assert "steps" in subset(few, ["stages.16k"], identity=True)["stages.16k"]


def test_a_list_fills_one_key_per_item() -> None:
    assert fill_keys(["seed", "stages.{s}"], {"s": ["16k", "32k"]}) == ["seed", "stages.16k", "stages.32k"]


def test_torch_free_rooms_do_not_import_torch() -> None:
    rooms = ["config", "judge", "curation", "provenance", "schemas", "evaluation", "report", "door", "manifest"]
    code = f"import sys; {'; '.join(f'import deepcoder.{room}' for room in rooms)}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_no_door_shadows_a_module_that_a_library_may_import() -> None:
    """A door's folder is first on sys.path, so `evaluate.py` or `profile.py` would hide the real module."""
    doors = [path.stem for path in (ROOT / "scripts").glob("*.py")]
    code = (
        "import json, sys, importlib.util\n"
        f"doors = {json.dumps(doors)}\n"
        "found = [d for d in doors if d in sys.stdlib_module_names or importlib.util.find_spec(d)]\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
