"""The way of a number: drawn for each, with hashes that the files have, and the command that tells the rest."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from made_results import SUBJECTS, Results

from deepcoder.files import sha256_file
from deepcoder.provenance.cells import find_cell, read_cell
from deepcoder.report.csv_files import read_csv

SVG, XHTML = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xhtml}"
TRAINED = ["number", "score", "verdicts", "samples", "model", "stage 32k", "stage 16k", "base model", "training set"]


@pytest.fixture(scope="module")
def drawn(reported: Results) -> list[ET.Element]:
    page = ET.fromstring((reported.report / "index.html").read_text(encoding="utf-8"))
    return [item for item in page.iter(f"{XHTML}details") if item.get("class") == "trail"]


def names(picture: ET.Element) -> list[str | None]:
    return [next(stop.iter(f"{SVG}text")).text for stop in picture.iter(f"{SVG}g")]


def test_every_number_of_the_main_table_has_a_picture_and_the_headline_is_open(drawn: list[ET.Element]) -> None:
    assert len(drawn) == len(SUBJECTS)
    assert [picture.get("open") for picture in drawn] == ["open", None, None]
    assert names(drawn[0]) == [*TRAINED, "funnel", "raw data", "raw data"]
    assert names(drawn[1]) == ["number", "score", "verdicts", "samples", "model"]  # a base model
    assert "stage 32k" not in names(drawn[2])


def test_solid_stations_link_to_files_that_have_the_hash_and_dashed_ones_show_none(
    drawn: list[ET.Element], reported: Results
) -> None:
    solid = 0
    for stop in (stop for picture in drawn for stop in picture.iter(f"{SVG}g")):
        shown = [item.text for item in stop.iter(f"{SVG}text")][-1]
        if stop.get("class") == "apart":
            assert shown == "see its record"
            continue
        [link] = stop.iter(f"{SVG}a")
        [title] = stop.iter(f"{SVG}title")
        sha256 = sha256_file(reported.report / link.get("href", ""))
        assert shown == sha256[:12]
        assert sha256 in (title.text or "")
        solid += 1
    assert solid == 3 * 3 + (2 + 2) + (1 + 2)


def test_each_picture_gives_the_words_by_which_the_audit_finds_its_number(drawn: list[ET.Element]) -> None:
    for picture in drawn:
        [code] = picture.iter(f"{XHTML}code")
        _, script, table, option, words = shlex.split(code.text or "")
        assert (script, option) == ("scripts/audit.py", "--cell")
        assert find_cell(Path(table), words)["benchmark"] == "easy"


def test_the_page_repeats_byte_for_byte_and_holds_no_time_or_host(reported: Results) -> None:
    page = reported.report / "index.html"
    before = page.read_bytes()
    assert reported.render(page).returncode == 0
    assert page.read_bytes() == before
    assert not re.search(rb"\d\d:\d\d:\d\d", before)


def test_every_row_of_every_table_agrees_with_what_its_pointer_names(reported: Results) -> None:
    for table in reported.tables:
        rows = [row for row in read_csv(table) if row["pointer"]]
        assert rows, table
        for row in rows:
            judge = f",judge={row['judge']}" if "judge" in row else ""  # two curations lie in one artifact
            cell = read_cell(table, f"pointer={row['pointer']}{judge}")
            assert cell.faults == []
            # References are counted over the rows of the artifact: the audit makes that table again.
            assert cell.numbers or row["kind"] == "references", table


def test_a_step_of_a_curve_is_found_by_its_stage_and_number(reported: Results) -> None:
    cell = read_cell(reported.report / "curves.csv", "strict/32k,step=3")
    assert cell.row["total_step"] == "13"
    assert cell.target == reported.root / "strict/tiny/32k/metrics.parquet"
    assert float(cell.numbers["reward_mean"][0]) == pytest.approx(cell.numbers["reward_mean"][1], abs=1e-6)
