"""An output is stale when what it was made from has changed, and for no other reason."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deepcoder.errors import UserError
from deepcoder.files import read_json
from deepcoder.manifest import write_manifest
from deepcoder.provenance.hashes import Hashes
from deepcoder.provenance.identity import Identity
from deepcoder.provenance.record import Recorder, record_path
from deepcoder.provenance.staleness import accept, stale_because

IDENTITY = Identity(
    config={"seed": 0, "stages.32k": {"steps": 10, "batch": {"prompts": 4}}},
    code={"verify.py": "a", "deepcoder.room": "b"},
    environment="0123456789abcdef",
)
Reasons = Callable[..., list[str]]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an input, and an output that a recorded job made of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.json").write_text("{}")
    (tmp_path / "payload").write_text("content")
    recorder = Recorder(Path("verify.py"), args={}, inputs=[Path("raw.json")], outputs=[Path("manifest.json")])
    recorder.start({"seed": 0}, IDENTITY)
    write_manifest(Path("manifest.json"), "verdicts", [Path("payload")])
    recorder.finish()
    return tmp_path


@pytest.fixture
def reasons(made: Path) -> Reasons:
    def ask(identity: Identity = IDENTITY, inputs: tuple[str, ...] = ("raw.json",)) -> list[str]:
        return stale_because([Path("manifest.json")], [Path(name) for name in inputs], identity, Hashes())

    return ask


def test_what_nobody_changed_is_fresh(reasons: Reasons) -> None:
    assert reasons() == []


def test_times_and_copies_change_nothing(made: Path, reasons: Reasons, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in made.iterdir():
        os.utime(path)
    assert reasons() == []
    elsewhere = made.parent / "elsewhere"
    shutil.copytree(made, elsewhere, copy_function=shutil.copyfile)
    monkeypatch.chdir(elsewhere)
    assert reasons() == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"config": {"seed": 1, "stages.32k": IDENTITY.config["stages.32k"]}}, "config seed: 0 -> 1"),
        (
            {"config": {"seed": 0, "stages.32k": {"steps": 12, "batch": {"prompts": 4}}}},
            "config stages.32k.steps: 10 -> 12",
        ),
        ({"config": {"seed": 0}}, "config stages.32k.batch.prompts: 4 -> (none)"),
        ({"code": {"verify.py": "a", "deepcoder.room": "c"}}, "module deepcoder.room: changed"),
        ({"code": {"verify.py": "a"}}, "module deepcoder.room: no longer used"),
        ({"code": {**IDENTITY.code, "deepcoder.other": "d"}}, "module deepcoder.other: new"),
        ({"environment": "fedcba9876543210"}, "environment: lock 0123456789ab -> fedcba987654"),
    ],
)
def test_a_changed_identity_is_named_from_what_to_what(reasons: Reasons, change: dict, reason: str) -> None:
    found = reasons(replace(IDENTITY, **change))
    assert reason in found
    assert all(text.startswith(reason.split()[0]) for text in found)


def test_inputs_count_by_content_and_by_name(made: Path, reasons: Reasons) -> None:
    (made / "other.json").write_text("{}")
    assert reasons(inputs=("raw.json", "other.json")) == ["input other.json: new"]
    assert reasons(inputs=("other.json",)) == ["input other.json: new", "input raw.json: no longer used"]
    (made / "raw.json").write_text("[]")
    (reason,) = reasons()
    assert reason.startswith("input raw.json: ")
    (made / "raw.json").write_text("{}")
    assert reasons() == []


def test_a_deleted_payload_or_record_is_made_again(made: Path, reasons: Reasons) -> None:
    (made / "payload").rename(made / "aside")
    assert reasons() == ["payload is missing"]
    (made / "aside").rename(made / "payload")
    record_path(made / "manifest.json").unlink()
    assert reasons() == ["manifest.json has no record"]


@pytest.mark.parametrize("name", ["payload", "manifest.json"])
def test_other_bytes_than_recorded_are_an_error_and_never_a_rerun(made: Path, reasons: Reasons, name: str) -> None:
    data = bytearray((made / name).read_bytes())
    data[-2] ^= 1
    (made / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name}: its bytes are not those that were recorded"):
        reasons()


def test_a_file_is_read_once_for_each_stat(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr("deepcoder.files.sha256_file", lambda path: read.append(path) or "0")
    hashes = Hashes(made / "cache.json")
    assert [hashes.of(made / "payload") for _ in range(3)] == ["0"] * 3
    hashes.save()
    again = Hashes(made / "cache.json")
    assert again.of(made / "payload") == "0"
    assert len(read) == 1
    os.utime(made / "payload")
    again.of(made / "payload")
    assert len(read) == 2


def test_what_a_job_recorded_need_not_be_hashed_again(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def count(path: Path) -> str:
        read.append(path.name)
        return "0"

    monkeypatch.setattr("deepcoder.files.sha256_file", count)
    stale_because([Path("manifest.json")], [Path("raw.json")], IDENTITY, Hashes())
    assert read == ["raw.json"]


def test_a_damaged_cache_is_as_good_as_none(made: Path) -> None:
    for text in ("", "[]", '{"payload": 3}', '{"payload": [1, 2]}'):
        (made / "cache.json").write_text(text)
        assert len(Hashes(made / "cache.json").of(made / "payload")) == 64


def test_accepting_is_recorded_with_its_reason_and_what_was_true(made: Path, reasons: Reasons) -> None:
    moved = replace(IDENTITY, environment="f" * 16)
    assert reasons(moved)
    accept([Path("manifest.json")], [Path("raw.json")], moved, "a patch release of a linter", "2026-01-01")
    assert reasons(moved) == []
    (entry,) = read_json(record_path(made / "manifest.json"))["accepted"]
    assert entry["reason"] == "a patch release of a linter"
    assert entry["made_under"]["identity"]["environment"] == IDENTITY.environment


def test_damaged_outputs_cannot_be_accepted(made: Path) -> None:
    (made / "payload").write_text(json.dumps("other"))
    with pytest.raises(UserError, match="payload: its bytes"):
        accept([Path("manifest.json")], [Path("raw.json")], IDENTITY, "none", "2026-01-01")
