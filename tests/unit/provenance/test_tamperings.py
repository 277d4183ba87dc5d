"""Every tampering with a finished run is found by the checks written down for it, which name the right file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from real_run import LOCK, PAPER, ROOT, make_run
from tamperings import MODEL, SCORES, TAMPERINGS, VALUES, Tampering, edit_paper, edit_score, swap_weights

from audit import Deep, at_rest, made_again
from deepcoder.files import read_json
from deepcoder.report.paper.addresses import resolve
from deepcoder.report.paper.finding import finding_of

CHECKS = {
    "bytes": "artifacts re-hashed",
    "records": "records compared with the lock",
    "inputs": "inputs compared with what they were",
    "tests": "stored tests re-hashed",
    "files": "files that no rule has made",
    "again": "scores, tables and the paper made again",
    "git": "lock compared with git",
    "judged": "verdicts given again",
}
ALL = 1000  # verdicts: more than there are


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, here = tmp_path_factory.mktemp("finished"), Path.cwd()
    os.chdir(folder)
    try:
        make_run(folder)
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run, as the working folder."""
    shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def by_check(checks: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[str]]:
    """The faults by the short names of the checks."""
    return {name: list(faults) for what, faults in checks for name, text in CHECKS.items() if text in what}


@pytest.mark.usefixtures("run")
def test_an_untouched_run_is_clean_and_every_check_looks_at_it() -> None:
    found = by_check([*at_rest(LOCK), *made_again(LOCK, Deep(ALL, 0))])
    assert found == {name: [] for name in CHECKS}


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("tampering", TAMPERINGS, ids=[f"{n}-{t.what}" for n, t in enumerate(TAMPERINGS)])
def test_a_tampering_is_found_by_the_checks_that_should_and_by_no_other(tampering: Tampering) -> None:
    tampering.act()
    found = by_check(at_rest(LOCK))
    if {"again", "judged"} & tampering.found.keys():
        found |= by_check(made_again(LOCK, Deep(ALL, 0) if "judged" in tampering.found else None))
    assert sorted(name for name, faults in found.items() if faults) == sorted(tampering.found), found
    for check, path in tampering.found.items():
        assert any(fault.startswith(str(path)) for fault in found[check]), found[check]


def test_the_command_ends_with_an_error_and_says_what_a_lock_outside_git_cannot_show(run: Path) -> None:
    shutil.rmtree(run / ".git")
    command = [sys.executable, ROOT / "scripts/audit.py", LOCK, "--deep", "--samples", "3", "--seed", "5"]
    clean = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (clean.returncode, clean.stderr) == (0, "")
    assert "provenance.lock is not in git: what was rewritten together" in clean.stdout
    assert "3 of 126 verdicts given again" in clean.stdout
    assert "--seed 5;" in clean.stdout
    swap_weights()
    tampered = subprocess.run(command, capture_output=True, text=True, check=False)
    assert tampered.returncode == 1
    assert tampered.stderr == f"DIFFERS {MODEL}: payload hf/model.safetensors differs from the manifest\n"


def printed_addresses() -> set[str]:
    """Every address in the paper."""
    values = [value for value in read_json(VALUES).values() if isinstance(value, dict)]
    cells = [cell for value in values for row in value.get("rows", ()) for cell in row]
    return {item["address"] for item in [*values, *cells]} - {""}


@pytest.mark.usefixtures("run")
def test_every_address_in_the_paper_leads_to_artifacts_that_are_as_recorded() -> None:
    found = [finding_of(PAPER, item) for address in printed_addresses() for item in resolve(PAPER, address)]
    assert [fault for finding in found for fault in finding.faults] == []
    kinds = {(finding.trail is not None, finding.tree is not None, bool(finding.told)) for finding in found}
    assert kinds == {(True, False, False), (False, True, False), (False, False, True)}


@pytest.mark.usefixtures("run")
def test_an_address_names_what_was_tampered_with_behind_it_and_in_the_paper() -> None:
    (item,) = resolve(PAPER, read_json(VALUES)["headline.score"]["address"])
    edit_score()
    assert any(fault.startswith(f"{SCORES}: has changed since {PAPER}") for fault in finding_of(PAPER, item).faults)
    edit_paper()
    assert any(fault.startswith(f"{PAPER}: bytes differ") for fault in finding_of(PAPER, item).faults)


@pytest.mark.usefixtures("run")
def test_the_command_walks_from_a_printed_address_to_the_raw_data() -> None:
    address = read_json(VALUES)["headline.score"]["address"]
    command = [sys.executable, ROOT / "scripts/audit.py", PAPER, "--address", address]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    for told in ("(headline.score)", "made again from its verdicts the same", "raw data: ", "0 differences"):
        assert told in " ".join(done.stdout.split()), told
