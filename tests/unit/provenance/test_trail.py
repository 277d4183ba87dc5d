"""The trail of a number: every station is there with its hash and record, and a fault is named where it is."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepcoder.errors import UserError
from deepcoder.files import read_json, sha256_file, write_json, write_text
from deepcoder.manifest import write_manifest
from deepcoder.provenance.cells import find_cell, read_cell
from deepcoder.provenance.identity import Identity
from deepcoder.provenance.record import Recorder, record_path
from deepcoder.provenance.staleness import accept
from deepcoder.provenance.trail import Trail, follow
from deepcoder.provenance.trail_text import text, to_json

ROOT = Path(__file__).resolve().parents[3]
OUT = Path("results/smoke")
EVAL = OUT / "strict/tiny/32k/eval/easy"
SHARDS = EVAL.parent / "shards"
TABLE, FUNNEL = OUT / "report/benchmarks.csv", OUT / "report/funnel.csv"
STATIONS = [
    "value", "score file", "verdicts", "samples", "shard", "shard", "benchmark", "model", "training state",
    "training config", "model", "training state", "training config", "model", "training set", "funnel", "raw data",
    "code and environment",
]  # fmt: skip


def made(output: Path, door: str, inputs: dict[str, Any], write: Callable[[], object]) -> Path:
    """An artifact with the record that `door` would write, `inputs` being its arguments."""
    paths = [path for value in inputs.values() for path in (value if isinstance(value, list) else [value])]
    recorder = Recorder(ROOT / "scripts" / door, args=inputs, inputs=paths, outputs=[output])
    recorder.start({"seed": 0, "door": door}, Identity({"seed": 0}, {door: "d"}, "lock"))
    write()
    recorder.finish()
    return output


def manifest(output: Path, door: str, payload: dict[str, str], **inputs: Any) -> Path:
    def write() -> None:
        files = [output.parent / name for name in payload]
        for file, content in zip(files, payload.values(), strict=True):
            write_text(file, content)
        write_manifest(output, "made", files, {"rows": len(payload)})

    return made(output, door, inputs, write)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every station of a score after two stages, and the two tables that point at score and funnel."""
    monkeypatch.chdir(tmp_path)
    raw = manifest(OUT / "data/raw/easy/v1/manifest.json", "fetch.py", {"rows.jsonl": "raw"})
    problems = manifest(OUT / "data/problems/easy/manifest.json", "normalise.py", {"problems": "p"}, raw=raw)
    checked = manifest(OUT / "data/strict/verified/manifest.json", "verify.py", {"verdicts": "v"}, problems=problems)
    rules = "source,rule,rows_in,removed,rows_out\nall,parse,9,1,8\nall,verified,8,2,6\n"
    curated = manifest(
        OUT / "data/strict/manifest.json", "curate.py", {"train": "t", "funnel.csv": rules},
        problems=[problems], verified=[checked],
    )  # fmt: skip
    weights = manifest(OUT / "models/base/tiny/manifest.json", "warm_start.py", {"weights": "0"}, problems=problems)
    for stage in ("16k", "32k"):
        folder = OUT / "strict/tiny" / stage
        inputs = {"problems": curated, "start": weights}
        state = manifest(folder / "manifest.json", "train_stage.py", {"state": stage}, **inputs)
        weights = manifest(folder / "model/manifest.json", "export_model.py", {"w": stage}, state=state, start=weights)
    asked = manifest(OUT / "data/benchmarks/easy/manifest.json", "prepare_benchmark.py", {"b": "b"}, problems=problems)
    shards = [
        manifest(SHARDS / n / "manifest.json", "sample.py", {"easy": n}, checkpoint=weights, problems=[asked])
        for n in ("0", "1")
    ]
    inputs = {"shards": shards, "problems": [asked]}
    samples = manifest(EVAL / "samples.json", "gather_samples.py", {"samples": "s"}, **inputs)
    verdicts = manifest(EVAL / "64k/verdicts.json", "grade.py", {"verdicts": "v"}, samples=samples, problems=asked)
    score = {"value": 0.9379845, "standard_error": 0.02, "interval": [0.9, 0.96]}
    score |= {"identity": {"verdicts_sha256": sha256_file(EVAL / "64k/verdicts")}}  # type: ignore[dict-item]
    path = EVAL / "64k/scores.json"
    made(path, "score.py", {"verdicts": verdicts, "problems": asked}, lambda: write_json(path, score))
    row = "strict/32k,easy,64k,0.937984,0.02,0.9,0.96,run,../strict/tiny/32k/eval/easy/64k/scores.json#/value\n"
    row += "strict/32k,aime,64k,,,,,not run at this scale,\n"
    head = "subject,benchmark,context,value,standard_error,interval_low,interval_high,status,pointer\n"
    made(TABLE, "summarise.py", {"scores": [path]}, lambda: write_text(TABLE, head + row))
    rule = "source,rule,rows_in,removed,rows_out,pointer\nall,verified,8,2,6,../data/strict/funnel.csv#/1\n"
    made(FUNNEL, "summarise.py", {"curation": curated}, lambda: write_text(FUNNEL, rule))
    return OUT


