"""Files of the hub: fetched by the real door from a hub on loopback, gone on with, checked, and had without network."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback_hub import Hub
from omegaconf import OmegaConf
from true_rows import aime_row

from deepcoder.config import compose_config
from deepcoder.curation.carrying import bring, carried, faults, lines
from deepcoder.curation.pinning import pin
from deepcoder.errors import UserError
from deepcoder.files import sha256_file
from deepcoder.hub import MIRROR_VARIABLE
from deepcoder.rl.fetch_model import fetch_weights

ROOT = Path(__file__).resolve().parents[3]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILE = "data/train-0.parquet"
URL = f"/datasets/owner/name/resolve/{COMMIT}/{FILE}"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """30 rows in 26 MB: the client of the hub writes 10 MB at a time."""
    rows = [{**aime_row(id=number), "padding": os.urandom(870_000)} for number in range(30)]
    path = tmp_path_factory.mktemp("raw") / "train-0.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, compression="none")
    return path


@pytest.fixture(scope="module")
def checkout(raw, tmp_path_factory):
    """A copy of the code whose configuration `make pin` has pinned to that file."""
    root = tmp_path_factory.mktemp("checkout")
    for folder in ("scripts", "config", "envs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    config = root / "config/source/aime2024.yaml"
    config.write_text(config.read_text().replace("HuggingFaceH4/aime_2024", "owner/name"))
    pin(config, "owner/name", "dataset", ["data/*"], lambda *_: (COMMIT, {FILE: sha256_file(raw)}))
    return root


@pytest.fixture
def door(checkout, tmp_path):
    """Starts the fetch door with what the environment is to say of the hub."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "DEEPCODER_"))}
    quiet = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}

    def start(out, **environment):
        return subprocess.Popen(
            [sys.executable, str(checkout / "scripts/fetch.py"), str(out), "--source", "aime2024"],
            env={**inherited, **quiet, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def ended(process):
    """Exit status and what the door said."""
    said = process.communicate(timeout=300)[1]
    return process.returncode, said


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".json"))


def test_a_killed_download_goes_on_where_it_stopped(raw, door, tmp_path):
    out = tmp_path / "first/manifest.json"
    with Hub({URL: raw.read_bytes()}, stall_after=21 * MEGABYTE).serving() as hub:
        process = door(
            out, HF_ENDPOINT=hub.url, HF_HUB_DOWNLOAD_TIMEOUT="300"
        )  # it would give up the stalled one itself
        end = time.monotonic() + 300
        while sum(part.stat().st_size for part in out.parent.rglob("*.part")) < 20 * MEGABYTE:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < end
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert not (out.parent / FILE).exists()
        status, said = ended(door(out, HF_ENDPOINT=hub.url))
    assert status == 0, said
    assert hub.asked == ["", f"bytes={20 * MEGABYTE}-"]
    assert left_in(out.parent) == ["train-0.parquet"]
    assert json.loads(out.read_text())["files"][FILE]["sha256"] == sha256_file(raw)


@pytest.mark.parametrize("how", [{}, {"resets": True}, {"knows_ranges": False}], ids=str)
def test_a_lost_connection_is_taken_up_again(raw, door, tmp_path, how):
    out = tmp_path / "first/manifest.json"
    with Hub({URL: raw.read_bytes()}, cut_after=24 * MEGABYTE, **how).serving() as hub:
        status, said = ended(door(out, HF_ENDPOINT=hub.url))
    assert status == 0, said
    assert len(hub.asked) == 2
    assert hub.asked[1].startswith("bytes=")


def test_content_that_is_not_the_pinned_one_is_refused_and_nothing_of_it_stays(raw, door, tmp_path):
    out = tmp_path / "first/manifest.json"
    body = bytearray(raw.read_bytes())
    body[5 * MEGABYTE] ^= 1
    with Hub({URL: bytes(body)}).serving() as hub:
        status, said = ended(door(out, HF_ENDPOINT=hub.url))
    assert status == 1
    assert "error: data/train-0.parquet of owner/name: sha256 is" in said
    assert left_in(out.parent) == []
    assert not out.exists()


def test_what_is_longer_than_the_file_is_thrown_away(raw, door, tmp_path):
    out = tmp_path / "first/manifest.json"
    part = out.parent / f"data/.train-0.parquet.{sha256_file(raw)[:12]}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(raw.read_bytes() + b"more")
    with Hub({URL: raw.read_bytes()}).serving() as hub:
        status, said = ended(door(out, HF_ENDPOINT=hub.url))
    assert status == 0, said
    assert hub.asked == [f"bytes={raw.stat().st_size + 4}-", ""]


def test_a_hub_that_lacks_the_file_is_one_error_with_the_remedy(raw, door, tmp_path):
    out = tmp_path / "first/manifest.json"
    with Hub({}).serving() as hub:
        status, said = ended(door(out, HF_ENDPOINT=hub.url))
    assert status == 1
    assert f"error: owner/name@{COMMIT}: cannot get {FILE}" in said
    assert "DEEPCODER_MIRROR" in said
    assert "Traceback" not in said
    assert left_in(out.parent) == []


