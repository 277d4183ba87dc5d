"""The page: well-formed, self-contained, every number linked, nothing made up."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from made_results import Results, door

from deepcoder.report.csv_files import NOT_RUN
from deepcoder.report.page_samples import printable
from deepcoder.report.render import inline_figures

XHTML = "{http://www.w3.org/1999/xhtml}"


@pytest.fixture(scope="module")
def page(reported: Results) -> ET.Element:
    text = (reported.report / "index.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    return ET.fromstring(text)


def text_of(element: ET.Element) -> str:
    return "".join(element.itertext())


def test_every_number_in_a_table_of_ours_links_to_its_evidence(page: ET.Element) -> None:
    identifiers = {element.get("id") for element in page.iter(f"{XHTML}details")}
    numbers = [cell for cell in page.iter(f"{XHTML}td") if re.search(r"\d", text_of(cell))]
    assert len(numbers) > 30
    for cell in numbers:
        links = [link.get("href", "") for link in cell.iter(f"{XHTML}a")]
        assert links, text_of(cell)
        assert links[0][1:] in identifiers, links


def test_evidence_links_to_files_that_exist_with_the_hash_they_have(page: ET.Element, reported: Results) -> None:
    found = 0
    for details in page.iter(f"{XHTML}details"):
        if not re.fullmatch(r"e\d+", details.get("id", "")):
            continue
        targets = [link.get("href", "") for link in details.iter(f"{XHTML}a")]
        links = [reported.report / target for target in targets if not target.startswith("#")]
        assert all(link.exists() for link in links), links
        [code] = details.iter(f"{XHTML}code")
        assert code.text == hashlib.sha256(links[0].read_bytes()).hexdigest()
        found += 1
    assert found == len(reported.scores) + len(reported.stages) + 3 + len(("comparisons", "grader", "systems", "cost"))


def test_two_training_sets_stand_side_by_side_with_the_rule_that_parts_them(page: ET.Element) -> None:
    [section] = [element for element in page.iter(f"{XHTML}section") if element.get("id") == "curations"]
    lines = [[text_of(cell) for cell in row] for row in section.iter(f"{XHTML}tr")]
    assert lines == [
        ["problems", "codeio", "easy", "all"],
        ["kept by both", "1", "5", "6"],
        ["kept by strict only", "1", "0", "1"],
        ["as_released: verified", "1", "0", "1"],
        ["kept by as_released only", "0", "21 of them in a benchmark", "21 of them in a benchmark"],
        ["strict: contamination", "0", "11 of them in a benchmark", "11 of them in a benchmark"],
        ["strict: flaky", "0", "1", "1"],
        ["kept by neither", "0", "1", "1"],
    ]


def test_published_counts_of_the_data_are_shown_apart_with_their_source(page: ET.Element) -> None:
    [section] = [element for element in page.iter(f"{XHTML}section") if element.get("id") == "funnel"]
    lines = [[text_of(cell) for cell in row] for row in section.iter(f"{XHTML}tr")]
    assert ["primeintellect parse", "144,169", "35,735"] in [line[:3] for line in lines]
    assert ["all", "unpublished", "24,287"] in [line[:3] for line in lines]
    assert ["AReaL", "24,287", "7,600"] in [line[:3] for line in lines]


def test_the_page_leads_to_the_problems_and_to_the_data_card(page: ET.Element, reported: Results) -> None:
    links = [link.get("href", "") for link in page.iter(f"{XHTML}a")]
    for target in ("problems.html", "../data/strict/dataset/README.md"):
        assert target in links
        assert (reported.report / target).exists()


def test_scores_link_to_their_records(page: ET.Element) -> None:
    links = [link.get("href", "") for link in page.iter(f"{XHTML}a")]
    assert sum(link.endswith("scores.record.json") for link in links) == 9


def test_identifiers_are_unique_and_inner_links_lead_somewhere(page: ET.Element) -> None:
    identifiers = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(identifiers) == len(set(identifiers))
    for element in page.iter():
        for name, value in element.attrib.items():
            if name.endswith("href") and value.startswith("#"):
                assert value[1:] in identifiers, value


def test_nothing_is_fetched_from_elsewhere(reported: Results) -> None:
    text = (reported.report / "index.html").read_text(encoding="utf-8")
    for attribute in re.findall(r'(?:src|href|xlink:href)="([^"]*)"', text):
        assert not attribute.startswith(("http:", "https:", "//")), attribute
    assert "@import" not in text
    assert 'name="viewport"' in text


def test_what_did_not_run_is_said_and_has_no_number(page: ET.Element) -> None:
    text = text_of(page)
    assert f"LiveCodeBench v5, Codeforces, HumanEval+, AIME 2024: {NOT_RUN}" in text
    assert "The recipes were not compared in this run" in text


def test_the_smoke_scale_claims_nothing_about_the_paper(page: ET.Element) -> None:
    text = text_of(page)
    assert "Nothing here is comparable with a published number" in text
    assert "inside our interval" not in text


def test_responses_are_shown_and_cannot_inject_markup(page: ET.Element) -> None:
    blocks = [text_of(block) for block in page.iter(f"{XHTML}pre")]
    assert any('<script>alert("1")</script> \ufffd & </pre>' in block for block in blocks)
    assert len(list(page.iter(f"{XHTML}script"))) == 1


def test_a_stage_without_scores_is_shown_as_not_run(tmp_path: Path) -> None:
    results = Results(tmp_path)
    scores = [path for path in results.scores if "32k/eval" not in str(path)]
    assert results.summarise(scores).returncode == 0
    results.figures = []
    run = results.render(results.report / "index.html", scores)
    assert run.returncode == 0, run.stderr
    page = ET.fromstring((results.report / "index.html").read_text(encoding="utf-8"))
    [row] = [
        row for row in page.iter(f"{XHTML}tr") if text_of(row).startswith("strict/32k") and "not run" in text_of(row)
    ][:1]
    assert not list(row.iter(f"{XHTML}a"))
    assert text_of(page).count(NOT_RUN) > 5  # the missing figures too


def test_the_terminal_table_holds_the_same_numbers(reported: Results) -> None:
    run = door("show.py", reported.tables[0])
    assert run.returncode == 0, run.stderr
    assert "75.0" in run.stdout
    assert "strict/32k" in run.stdout
    assert "LiveCodeBench v5" in run.stdout
    run = door("show.py", reported.report / "none.csv")
    assert run.returncode == 1
    assert run.stderr.startswith("error: ")


def test_figures_repeat_byte_for_byte_and_carry_no_date(reported: Results, tmp_path: Path) -> None:
    again = [tmp_path / name for name in ("reward.svg", "contexts.svg", "reward.png")]
    assert reported.plot(*again).returncode == 0
    for path in again[:2]:
        assert path.read_bytes() == (reported.report / "figures" / path.name).read_bytes()
        assert "<dc:date>" not in path.read_text()
    first = again[2].read_bytes()
    assert reported.plot(again[2]).returncode == 0
    assert again[2].read_bytes() == first


def test_an_unknown_figure_is_one_clear_error(reported: Results, tmp_path: Path) -> None:
    run = reported.plot(tmp_path / "pie.svg")
    assert run.returncode == 1
    assert "figures are reward" in run.stderr


def test_figures_on_one_page_have_identifiers_of_their_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.svg").write_text(
            '<?xml?><svg><g id="x"/><use xlink:href="#x"/><g clip-path="url(#x)"/></svg>'
        )
    found = inline_figures([tmp_path / "a.svg", tmp_path / "b.svg"])
    assert found["a"] == '<svg><g id="a-x"/><use xlink:href="#a-x"/><g clip-path="url(#a-x)"/></svg>'
    assert 'id="b-x"' in found["b"]


@pytest.mark.parametrize("text", ["\x00\x0b\ud800", "ok\t\n\U0001f600"])
def test_any_text_of_a_model_fits_into_the_page(text: str) -> None:
    shown = printable(text)
    ET.fromstring(f"<a>{shown}</a>")
    assert len(shown) == len(text)
