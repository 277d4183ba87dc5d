"""The drawing of the jobs behind the page: each rule once, in the order of the work, with what it needs."""

from pathlib import Path

import pytest

from deepcoder.files import write_json
from deepcoder.report.page_rules import GUTTER, ROW, TOP, rule_lines


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Records of a run of two stages, each of which starts from the exported model of the one before."""

    def job(door: str, output: str, *inputs: str, beside: str = "") -> None:
        outputs = [str(tmp_path / name) for name in (output, beside) if name]
        record = {"door": f"{door}.py", "inputs": [{"path": str(tmp_path / name)} for name in inputs]}
        for path in outputs:
            name = Path(path)
            write_json(name.with_name(f"{name.stem}.record.json"), record | {"outputs": [{"path": p} for p in outputs]})

    job("fetch", "raw.json", "written-by-hand.csv")
    job("curate", "set.json", "raw.json")
    job("warm_start", "base.json", "raw.json")
    job("train_stage", "16k.json", "set.json", "base.json")
    job("export_model", "16k-model.json", "16k.json", "base.json")
    job("train_stage", "32k.json", "set.json", "16k-model.json")
    job("export_model", "32k-model.json", "32k.json", "16k-model.json")
    job("score", "scores.json", "32k-model.json", beside="more.json")
    return tmp_path


def place(y: float) -> int:
    return round((y - TOP) / ROW)


def test_rules_stand_in_order_with_their_jobs_and_arcs_lead_from_what_they_need(results: Path) -> None:
    read = [results / name for name in ("scores.json", "more.json", "16k.json", "set.json", "written-by-hand.csv")]
    lines = rule_lines(read, "render")
    names = [line.rule for line in lines]
    assert names == ["fetch", "curate", "warm_start", "train_stage", "export_model", "score", "render"]
    assert [line.jobs for line in lines] == [1, 1, 1, 2, 2, 1, 1]
    assert lines == rule_lines(reversed(read), "render")
    arcs = {}
    for line in lines:
        for path, back in line.arcs:
            start = float(path.removeprefix(f"M{GUTTER:g} ").replace("V", "C").partition("C")[0])
            arcs[names[place(start)], line.rule] = back
            assert path.endswith(f"{line.y:g}")
    assert arcs == {
        ("fetch", "curate"): False,
        ("fetch", "warm_start"): False,
        ("curate", "train_stage"): False,
        ("warm_start", "train_stage"): False,
        ("train_stage", "export_model"): False,
        ("export_model", "train_stage"): True,
        ("export_model", "score"): False,
        ("score", "render"): False,
    }


def test_without_records_nothing_is_drawn_but_the_page_itself(tmp_path: Path) -> None:
    assert [(line.rule, line.arcs) for line in rule_lines([tmp_path / "made-elsewhere.json"], "render")] == [
        ("render", [])
    ]