def test_mirror_cache_and_hub_give_one_manifest_of_one_identity(raw, door, tmp_path):
    mirrored = tmp_path / f"mirror/owner/name/{COMMIT}/{FILE}"
    cached = tmp_path / f"home/hub/datasets--owner--name/snapshots/{COMMIT}/{FILE}"
    for place in (mirrored, cached):
        place.parent.mkdir(parents=True)
    shutil.copy(raw, mirrored)
    shutil.copy(raw, cached)
    offline = {"HF_HUB_OFFLINE": "1"}
    with Hub({URL: raw.read_bytes()}).serving() as hub:
        doors = {
            "mirror": door(tmp_path / "mirrored/manifest.json", DEEPCODER_MIRROR=str(tmp_path / "mirror"), **offline),
            "cache": door(tmp_path / "cached/manifest.json", **offline),
            "hub": door(tmp_path / "hub/manifest.json", HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / "empty")),
            "nowhere": door(tmp_path / "none/manifest.json", HF_HOME=str(tmp_path / "empty"), **offline),
        }
        said = {name: ended(process) for name, process in doors.items()}
    assert [said[name][0] for name in doors] == [0, 0, 0, 1], said
    assert "offline" in said["nowhere"][1].lower()
    found = [tmp_path / folder for folder in ("mirrored", "cached", "hub")]
    assert len({(folder / "manifest.json").read_bytes() for folder in found}) == 1
    records = [json.loads((folder / "manifest.record.json").read_text()) for folder in found]
    assert len({json.dumps(record["identity"]) for record in records}) == 1
    assert len(hub.asked) == 1


@pytest.fixture
def pinned(raw, tmp_path, monkeypatch):
    """A configuration that fetches one dataset and one model, and a mirror that has both."""
    config = compose_config()
    config.train_sources, config.report_benchmarks = [], ["aime2024"]
    config.model, config.reference_models = "r1-distill-qwen-14b", []
    weights = {"model.safetensors": b"weights", "tokenizer.json": b"{}", "README.json": b"not asked for"}
    mirror = tmp_path / "mirror"
    for path, content in {FILE: raw.read_bytes(), **weights}.items():
        file = mirror / f"owner/name/{COMMIT}" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in weights.items()}
    for block, files in ((config.sources.aime2024, {FILE: sha256_file(raw)}), (config.models[config.model], hashes)):
        block.hub_id, block.revision, block.files = "owner/name", COMMIT, files
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    return config


def test_what_a_scale_needs_is_listed_brought_and_checked(pinned, tmp_path):
    files, unpinned = carried(pinned)
    assert unpinned == []
    assert [file.path for file in files] == [FILE, "README.json", "model.safetensors", "tokenizer.json"]
    carried_to = tmp_path / "stick"
    assert [fault.split(": ")[1] for fault in faults(files, carried_to)] == ["missing"] * 4
    bring(files, carried_to)
    assert faults(files, carried_to) == []
    listed = "\n".join(lines(files)) + "\n"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet"], input=listed, text=True, cwd=carried_to, check=True)
    spoilt = carried_to / files[2].place
    spoilt.unlink()
    spoilt.write_bytes(b"others")
    (fault,) = faults(files, carried_to)
    assert fault.startswith(f"owner/name/{COMMIT}/model.safetensors: sha256 is")
    pinned.models[pinned.model].revision = "unpinned"
    assert carried(pinned)[1] == [f"config/model/{pinned.model}.yaml: owner/name has no pinned revision and files"]


def test_a_model_comes_from_the_mirror_and_whole_files_outlive_a_failure(pinned, tmp_path):
    model = OmegaConf.to_object(pinned.models[pinned.model])
    there = tmp_path / f"mirror/owner/name/{COMMIT}/tokenizer.json"
    there.rename(tmp_path / "away")
    with pytest.raises(UserError, match="not in the mirror"):
        fetch_weights("m", model, tmp_path / "base/hf")
    assert (tmp_path / "base/.fetching/model.safetensors").read_bytes() == b"weights"
    (tmp_path / "away").rename(there)
    fetch_weights("m", model, tmp_path / "base/hf")
    assert left_in(tmp_path / "base") == ["model.safetensors"]
    assert (tmp_path / "base/hf/tokenizer.json").read_bytes() == b"{}"
    assert not (tmp_path / "base/hf/README.json").exists()


def test_the_list_on_the_command_line_names_what_is_not_pinned(checkout, raw):
    run = subprocess.run(
        [sys.executable, str(checkout / "scripts/carry.py"), "scale=paper"], capture_output=True, text=True, check=False
    )
    assert run.stdout == f"{sha256_file(raw)}  owner/name/{COMMIT}/{FILE}\n"
    assert run.returncode == 1
    assert "config/source/livecodebench.yaml: livecodebench/code_generation_lite has no pinned revision" in run.stderr