def trail() -> Trail:
    return follow(read_cell(TABLE, "strict/32k,easy"))


def test_the_stations_lead_from_the_number_to_the_raw_data(results: Path) -> None:
    found = trail()
    assert [station.name for station in found.stations] == STATIONS
    assert found.faults == []
    assert list(found.others) == [
        f"{OUT}/data/problems/easy/manifest.json",
        f"{OUT}/data/strict/verified/manifest.json",
    ]
    for station in found.stations[:-1]:
        assert Path(station.record).exists(), station.name
        if station.name != "training config":
            assert station.sha256 == sha256_file(Path(station.path)), station.name
    assert found.stations[15].facts == {"in": "9", "removed by": "parse 1, verified 2", "kept": "6"}
    assert found.stations[16].payload == {"rows.jsonl": sha256_file(OUT / "data/raw/easy/v1/rows.jsonl")}


def test_the_text_fits_a_terminal_and_names_every_station(results: Path) -> None:
    lines = list(text(trail()))
    assert lines[0] == "strict/32k, easy, 64k"
    assert lines[-2:] == ["and 2 more artifacts behind these: all as recorded (--all lists them)", "0 differences"]
    assert max(map(len, lines)) <= 100
    assert all(any(name in line for line in lines) for name in STATIONS)
    assert sum("verified/manifest.json" in line for line in text(trail(), whole=True)) == 1


def test_a_row_of_the_funnel_leads_to_the_curation_and_the_raw_data(results: Path) -> None:
    found = follow(read_cell(FUNNEL, "all/verified"))
    assert [station.name for station in found.stations] == [
        "value", "training set", "funnel", "raw data", "code and environment",
    ]  # fmt: skip
    assert found.faults == []


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))


def record_again(path: Path) -> None:
    """Let a record say what its output is now, as a forger would."""
    record = json.loads(record_path(path).read_text())
    record["outputs"][0]["sha256"] = sha256_file(path)
    record_path(path).write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("tamper", "station", "said"),
    [
        (lambda: edit(TABLE, "0.937984", "0.947984"), "value", "value is 0.947984 in the table"),
        (lambda: edit(TABLE, "0.02", "0.01"), "value", "standard_error is 0.01 in the table"),
        (lambda: edit(TABLE, "not run", "nor run"), "value", "bytes differ from its record"),
        (lambda: edit(EVAL / "64k/scores.json", "0.9379845", "0.9379846"), "score file", "bytes differ"),
        (lambda: edit(EVAL / "64k/verdicts", "v", "x"), "verdicts", "payload verdicts differs"),
        (lambda: (EVAL / "samples").unlink(), "samples", "payload samples is missing"),
        (lambda: edit(SHARDS / "1/easy", "1", "2"), "shard", "payload easy differs"),
        (lambda: edit(OUT / "strict/tiny/16k/model/w", "16k", "x"), "model", "payload w differs"),
        (lambda: edit(OUT / "strict/tiny/16k/state", "16k", "x"), "training state", "payload state differs"),
        (lambda: edit(record_path(OUT / "strict/tiny/32k/manifest.json"), '"seed": 0\n  },', '"seed": 1\n  },'),
         "training config", "the config digest in its record"),
        (lambda: edit(OUT / "data/strict/funnel.csv", "9,1,8", "9,0,9"), "funnel", "payload funnel.csv differs"),
        (lambda: edit(OUT / "data/raw/easy/v1/rows.jsonl", "raw", "row"), "raw data", "payload rows.jsonl differs"),
        (lambda: record_path(EVAL / "samples.json").unlink(), "samples", "no record beside it"),
        (lambda: (EVAL / "64k/verdicts.json").unlink(), "verdicts", "missing"),
    ],
)  # fmt: skip
def test_a_fault_is_named_at_its_station(results: Path, tamper: Callable[[], object], station: str, said: str) -> None:
    tamper()
    found = trail()
    assert any(item.name == station and any(said in fault for fault in item.faults) for item in found.stations)
    assert any(said in fault for fault in found.faults)
    assert any(line.startswith("   DIFFERS ") and said in line for line in text(found))
    assert not to_json(found)["ok"]


def test_a_number_edited_together_with_the_tables_record_is_named_by_the_score_file(results: Path) -> None:
    edit(TABLE, "0.937984", "0.947984")
    record_again(TABLE)
    assert trail().faults == [f"{TABLE}: value is 0.947984 in the table, {EVAL}/64k/scores.json#/value has 0.9379845"]


def test_verdicts_swapped_with_all_records_are_named_by_the_hash_in_the_score(results: Path) -> None:
    verdicts = EVAL / "64k/verdicts.json"
    write_text(EVAL / "64k/verdicts", "w")
    write_manifest(verdicts, "made", [EVAL / "64k/verdicts"], {"rows": 1})
    record_again(verdicts)
    assert any(fault.startswith(f"{EVAL}/64k/scores.json: names other verdicts") for fault in trail().faults)


