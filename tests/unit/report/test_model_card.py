"""The released model's card: the hub's own classes read its front matter, and each address in it leads somewhere."""

import csv
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index
from made_results import PUBLISHED, Results, door, paper_results

from deepcoder.files import write_text
from deepcoder.manifest import write_manifest
from deepcoder.report.paper.addresses import resolve

ADDRESS = re.compile(r"`([^`\s]+ · [0-9a-f]{6})`")
MODELS = {"smoke": "tiny", "paper": "r1-distill-qwen-14b"}


@pytest.fixture(scope="module", params=["smoke", "paper"])
def released(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A results tree of a scale with the release of its last stage."""
    root = tmp_path_factory.mktemp(request.param) / "results" / request.param
    results = Results(root) if request.param == "smoke" else paper_results(root)
    assert (done := results.summarise()).returncode == 0, done.stderr
    model = MODELS[request.param]
    folder = root / "strict" / model / "32k" / "model"
    write_text(folder / "hf/config.json", "{}\n")
    write_manifest(folder / "manifest.json", "model", [folder / "hf"])
    done = door(
        "export_release.py", root / "release/model.json", "--recipe", "strict", "--model", model,
        "--exported", folder / "manifest.json", "--tables", *results.tables, "--scores", *results.scores,
        "--stages", *results.stages, "--curation", results.curation, "--published", *PUBLISHED,
        f"scale={request.param}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return results


def card_of(results: Results) -> ModelCard:
    return ModelCard.load(results.root / "release/model/README.md")


def test_the_hub_reads_the_front_matter_and_finds_the_measured_scores_alone(released: Results) -> None:
    data = card_of(released).data
    with open(released.report / "benchmarks.csv", newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if row["subject"] == "strict/32k" and row["status"] == "run"]
    found = {result.dataset_type: (result.metric_type, result.metric_value) for result in data.eval_results}
    assert found == {row["benchmark"]: ("pass_at_1", round(100 * float(row["value"]), 2)) for row in rows}
    written = data.to_dict()
    assert eval_results_to_model_index(data.model_name, data.eval_results) == written["model-index"]
    base = "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B" if released.scale == "paper" else None
    assert (written["license"], written.get("base_model")) == ("mit" if base else "apache-2.0", base)


def test_every_address_in_the_card_names_what_it_was_made_from(released: Results) -> None:
    printed = set(ADDRESS.findall(card_of(released).text))
    assert {address.partition(" · ")[0] for address in printed} >= {"strict/32k", "strict/16k", "data/strict"}
    for address in printed:
        assert resolve(released.root / "release/model.json", address)


def test_published_numbers_are_marked_as_such_and_no_score_is_shown_without_its_interval(released: Results) -> None:
    text = card_of(released).text
    main = text.partition("**Main results")[2].partition("**Scores by context")[0]
    lines = [line.split(" | ") for line in main.splitlines() if line.startswith("|")][2:]
    for line in lines:
        assert "†" in line[5] or not line[5].strip()
        assert ("±" in line[2]) == (" to " in line[3])
    assert any("†" in line[5] for line in lines)
    assert "published by others, not measured here" in main


def test_the_released_folder_holds_the_exported_files_and_nothing_is_written_twice(released: Results) -> None:
    folder = released.root / "release/model"
    assert {path.name for path in folder.iterdir()} == {"README.md", "config.json"}
    exported = Path(released.stages[1].parent, "model/hf/config.json")
    assert folder.joinpath("config.json").samefile(exported)
