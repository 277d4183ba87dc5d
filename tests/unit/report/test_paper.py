"""The paper: every number from an artifact with its address, nothing made up, the same bytes each time."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import PUBLISHED, TEMPLATE, Results, paper_results

from deepcoder.config import compose_config
from deepcoder.config.load import subset
from deepcoder.errors import UserError
from deepcoder.files import sha256_file, write_text
from deepcoder.report.address import parse_short, short_address
from deepcoder.report.csv_files import NOT_RUN, read_csv
from deepcoder.report.paper.addresses import resolve
from deepcoder.report.paper.build import build
from deepcoder.report.paper.pdf import compile_paper
from deepcoder.report.paper.values import Library, Table, Text, Values
from deepcoder.report.paper.writers import IN_LATEX, latex, markdown

PROSE = next(path for path in TEMPLATE if path.name == "paper.typ")
CALL = re.compile(r'(value|bare|tabled|pictured|further|listed)\("([^"]+)"')
KEYS = (
    "scale", "seed", "models.tiny", "recipes.strict", "stages", "rollout.samples_per_prompt", "trainer.learning_rate",
    "evaluation.sampling", "evaluation.contexts", "evaluation.confidence",
)  # fmt: skip
DIGIT = re.compile(r"\d")


def empty_library() -> Library:
    """A run of which nothing is there but its configuration."""
    return Library(config=subset(compose_config(), KEYS, identity=True))


@pytest.fixture(scope="module")
def smoke(reported: Results) -> dict[str, Any]:
    """Values of the paper of a small run; the paper lies in report/ beside its tables."""
    done = reported.typeset(reported.report)
    assert done.returncode == 0, done.stderr
    return json.loads((reported.report / "paper.json").read_text())


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, dict[str, Any]]:
    """A run of the paper's scale, and the values of its paper."""
    results = paper_results(tmp_path_factory.mktemp("paper") / "results" / "paper")
    model = "r1-distill-qwen-14b"
    steps = (
        results.summarise,
        results.account,
        results.compare,
        lambda: results.plot(*results.figures),
        lambda: results.typeset(results.report, model=model),
    )
    for step in steps:
        done = step()
        assert done.returncode == 0, done.stderr
    return results, json.loads((results.report / "paper.json").read_text())


def tables_of(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if isinstance(value, dict) and "rows" in value}


def addresses_of(values: dict[str, Any]) -> set[str]:
    """Every address that is printed anywhere."""
    found = {value["address"] for value in values.values() if isinstance(value, dict)}
    found |= {cell["address"] for table in tables_of(values).values() for row in table["rows"] for cell in row}
    return found - {""}


def prose() -> str:
    return re.sub(r"(?m)^//.*$", "", PROSE.read_text(encoding="utf-8"))


def test_no_digit_is_typed_in_the_prose() -> None:
    assert DIGIT.findall(CALL.sub("", prose())) == []


def test_no_number_is_written_as_a_word_in_the_prose() -> None:
    words = "two three four five six seven eight nine ten twelve twice half dozen hundred thousand million"
    assert set(re.findall(r"[a-z]+", prose().lower())) & set(words.split()) == set()


def test_the_layout_has_digits_in_sizes_and_colours_alone() -> None:
    layout = re.sub(r"(?m)//.*$", "", next(path for path in TEMPLATE if path != PROSE).read_text(encoding="utf-8"))
    for allowed in (
        r'"#[0-9a-f]{6}"',
        r"[\d.]+(?:pt|em|cm|fr|%)",
        r'"a4"',
        r'(?:numbering: )"1"',
    ):
        layout = re.sub(allowed, "", layout, flags=re.IGNORECASE)
    layout = re.sub(r"< 20\b", "", layout)
    assert DIGIT.findall(layout) == []


def test_the_template_uses_every_value_and_no_other() -> None:
    used = {key for _, key in CALL.findall(PROSE.read_text(encoding="utf-8"))}
    assert used == set(build(empty_library(), "tiny", "strict"))


def test_a_key_that_no_value_has_is_one_error(tmp_path: Path) -> None:
    write_text(tmp_path / "paper.typ", '#import "layout.typ": *\n#value("made.up")\n')
    with pytest.raises(UserError, match=r"made\.up"):
        compile_paper(
            [tmp_path / "paper.typ", *(p for p in TEMPLATE if p != PROSE)], build(empty_library(), "tiny", "strict")
        )


