"""The whole DAG is declared: both scales are complete from a fresh checkout, before anything has run."""

import re
from pathlib import Path

import pytest

from tests.workflow.conftest import run_snakemake


@pytest.fixture(scope="module")
def paper(checkout: Path) -> str:
    return run_snakemake(checkout, "-n", "--profile", "slurm", "all").stdout


def jobs(output: str) -> dict[str, int]:
    table = output.rpartition("Job stats:")[2].partition("Reasons:")[0]
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}


def test_the_literal_command_selects_the_paper_and_makes_every_job_but_downloads_one_of_slurm(
    checkout: Path, paper: str
) -> None:
    assert "results/paper/report/index.html" in paper
    assert "results/smoke" not in paper
    told = run_snakemake(checkout, "-n", "-p", "--profile", "slurm", "all").stdout
    commands = re.findall(r"^Shell command: (.*scripts/(\w+)\.py.*)$", told, flags=re.MULTILINE)
    launched = {door for command, door in commands if "/launch.py" in command}
    local = {door for command, door in commands if "/launch.py" not in command}
    assert local == {"fetch", "fetch_model", "lock"}
    assert launched | local == set(jobs(paper)) - {"all", "total"}


def test_at_smoke_scale_nothing_is_asked_of_slurm(checkout: Path) -> None:
    assert "/launch.py" not in run_snakemake(checkout, "-n", "-p", "all").stdout


def test_the_paper_lists_every_stage_source_model_and_benchmark(paper: str) -> None:
    counted = jobs(paper)
    assert counted["train_stage"] == counted["export_model"] == 2
    assert counted["fetch"] == 7
    assert counted["fetch_model"] == 2
    assert counted["sample"] == 4 * 8, "each model is sampled by eight jobs"
    assert counted["gather_samples"] == 4
    assert counted["grade"] == counted["score"] == 4 * 4 * 3
    sources = ("taco_verified", "primeintellect", "livecodebench", "codeforces", "humanevalplus", "aime2024")
    for name in (*sources, "codeforces_standings"):
        assert f"results/paper/data/raw/{name}/" in paper


def test_responses_made_elsewhere_are_scored_beside_our_models(checkout: Path) -> None:
    (checkout / "made").mkdir()
    (checkout / "made/easy.jsonl").write_text("{}\n")
    own = ("responses__made_elsewhere__benchmarks=[easy]", "responses__made_elsewhere__folder=made")
    asked = run_snakemake(checkout, "-n", "all", "--config", "reported_responses=[made_elsewhere]", *own).stdout
    counted = jobs(asked)
    # two benchmarks of three models at three contexts, and one more at the longest, which no tokenizer cuts
    assert (counted["import_responses"], counted["sample"], counted["score"]) == (1, 3, 2 * 3 * 3 + 1)
    assert "models/base/made_elsewhere/eval/easy/64k/scores.json" in asked


def test_gpu_rules_state_nodes_gpus_memory_and_run_time(paper: str) -> None:
    for rule, nodes, gpus in (("train_stage", 4, 8), ("sample", 1, 2)):
        block = paper.partition(f"checkpoint {rule}:")[2].partition("Shell command")[0]
        resources = next(line for line in block.splitlines() if "resources:" in line)
        assert f"nodes={nodes}," in resources
        assert f"gres=gpu:{gpus}" in resources
        assert re.search(r"mem_mb=\d{6}", resources)
        assert re.search(r"runtime=\d{4}", resources)


def test_a_model_is_exported_on_a_node_without_gpus_from_the_state_that_training_leaves(paper: str) -> None:
    block = paper.partition("checkpoint export_model:")[2].partition("Shell command")[0]
    resources = next(line for line in block.splitlines() if "resources:" in line)
    assert "nodes=1," in resources
    assert "gres" not in resources
    assert re.search(r"/(\w+)/manifest.json, .*output: .*/\1/model/manifest.json", block.replace("\n", " "))


def test_smoke_has_the_same_rules_as_the_paper_but_for_the_base_model(checkout: Path, paper: str) -> None:
    smoke = set(jobs(run_snakemake(checkout, "-n", "all").stdout))
    assert smoke ^ set(jobs(paper)) == {"warm_start", "fetch_model"}


def test_recipes_train_three_times(checkout: Path) -> None:
    assert jobs(run_snakemake(checkout, "-n", "recipes").stdout)["train_stage"] == 6


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stages__16k__stepz=3", "stepz"),
        ("stages__16k__steps=many", "many"),
        ("scale=tiny", "scale/tiny"),
        ("recipe=lenient", "lenient"),
    ],
)
def test_a_wrong_override_is_one_error_before_any_job(checkout: Path, override: str, message: str) -> None:
    done = run_snakemake(checkout, "-n", "all", "--config", override, check=False)
    assert done.returncode != 0
    errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in done.stderr