def test_what_lies_between_two_stations_is_counted_and_its_faults_are_named(results: Path) -> None:
    edit(OUT / "data/strict/verified/verdicts", "v", "x")
    lines = list(text(trail()))
    assert "and 2 more artifacts behind these: 1 not as recorded (--all lists them)" in lines
    assert f"   DIFFERS {OUT}/data/strict/verified/manifest.json: payload verdicts differs from the manifest" in lines


def audit(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts/audit.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_result_that_was_accepted_under_other_code_is_no_fault(results: Path) -> None:
    state = OUT / "strict/tiny/32k/manifest.json"
    record = read_json(record_path(state))
    inputs = [Path(item["path"]) for item in record["inputs"]]
    accept([state], inputs, Identity({"seed": 0}, {"train_stage.py": "other"}, "lock"), "a comment", "2026-01-01")
    assert follow(read_cell(TABLE, "strict/32k,easy")).faults == []


def test_json_stands_alone_on_stdout_and_the_exit_code_tells_of_faults(results: Path) -> None:
    run = audit(str(FUNNEL.resolve()), "--cell", "verified", "--json")  # paths of any form, records relative
    value = json.loads(run.stdout)
    assert (run.returncode, run.stderr, value["ok"], value["faults"]) == (0, "", True, [])
    assert [station["name"] for station in value["stations"]][-2] == "raw data"
    assert value["numbers"]["rows_out"] == {"table": "6", "file": "6"}
    edit(OUT / "data/raw/easy/v1/rows.jsonl", "raw", "row")
    run = audit(str(FUNNEL), "--cell", "verified", "--json", "--all")
    value = json.loads(run.stdout)
    assert (run.returncode, value["ok"]) == (1, False)
    assert value["faults"] == [f"{OUT}/data/raw/easy/v1/manifest.json: payload rows.jsonl differs from the manifest"]
    assert value["tree"]["path"] == f"{OUT}/data/strict/manifest.json"


def test_a_score_that_its_verdicts_do_not_give_is_named(results: Path) -> None:
    run = audit(str(TABLE), "--cell", "strict/32k,easy")
    assert run.returncode == 1
    assert f"DIFFERS {EVAL}/64k/scores.json: cannot be made again" in run.stderr  # these verdicts are no verdicts


@pytest.mark.parametrize(
    ("table", "words", "said"),
    [
        (TABLE, "strict/32k", "2 rows match"),
        (TABLE, "strict/64k", "0 rows match"),
        (TABLE, "", "0 rows match"),
        (TABLE, "aime", "not run at this scale"),
        (OUT / "strict/tiny/32k/manifest.json", "easy", "another number of cells|0 rows match"),
        (OUT / "strict", "easy", "not a table"),
    ],
)
def test_a_cell_that_cannot_be_followed_is_one_clear_error(results: Path, table: Path, words: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_cell(table, words)


def test_a_pointer_to_nothing_is_an_error_and_to_a_missing_file_a_fault(results: Path) -> None:
    edit(TABLE, "#/value", "#/values/0")
    with pytest.raises(UserError, match="holds nothing at /values/0"):
        read_cell(TABLE, "easy")
    edit(TABLE, "64k/scores.json#/values/0", "63k/scores.json#/value")
    assert any("which is missing" in fault for fault in trail().faults)


def test_a_damaged_record_is_one_clear_error(results: Path) -> None:
    record_path(EVAL / "samples.json").write_text('{"door": "sample.py"}')
    with pytest.raises(UserError, match="is damaged"):
        trail()


def test_a_column_of_the_recipes_is_a_cell_of_its_own(tmp_path: Path) -> None:
    table = tmp_path / "recipes.csv"
    write_json(tmp_path / "scores.json", {"value": 0.5, "standard_error": 0.1, "interval": [0, 1]})
    table.write_text(
        "kind,name,strict,as_released\nswitch,loss,grpo,dapo\nscore,32k/easy/64k,0.5,0.6\n"
        "standard_error,32k/easy/64k,0.1,0.1\npointer,32k/easy/64k,scores.json#/value,scores.json#/value\n"
    )
    assert read_cell(table, "strict,32k/easy/64k").faults == []
    assert "value is 0.6 in the table" in read_cell(table, "as_released,32k/easy/64k").faults[0]
    with pytest.raises(UserError, match="a switch"):
        read_cell(table, "strict,loss")


def test_a_cell_is_found_by_words_and_ambiguity_is_an_error(tmp_path: Path) -> None:
    table = tmp_path / "benchmarks.csv"
    table.write_text("recipe,model,stage,benchmark,value\nstrict,tiny,16k,easy,1\nstrict,tiny,32k,easy,2\n")
    assert find_cell(table, "strict/32k, easy")["value"] == "2"
    assert find_cell(table, "stage=16k")["value"] == "1"
    with pytest.raises(UserError, match="2 rows match"):
        find_cell(table, "strict,easy")
