"""Published numbers: count, error and interval follow from the protocol, and what is not known is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import ROOT, door

from deepcoder.errors import UserError
from deepcoder.report.csv_files import read_csv
from deepcoder.report.published_audit import Assessment, assess, counts, error_text, listing, text

PUBLISHED = ROOT / "config" / "published"
MAIN, CONTEXTS = PUBLISHED / "main.csv", PUBLISHED / "contexts.csv"


def one(table: Path, words: str) -> Assessment:
    [found] = assess(table, words)
    return found


def test_the_headline_is_169_of_279_with_an_error_of_2_9_points() -> None:
    found = one(MAIN, "DeepCoder-14B-Preview,livecodebench")
    assert (found.nearest, found.possible, found.bound) == ((169, 279), True, False)
    assert found.standard_error == pytest.approx(2.9, abs=0.05)
    assert {other["value"]: other["inside"] for other in found.others} == {"57.9": True, "56.99": True, "59.8": True}
    lines = "\n".join(text([found]))
    for said in ("169/279 = 60.57, which rounds to 60.6", "±2.9", "together.ai/blog", "1 sample each", "65536 tokens"):
        assert said in lines


def test_a_figure_that_no_count_gives_is_said_to_be_measured_otherwise() -> None:
    found = one(CONTEXTS, "DeepCoder-14B-Preview,32k")
    assert (found.nearest, found.possible, found.samples_needed, found.bound) == ((162, 279), False, 2, True)
    assert "does not round to 57.9" in "\n".join(text([found]))
    assert [other["value"] for other in found.others] == ["57.9"]  # at the same context


def test_samples_that_are_not_stated_leave_an_upper_bound() -> None:
    found = one(MAIN, "DeepCoder-14B-Preview,aime2024")
    assert (found.possible, found.samples_needed, found.bound) == (None, 7, True)
    assert error_text(found).startswith("at most ±8.0")
    validated = one(CONTEXTS, "54")
    assert (validated.nearest, validated.possible, validated.bound) == ((301, 558), True, True)


def test_ratings_and_percentiles_have_no_error_that_follows_from_a_count() -> None:
    rating, percentile = assess(MAIN, "DeepSeek-R1-Distill-Qwen-14B,codeforces")
    for found in (rating, percentile):
        assert error_text(found) == "unknown; no interval was published"
        assert found.nearest is None
        assert found.protocol["samples_per_problem"] == "8"
    assert [(other["value"], other["inside"]) for other in rating.others] == [("1481", None)]
    assert percentile.others == []


def test_each_humaneval_plus_figure_is_a_count_of_163_and_of_164_one_is() -> None:
    """The inference that protocol.csv states."""
    rows = [row["value"] for row in read_csv(MAIN) if row["benchmark"] == "humanevalplus"]
    assert [bool(counts(value, 163)) for value in rows] == [True] * 8
    assert [value for value in rows if counts(value, 164)] == ["89"]


def test_every_published_score_has_a_protocol_and_other_labs_models_are_marked() -> None:
    found = assess(PUBLISHED)
    assert len(found) == len(read_csv(MAIN)) + len(read_csv(CONTEXTS))
    assert all(item.protocol for item in found)
    own = {item.row["model"] for item in found if not item.assumed}
    assert own == {"DeepCoder-14B-Preview", "DeepCoder-1.5B-Preview", "after 16K training, as validated in training"}
    assert len(list(listing(found))) == len(found) + 2


@given(st.integers(1, 600), st.data(), st.integers(0, 2))
def test_a_count_is_among_those_that_its_rounded_share_allows(samples: int, data: st.DataObject, digits: int) -> None:
    correct = data.draw(st.integers(0, samples))
    assert correct in counts(f"{100 * correct / samples:.{digits}f}", samples)


def test_the_command_prints_text_and_json() -> None:
    run = door("audit.py", MAIN, "--cell", "DeepCoder-14B-Preview,livecodebench", "--json")
    assert run.returncode == 0, run.stderr
    [value] = json.loads(run.stdout)
    assert value["nearest"] == [169, 279]
    run = door("audit.py", PUBLISHED)
    assert run.returncode == 0, run.stderr
    assert "169/279; 57.9, 56.99, 59.8" in run.stdout


def test_bad_words_and_tables_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row has the cells 'nobody'"):
        assess(MAIN, "nobody")
    with pytest.raises(UserError, match="holds no scores"):
        assess(PUBLISHED / "training.csv")
    folder = tmp_path / "published"
    shutil.copytree(PUBLISHED, folder)
    content = (folder / "main.csv").read_text()
    (folder / "main.csv").write_text(content.replace("60.6", "sixty"))
    with pytest.raises(UserError, match="sixty"):
        assess(folder / "main.csv")
