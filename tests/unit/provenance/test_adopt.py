"""Wall times come along when results are taken over, if they are those that the record vouches for."""

from __future__ import annotations

from pathlib import Path

import pytest

from deepcoder.errors import UserError
from deepcoder.files import write_text
from deepcoder.manifest import write_manifest
from deepcoder.provenance.adopt import adopt
from deepcoder.provenance.identity import Identity
from deepcoder.provenance.record import TIMINGS, Recorder

STAGE = Path("results/smoke/strict/tiny/16k/manifest.json")


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A colleague's folder of a scale, with one stage; the working folder is ours."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    monkeypatch.chdir(tmp_path / "theirs")
    recorder = Recorder(Path("train_stage.py"), args={}, inputs=[], outputs=[STAGE])
    recorder.start({}, Identity({}, {}, "made"))
    write_text(STAGE.parent / TIMINGS, "times")
    write_manifest(STAGE, "checkpoint")
    recorder.finish()
    monkeypatch.chdir(tmp_path / "ours")
    return tmp_path / "theirs/results/smoke"


def test_times_are_taken_over_with_their_stage(theirs: Path) -> None:
    assert adopt(theirs, Path("results/smoke")) == (1, 0)
    assert (STAGE.parent / TIMINGS).read_text() == "times"


def test_other_times_than_the_record_vouches_for_are_refused(theirs: Path) -> None:
    (theirs / "strict/tiny/16k" / TIMINGS).write_text("other times")
    with pytest.raises(UserError, match=r"timings\.parquet: is not what its record says"):
        adopt(theirs, Path("results/smoke"))
    assert not STAGE.exists()
