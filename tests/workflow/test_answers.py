"""Asking why, saying yes, accepting and taking over, on the real rules with quick work."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.edits import STEPS
from tests.workflow.test_edits import SMALL, done, jobs_of, run  # noqa: F401

CURATED = "results/smoke/data/strict/manifest.json"
STRICTER = "curations__strict__min_tests=6"
COSTLY = ("resources__train__gpus_per_node=8", "resources__sample__gpus_per_node=8")


@pytest.fixture
def folder(done: Path, tmp_path: Path) -> Path:  # noqa: F811
    """A copy of a checkout in which everything is done."""
    shutil.copytree(done, tmp_path / "checkout", symlinks=True, ignore=shutil.ignore_patterns("code", "log"))
    return tmp_path / "checkout"


def ask(folder: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"scripts/{script}.py", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def why(folder: Path, *overrides: str) -> str:
    found = ask(folder, "why", "all", "--config", *SMALL, *overrides)
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_why_tells_what_is_certain_from_what_may_follow_and_runs_nothing(folder: Path) -> None:
    assert why(folder).strip() == "nothing is stale"
    lines = why(folder, STRICTER).splitlines()
    assert lines[:3] == [
        "stale: 1 job",
        f"  curate: {CURATED}",
        "      config curations.strict.min_tests: 5 -> 6",
    ]
    assert lines[3].startswith("only if those come out different: ")
    assert "  train_stage: 2" in lines[4:]
    assert not any("verify" in line or "fetch" in line for line in lines)
    assert why(folder).strip() == "nothing is stale"


def test_a_costly_result_is_made_again_only_on_a_yes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = (*COSTLY, "trainer__beta2=0.99")
    assert "GPU-hours" in why(folder, *overrides)
    refused = run(folder, *overrides, check=False)
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("error:")]
    assert "trainer.beta2: 0.999 -> 0.99" in line
    assert "RERUN=yes" in line
    assert jobs_of(refused) == {}
    monkeypatch.setenv("RERUN", "yes")
    assert jobs_of(run(folder, *overrides)) == {"train_stage": 2, **STEPS, "lock": 1}


def test_an_accepted_result_stands_with_its_reason_in_the_record(folder: Path) -> None:
    words = ("--reason", "six tests were there anyway", "--config", *SMALL, STRICTER)
    accepted = ask(folder, "accept", CURATED, *words)
    assert accepted.returncode == 0, accepted.stderr
    assert "config curations.strict.min_tests: 5 -> 6" in accepted.stdout
    left = why(folder, STRICTER)
    assert left.startswith("stale: 1 job\n  export_dataset:"), "the card of the exported data names the threshold"
    assert "train_stage" not in left
    record = json.loads((folder / CURATED.replace(".json", ".record.json")).read_text())
    assert record["accepted"][0]["reason"] == "six tests were there anyway"
    again = ask(folder, "accept", CURATED, *words)
    assert again.returncode == 1
    assert "is not stale" in again.stderr


def test_what_is_stale_above_must_be_settled_first(folder: Path) -> None:
    model = "results/smoke/strict/tiny/16k/manifest.json"
    refused = ask(folder, "accept", model, "--reason", "none", "--config", *SMALL, STRICTER)
    assert refused.returncode == 1
    assert f"{CURATED} above it is stale first" in refused.stderr


def test_a_colleagues_artifacts_count_as_done_and_tampered_ones_are_refused(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine, symlinks=True, ignore=shutil.ignore_patterns("results", ".snakemake"))
    taken = ask(mine, "adopt", str(folder / "results/smoke"))
    assert taken.returncode == 0, taken.stderr
    assert jobs_of(run(mine)) == {"lock": 1}
    assert (mine / "results/smoke/provenance.lock").read_text() == (
        folder / "results/smoke/provenance.lock"
    ).read_text()
    shutil.rmtree(mine / "results")
    payload = folder / "results/smoke/strict/tiny/16k/manifest.payload"
    payload.write_text("other weights")
    refused = ask(mine, "adopt", str(folder / "results/smoke"))
    assert refused.returncode == 1
    assert f"{payload}: is not what its record says" in refused.stderr
    assert not (mine / "results").exists()