def test_a_number_without_its_own_address_stands_before_one_of_the_same_artifact(smoke: dict[str, Any]) -> None:
    calls = [(kind, key) for kind, key in CALL.findall(prose()) if kind in ("value", "bare")]
    for place, (kind, key) in enumerate(calls):
        if kind == "bare" and smoke[key]["address"]:
            following = next(other for name, other in calls[place:] if name == "value")
            assert smoke[following]["address"] == smoke[key]["address"], key


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_every_number_has_an_address(scale: str, smoke: dict[str, Any], paper: tuple[Results, dict[str, Any]]) -> None:
    values = smoke if scale == "smoke" else paper[1]
    names = {"headline.subject", "headline.benchmark", "published.model", "published.benchmark"}
    texts = {key: value for key, value in values.items() if isinstance(value, dict) and "published" in value}
    assert len(texts) > 20
    for key, value in texts.items():
        assert value["address"] or key in names or not DIGIT.search(value["text"]), key
    for key, table in tables_of(values).items():
        assert table["address"] or not table["rows"], key


@pytest.mark.parametrize("scale", ["smoke", "paper"])
def test_every_address_leads_to_an_input_with_that_hash(
    scale: str, reported: Results, smoke: dict[str, Any], paper: tuple[Results, dict[str, Any]]
) -> None:
    results, values = (reported, smoke) if scale == "smoke" else paper
    document = results.report / "paper.pdf"
    found = addresses_of(values)
    assert len(found) > 25
    for address in found:
        (item,) = resolve(document, address)
        assert item.printed, address
        assert item.key or sha256_file(item.path or Path()) == item.sha256


def test_an_address_of_nothing_is_one_error_that_lists_what_there_is(reported: Results, smoke: dict[str, Any]) -> None:
    right = smoke["headline.score"]["address"]
    with pytest.raises(UserError, match=re.escape(right)):
        resolve(reported.report / "paper.pdf", right[:-6] + "000000")
    with pytest.raises(UserError, match="prints nothing of strict/64k"):
        resolve(reported.report / "paper.pdf", "strict/64k · a1b2c3")
    with pytest.raises(UserError, match="no address"):
        resolve(reported.report / "paper.pdf", "94.5")


def test_what_did_not_run_says_so(smoke: dict[str, Any]) -> None:
    rows = {row[0]["text"]: row for row in smoke["table.main"]["rows"] if row[0]["text"]}
    for title in ("LiveCodeBench v5", "Codeforces", "HumanEval+", "AIME 2024"):
        assert rows[title][2] == {"text": NOT_RUN, "address": "", "published": False, "note": ""}
    assert smoke["table.recipes"]["rows"] == []


def test_of_an_empty_run_nothing_is_said_but_its_configuration(tmp_path: Path) -> None:
    values = build(empty_library(), "tiny", "strict")
    missing = [key for key, value in values.items() if isinstance(value, Text) and value.text == NOT_RUN]
    assert {"headline.score", "headline.base", "data.kept", "training.reward_last", "published.score"} <= set(missing)
    configured = {"table.recipe", "table.stages"}
    for key, value in values.items():
        if isinstance(value, Table) and key not in configured:
            assert list(value.rows) == [], key
            assert NOT_RUN in markdown(value)
            assert NOT_RUN in latex(value)
    assert compile_paper(TEMPLATE, values).startswith(b"%PDF")


def test_published_numbers_are_marked_and_no_other(paper: tuple[Results, dict[str, Any]]) -> None:
    results, values = paper
    cells = [cell for table in tables_of(values).values() for row in table["rows"] for cell in row]
    whole = {table["address"] for table in tables_of(values).values()}
    for cell in cells:
        if cell["published"] and cell["text"]:
            assert cell["address"].startswith("published/") or not cell["address"]
        else:
            assert not cell["address"].startswith("published/"), cell
    assert any(address.startswith("published/main") for address in whole)
    text = (results.report / "tables/main.md").read_text()
    assert "published by others, not measured here" in text


def test_at_the_papers_scale_published_scores_stand_beside_ours_with_a_verdict(
    paper: tuple[Results, dict[str, Any]],
) -> None:
    results, values = paper
    ours = [row for row in read_csv(results.tables[0]) if row["published"]]
    assert {row["published_inside_interval"] for row in ours} == {"yes", "no"}
    printed = [
        (row[1]["text"], row[5]["text"], row[6]["text"]) for row in values["table.main"]["rows"] if row[6]["text"]
    ]
    expected = [
        (row["subject"], f"{100 * float(row['published']):.1f} [blog]", row["published_inside_interval"])
        for row in ours
    ]
    assert sorted(printed) == sorted(expected)
    kept = [row for row in values["table.funnel"]["rows"] if row[0]["text"] == "published, kept"]
    assert [row[-1]["text"] for row in kept] == ["24,287 [dataset]"]


