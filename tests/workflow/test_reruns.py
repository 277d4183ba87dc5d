"""What a change reruns, on the real data rules with one small source: no more, no less."""

import os
import shutil
from pathlib import Path

import pytest

from deepcoder.schemas.problem import DROPPED
from deepcoder.schemas.table import read_table
from tests.workflow.conftest import rules_run, run_snakemake

SMALL = ("train_sources=[easy]", "report_benchmarks=[easy]")
CURATED = {"curate", "compare_curations", "export_dataset", "render_problems"}
EVERYTHING = {"fetch", "normalise", "prepare_benchmark", "tokenizer", "verify", *CURATED}


def make_data(folder: Path, *overrides: str, dry: bool = False) -> set[str]:
    """Run `snakemake data` and give the rules that ran (or would)."""
    words = ["--cores", "2", "data", "--config", *SMALL, *overrides]
    done = run_snakemake(folder, *(["-n"] if dry else []), *words)
    text = done.stdout + done.stderr
    if dry:
        return rules_run(text)
    return {line.split()[-1].rstrip(":)") for line in text.splitlines() if "Finished jobid" in line} - {"data"}


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text, f"{name} no longer holds {old!r}"
    (folder / name).write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def made(checkout: Path) -> Path:
    assert make_data(checkout) == EVERYTHING
    return checkout


def test_each_planted_defect_falls_to_its_own_rule(made: Path) -> None:
    dropped = read_table(made / "results/smoke/data/strict/dropped.parquet", DROPPED)
    by_defect = {
        (row["source_id"].split("/")[1], row["rule"]) for row in dropped if row["source_id"].startswith("planted/")
    }
    assert by_defect >= {
        ("duplicate", "exact_duplicate"),
        ("reworded", "near_duplicate"),
        ("few-tests", "enough_tests"),
        ("wrong-reference", "verified"),
        ("overlong", "prompt_length"),
        ("unparsable", "parseable"),
    }


def test_a_second_run_has_nothing_to_do(made: Path) -> None:
    assert make_data(made) == set()


def test_touching_and_comments_rerun_nothing(made: Path) -> None:
    for path in (made / "results").rglob("*"):
        os.utime(path)
    edit(made, "scripts/verify.py", "READS = ", "# A comment.\nREADS = ")
    edit(made, "scripts/deepcoder/schemas/table.py", '"""Parquet files', '"""Other words: parquet files')
    assert make_data(made) == set()


def test_a_key_of_one_rule_reruns_that_rule_and_identical_output_spares_the_rest(made: Path) -> None:
    assert make_data(made, "judge__memory_limit_mb=600") >= {"verify"}
    reran = make_data(made, "judge__memory_limit_mb=500")
    assert "verify" in reran
    assert "curate" not in reran, "verify wrote the same verdicts, so nothing below it may run"


def test_a_key_of_curation_reruns_only_curation_and_its_products(made: Path) -> None:
    make_data(made)
    assert make_data(made, "curations__strict__validation_fraction=0.3") == CURATED
    assert make_data(made) == CURATED


def test_a_setting_of_how_jobs_run_reruns_nothing(made: Path) -> None:
    assert make_data(made, "judge__workers=1", dry=True) == set()


def test_editing_the_checkout_leaves_the_frozen_code_of_a_run_alone(made: Path) -> None:
    before = sorted(path.name for path in (made / "results/code").iterdir())
    edit(made, "scripts/deepcoder/schemas/problem.py", "[:16]", "[:16][:16]")
    assert make_data(made, dry=True), "an edited constant makes something stale"
    after = sorted(path.name for path in (made / "results/code").iterdir())
    assert set(before) < set(after)
    frozen = [(made / "results/code" / name / "scripts/deepcoder/schemas/problem.py").read_text() for name in before]
    assert all("[:16][:16]" not in text for text in frozen)


def test_a_deleted_payload_is_made_again_and_nothing_else(made: Path) -> None:
    make_data(made)
    (made / "results/smoke/data/problems/easy/problems.parquet").unlink()
    assert make_data(made) == {"normalise"}


def test_a_changed_payload_is_one_error_with_its_name_and_no_rerun(made: Path) -> None:
    make_data(made)
    path = made / "results/smoke/data/problems/easy/problems.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    done = run_snakemake(made, "--cores", "2", "data", "--config", *SMALL, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "problems.parquet: its bytes are not those that were recorded" in line
    path.write_bytes(whole)
    assert make_data(made) == set()


def test_results_copied_to_another_machine_count_as_done(made: Path, tmp_path: Path) -> None:
    make_data(made)
    shutil.copytree(made, tmp_path / "copy", copy_function=shutil.copyfile, symlinks=True)
    shutil.rmtree(tmp_path / "copy/.snakemake")
    assert make_data(tmp_path / "copy", dry=True) == set()
    edit(tmp_path / "copy", "scripts/verify.py", "READS = ", "SPARE = 1\nREADS = ")
    assert "verify" in make_data(tmp_path / "copy", dry=True), "also where Snakemake remembers nothing"
