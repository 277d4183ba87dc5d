"""Each edit of a long list reruns exactly the jobs that were written down beforehand."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from deepcoder.progress.run import read_run
from tests.checkout import ROOT
from tests.workflow import edits
from tests.workflow.conftest import run_snakemake
from tests.workflow.edits import EDITS, EVERYTHING, Edit

SMALL = ("train_sources=[easy]", "report_benchmarks=[easy]")
STAND_IN = Path(__file__).with_name("stand_in.py")


def run(folder: Path, *overrides: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return run_snakemake(folder, "--cores", "8", "all", "--config", *SMALL, *overrides, check=check)


def jobs_of(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """Jobs that ran, by rule."""
    found = Counter(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", done.stdout + done.stderr))
    del found["all"]
    return dict(found)


@pytest.fixture(scope="module")
def done(checkout: Path) -> Path:
    """A checkout whose doors do quick work, with all results made."""
    common = checkout / "rules/common.smk"
    stand_in = f'PYTHON = f"{{sys.executable}} {STAND_IN}"'
    common.write_text(common.read_text().replace("PYTHON = sys.executable", stand_in))
    assert jobs_of(run(checkout)) == {**EVERYTHING, "lock": 1}
    assert jobs_of(run(checkout)) == {}
    return checkout


def test_what_a_run_declares_is_all_that_it_makes(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(done)
    declared = json.loads((done / edits.OUT / "work/run.json").read_text())
    assert set(declared["artifacts"].values()) == {*EVERYTHING, "lock"}
    found = read_run(Path(edits.OUT))
    assert found.made == found.total == len(declared["artifacts"])
    assert found.runner.startswith("everything is made")


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_an_edit_reruns_exactly_what_was_written_down(done: Path, tmp_path: Path, edit: Edit) -> None:
    folder = tmp_path / "checkout"
    shutil.copytree(done, folder, symlinks=True, ignore=shutil.ignore_patterns("code", "log"))
    edit.change(folder)
    (folder / "salts.json").write_text(json.dumps(dict.fromkeys(edit.differs, "other")))
    lock = folder / edits.OUT / "provenance.lock"
    before = lock.read_text()
    found = run(folder, *edit.overrides, check=not edit.error)
    ran = jobs_of(found)
    lock_made = ran.pop("lock", 0)
    assert lock_made == bool(ran) or edit.error, "the lock's own record notes every record"
    assert lock_made or lock.read_text() == before
    if edit.error:
        assert found.returncode == 1
        assert edit.error in found.stderr
    assert ran == edit.reruns


def test_a_table_of_another_target_comes_into_the_documents_when_it_is_there_and_goes_when_it_is_stale(
    done: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "checkout"
    shutil.copytree(done, folder, symlinks=True, ignore=shutil.ignore_patterns("code", "log"))
    alone = "recipe_table=[strict]"  # whose scores are there
    run_snakemake(folder, "--cores", "8", "recipes", "--config", *SMALL, alone)
    declared = json.loads((folder / edits.OUT / "work/run.json").read_text())
    rules = set(declared["artifacts"].values())
    assert {"compare_recipes", "train_stage", "score"} <= rules
    assert not rules & {"summarise", "lock", *edits.READ}
    assert set(declared["stages"]) == {"strict/tiny/16k", "strict/tiny/32k"}
    assert jobs_of(run(folder, alone)) == {"render": 1, "typeset": 1, "lock": 1}
    record = json.loads((folder / edits.OUT / "paper.pdf.record.json").read_text())
    assert str(edits.OUT / "report/recipes.csv") in [item["path"] for item in record["inputs"]]
    assert jobs_of(run(folder, alone)) == {}
    assert jobs_of(run(folder, "recipe_table=[strict,as_described]")) == {"render": 1, "typeset": 1, "lock": 1}
    record = json.loads((folder / edits.OUT / "paper.pdf.record.json").read_text())
    assert str(edits.OUT / "report/recipes.csv") not in [item["path"] for item in record["inputs"]]


def test_the_readme_shows_the_table_of_edits() -> None:
    assert edits.table() in (ROOT / "README.md").read_text(encoding="utf-8")


def test_there_are_at_least_25_edits() -> None:
    assert len({edit.name for edit in EDITS}) >= 25


if __name__ == "__main__":
    sys.stdout.write(edits.table())