def test_each_cited_source_is_listed(paper: tuple[Results, dict[str, Any]]) -> None:
    _, values = paper
    listed = [row[0]["text"] for row in values["table.sources"]["rows"]]
    assert {"[blog]", "[figure_deepcoder]", "[figure_pipeline]", "[training_readme]", "[dataset]"} == set(listed)


def test_any_further_table_is_printed_as_it_is(reported: Results, tmp_path: Path, smoke: dict[str, Any]) -> None:
    text = "model,difference,p_value,pointer\nstrict/32k,0.0581234,0.01,\nstrict/16k,-3,,\n"
    write_text(tmp_path / "report/spare.csv", text)
    done = reported.typeset(tmp_path, tmp_path / "report/spare.csv")
    assert done.returncode == 0, done.stderr
    (table,) = json.loads((tmp_path / "paper.json").read_text())["tables.further"]
    assert [[cell["text"] for cell in row] for row in table["rows"]] == [
        ["strict/32k", "0.05812", "0.01"],
        ["strict/16k", "-3", ""],
    ]
    assert table["address"] == short_address("report/spare", sha256_file(tmp_path / "report/spare.csv"))


def test_the_same_inputs_in_any_order_give_the_same_bytes(
    reported: Results, smoke: dict[str, Any], tmp_path: Path
) -> None:
    assert reported.typeset(tmp_path, backwards=True).returncode == 0
    names = ["paper.pdf", "paper.json", *(f"tables/{path.name}" for path in (reported.report / "tables").iterdir())]
    names = [name for name in names if not name.endswith(".record.json")]
    assert len(names) == 26
    for name in names:
        assert (tmp_path / name).read_bytes() == (reported.report / name).read_bytes(), name
    assert b"CreationDate" not in (tmp_path / "paper.pdf").read_bytes()


def test_figures_are_drawn_as_vectors(reported: Results, smoke: dict[str, Any]) -> None:
    assert b"/Subtype/Image" not in (reported.report / "paper.pdf").read_bytes().replace(b" ", b"")


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12).map(
    lambda text: " ".join(text.split())
)


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=4))
def test_markdown_cells_hold_any_text(rows: list[list[str]]) -> None:
    table = Table("t", ["a", "b"], [[Text(cell) for cell in row] for row in rows], "report/x · a1b2c3")
    lines = [line for line in markdown(table).splitlines() if line.startswith("| ")][2:]
    cells = [line[2:-2].split(" | ") for line in lines]
    read = [[re.sub(r"\\(.)", r"\1", cell) for cell in row] for row in cells]
    assert read == rows


@given(TEXTS)
def test_latex_shows_any_text(text: str) -> None:
    written = latex(Table("t", ["a"], [[Text(text)]]))
    (line,) = written.splitlines()[7:8]
    cell = line.removesuffix(r" \\").replace("-{}", "-")
    for letter, code in sorted(IN_LATEX.items(), key=lambda item: -len(item[1])):
        cell = cell.replace(code, f"\0{ord(letter)}\0")
    assert not set("\\{}$&#%_~^") & set(cell)
    assert re.sub("\0(\\d+)\0", lambda found: chr(int(found[1])), cell) == text


@given(st.from_regex(r"[a-z]+/[a-z0-9_.-]+", fullmatch=True), st.from_regex(r"[0-9a-f]{64}", fullmatch=True))
def test_an_address_is_read_as_it_is_printed(label: str, sha256: str) -> None:
    assert parse_short(short_address(label, sha256)) == (label, sha256[:6])
    assert parse_short(f"{label}@{sha256}") == (label, sha256)


def test_settings_of_how_jobs_run_are_in_no_address() -> None:
    values: Values = build(empty_library(), "tiny", "strict")
    other = compose_config({"stages": {"16k": {"save_every": 7}}})
    again = build(dataclasses.replace(empty_library(), config=subset(other, KEYS, identity=True)), "tiny", "strict")
    assert values == again
    assert len(PUBLISHED) > 5
