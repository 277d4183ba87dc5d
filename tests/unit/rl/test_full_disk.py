"""A full disk ends a stage in one clear error and keeps what was whole; freed, the rerun ends with the same bytes."""

import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.rl.stage_process import run_stage
from tests.unit.rl.test_faults import steps_saved
from tests.unit.rl.test_resume import assert_same

from deepcoder.errors import UserError
from deepcoder.journal import Journal

DISK_BYTES = 32 << 20
CHECKPOINT_BYTES = 1_450_000  # less than it takes, and one and a half is more


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, free: int) -> Path:
    filler = disk / "filler"
    filler.write_bytes(bytes(DISK_BYTES - free))
    return filler


def free_bytes(part: str, most: int) -> list[tuple[str, int]]:
    rng = random.Random(part)
    return [(part, free) for free in (0, 4096, 8192, *(rng.randrange(most) for _ in range(4)))]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # of TensorBoard's own thread
@pytest.mark.parametrize(
    ("part", "free"), [*free_bytes("work", 3 * CHECKPOINT_BYTES), *free_bytes("out", CHECKPOINT_BYTES)]
)
def test_nothing_is_lost_but_the_step_that_found_no_room(
    tiny_model: Path, tmp_path: Path, disk: Path, whole_run: Callable[[str], Path], part: str, free: int
) -> None:
    (disk / part).mkdir()
    (tmp_path / part).symlink_to(disk / part)
    filler = fill(disk, free)
    with pytest.raises(UserError, match=f"cannot write .*/{part}/.*; free space"):
        run_stage(tiny_model, tmp_path)
    saved = steps_saved(tmp_path)
    assert len(saved) == (min(free // CHECKPOINT_BYTES, 2) if part == "work" else 2 if free else 0)
    assert not (tmp_path / "out/manifest.json").exists()
    filler.unlink()
    run_stage(tiny_model, tmp_path)
    assert_same(whole_run("sync"), tmp_path)


def test_files_that_may_not_grow_end_the_stage_like_a_full_disk(tiny_model: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(UserError, match="cannot write .*step-000001.*; free space"):
            run_stage(tiny_model, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert steps_saved(tmp_path) == []
    run_stage(tiny_model, tmp_path)


def test_a_journal_without_room_is_told_of_by_its_name(tmp_path: Path) -> None:
    journal = tmp_path / "samples.jsonl"
    journal.symlink_to("/dev/full")
    with pytest.raises(UserError, match="samples.jsonl: No space left.*free space"):
        Journal(journal).add({"key": "a"})
