"""The audit: an untouched chain is clean, and every kind of tampering is found and named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deepcoder.errors import UserError
from deepcoder.files import write_json, write_text
from deepcoder.manifest import write_manifest
from deepcoder.provenance.audit import faults, walk
from deepcoder.provenance.checks import compare_locks, compare_with_lock, strays
from deepcoder.provenance.identity import Identity
from deepcoder.provenance.lockfile import collect, read_lock, to_text
from deepcoder.provenance.record import Recorder, record_path

ROOT = Path(__file__).resolve().parents[3]


def job(output: Path, inputs: list[Path], write: Callable[[], object]) -> None:
    recorder = Recorder(ROOT / "scripts" / "lock.py", args={}, inputs=inputs, outputs=[output])
    recorder.start({"seed": 0}, Identity({"seed": 0}, {}, ""))
    write()
    recorder.finish()


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """weights -> verdicts -> scores, each with its record, and the lock of them all."""
    monkeypatch.chdir(tmp_path)
    results = Path("results")
    model, verdicts, scores = results / "model/manifest.json", results / "verdicts.json", results / "scores.json"

    def write_model() -> None:
        write_text(model.parent / "weights", "w")
        write_manifest(model, "checkpoint", [model.parent / "weights"])

    job(model, [], write_model)
    job(verdicts, [model], lambda: write_json(verdicts, {"AC": 3}))
    job(scores, [verdicts], lambda: write_json(scores, {"value": 0.75}))
    write_text(results / "provenance.lock", to_text(collect(results)))
    return results


def test_an_untouched_chain_is_clean_down_to_the_first_artifact(chain: Path) -> None:
    tree = walk(chain / "scores.json")
    assert list(faults(tree)) == []
    assert tree.inputs[0].inputs[0].path == "results/model/manifest.json"
    assert compare_with_lock(read_lock(chain / "provenance.lock")) == []


def forge_record(path: Path) -> None:
    record = json.loads(record_path(path).read_text())
    write_text(path, '{"value": 1.0}\n')
    from deepcoder.files import sha256_file

    record["outputs"][0]["sha256"] = sha256_file(path)
    record_path(path).write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (lambda r: write_json(r / "scores.json", {"value": 0.76}), "scores.json"),
        (lambda r: write_json(r / "verdicts.json", {"AC": 4}), "verdicts.json"),
        (lambda r: write_text(r / "model/weights", "x"), "payload weights"),
        (lambda r: (r / "model/weights").unlink(), "payload weights is missing"),
        (lambda r: (r / "model/manifest.json").unlink(), "manifest.json: missing"),
        (lambda r: record_path(r / "verdicts.json").unlink(), "no record"),
    ],
)
def test_tampering_anywhere_on_the_way_is_found_from_the_score(
    chain: Path, tamper: Callable[[Path], object], named: str
) -> None:
    tamper(chain)
    assert any(named in fault for fault in faults(walk(chain / "scores.json")))


def test_a_score_forged_together_with_its_record_is_found_by_the_lock(chain: Path) -> None:
    forge_record(chain / "scores.json")
    assert compare_with_lock(read_lock(chain / "provenance.lock")) == [
        "results/scores.json: bytes differ from the lock"
    ]


def rewrite_record(results: Path) -> None:
    path = record_path(results / "verdicts.json")
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "code_digest": "0" * 64}))


def test_a_rewritten_record_is_found_by_the_lock(chain: Path) -> None:
    rewrite_record(chain)
    found = compare_locks(collect(chain), read_lock(chain / "provenance.lock"))
    assert len(found) == 1
    assert found[0].startswith("results/verdicts.json: code is 0000")


def test_score_record_and_lock_forged_together_are_found_by_a_trusted_lock(chain: Path, tmp_path: Path) -> None:
    trusted = read_lock(chain / "provenance.lock")
    forge_record(chain / "scores.json")
    write_text(chain / "provenance.lock", to_text(collect(chain)))
    assert compare_with_lock(read_lock(chain / "provenance.lock")) == []
    (found,) = [text for text in compare_locks(read_lock(chain / "provenance.lock"), trusted) if "sha256" in text]
    assert found.startswith("results/scores.json: sha256 is ")


def test_an_artifact_more_or_less_than_trusted_is_named(chain: Path) -> None:
    lock = read_lock(chain / "provenance.lock")
    less = {name: entry for name, entry in lock.items() if "verdicts" not in name}
    assert compare_locks(less, lock) == ["results/verdicts.json: only in the trusted lock"]
    assert compare_locks(lock, less) == ["results/verdicts.json: not in the trusted lock"]


def test_a_file_that_no_job_made_is_named(chain: Path) -> None:
    lock = read_lock(chain / "provenance.lock")
    (chain / "logs").mkdir()
    (chain / "logs/score.log").touch()
    assert strays(chain, lock) == []
    (chain / "model/other").touch()
    assert strays(chain, lock) == ["results/model/other: no rule has made it; move it away"]


def test_a_record_without_its_output_stops_the_lock(chain: Path) -> None:
    (chain / "scores.json").unlink()
    with pytest.raises(UserError, match="is gone"):
        collect(chain)
