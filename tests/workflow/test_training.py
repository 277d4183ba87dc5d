"""Two stages of a step or two by the real rules: what is handed on is the weights, and a stage can be prolonged."""

from pathlib import Path

import pytest

from deepcoder.manifest import read_manifest
from tests.workflow.conftest import run_snakemake

BRIEF = (
    "train_sources=[easy]",
    "report_benchmarks=[easy]",
    "rollout__engine__name=hf",
    "warm_start__steps=2",
    "stages__16k__steps=2",
    "stages__16k__validate_every=1",
    "stages__32k__steps=1",
    "stages__16k__batch={prompts: 2, minibatch: 2}",
    "stages__32k__batch={prompts: 2, minibatch: 2}",
)
PROLONGED = "stages__32k__steps=2"


def train(folder: Path, *overrides: str) -> list[str]:
    """Run `snakemake train` and give the jobs of training that ran, in order."""
    done = run_snakemake(folder, "--cores", "2", "train", "--config", *BRIEF, *overrides)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip().startswith("log: results")]
    jobs = [line.split("/logs/")[1].removesuffix(".log") for line in lines]
    return [job for job in jobs if job.startswith(("train_stage", "export_model"))]


@pytest.fixture(scope="module")
def made(checkout: Path) -> Path:
    stages = [f"{rule}/strict-tiny-{stage}" for stage in ("16k", "32k") for rule in ("train_stage", "export_model")]
    assert train(checkout) == stages
    return checkout


def test_a_stage_leaves_a_state_and_its_export_a_model(made: Path) -> None:
    for stage in ("16k", "32k"):
        folder = made / "results/smoke/strict/tiny" / stage
        state = read_manifest(folder / "manifest.json", "checkpoint")
        assert {name.split("/")[0] for name in state.files} == {"state", "metrics.parquet"}
        model = read_manifest(folder / "model/manifest.json", "model")
        assert {"hf/config.json", "hf/model.safetensors", "hf/tokenizer.json"} <= set(model.files)
    assert train(made) == []


def test_a_prolonged_stage_goes_on_from_its_own_checkpoint(made: Path) -> None:
    train(made)
    assert train(made, PROLONGED) == ["train_stage/strict-tiny-32k", "export_model/strict-tiny-32k"]
    log = (made / "results/smoke/logs/train_stage/strict-tiny-32k.log").read_text()
    assert "step 2/2" in log
    assert "step 1/2" not in log


def test_a_stage_that_reran_to_the_same_weights_reruns_nothing_that_takes_them(made: Path) -> None:
    train(made, PROLONGED)
    reran = train(made, PROLONGED, "stages__16k__validate_every=0")
    assert reran == ["train_stage/strict-tiny-16k", "export_model/strict-tiny-16k"], "only its metrics are others"
