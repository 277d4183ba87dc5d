"""Sampling benchmarks: complete, paired by seed, and nothing finished is sampled twice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deepcoder.config.schema import Config
from deepcoder.errors import UserError
from deepcoder.evaluation.gather import gather_samples
from deepcoder.manifest import Manifest, write_manifest
from deepcoder.rl import sampling
from deepcoder.rl.sampling import forget, sample_benchmarks
from deepcoder.schemas.sample import SAMPLE
from deepcoder.schemas.table import read_table, write_table
from deepcoder.shards import WHOLE, Shard


@pytest.fixture
def asked(tiny_model: Path, config: Config, easy_rows: list[dict], tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "hf").symlink_to(tiny_model)
    write_manifest(tmp_path / "manifest.json", "model", sorted((tmp_path / "hf").iterdir()))
    files = {f"hf/{f.name}": {"sha256": f.name, "bytes": f.stat().st_size} for f in tiny_model.iterdir()}
    benchmark = replace(config.benchmarks["easy"], samples=3)
    return {
        "checkpoint": Manifest(tmp_path / "manifest.json", "model", files, {}),
        "problems": {"one": easy_rows[:4], "two": easy_rows[4:6]},
        "benchmarks": {"one": benchmark, "two": replace(benchmark, samples=2)},
        "model": config.models["tiny"],
        "engine": replace(config.rollout.engine, name="hf"),
        "sampling": replace(config.evaluation.sampling, max_response_tokens=9),
        "seed": 0,
        "work": tmp_path / "work",
        "shard": WHOLE,
    }


def test_every_problem_has_its_samples_within_the_longest_context(asked: dict[str, Any], tmp_path: Path) -> None:
    rows = sample_benchmarks(**asked)
    expected = [(problem["id"], number) for problem in asked["problems"]["one"] for number in range(3)]
    assert [(row["problem_id"], row["sample"]) for row in rows["one"]] == expected
    assert len(rows["two"]) == 4
    assert all(0 < len(row["token_ids"]) <= 9 for row in rows["one"])
    assert any(len(row["token_ids"]) == 9 and row["finish"] == "length" for row in rows["one"])
    write_table(tmp_path / "samples.parquet", rows["one"], SAMPLE)
    assert read_table(tmp_path / "samples.parquet", SAMPLE) == rows["one"]


def test_an_interrupted_sampling_goes_on_where_it_stopped(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = sample_benchmarks(**asked)
    journal = next(asked["work"].iterdir())
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:7]) + lines[7][:20])  # killed while writing the eighth
    sampled: list[int] = []
    start = sampling._start

    def counting(*args: Any) -> Any:
        engine = start(*args)
        generate = engine.generate
        engine.generate = lambda requests, options: sampled.append(len(requests)) or generate(requests, options)
        return engine

    monkeypatch.setattr(sampling, "_start", counting)
    assert sample_benchmarks(**asked) == whole
    assert sampled == [len(lines) - 7]
    assert f"7 of {len(lines)} samples are there from before" in capsys.readouterr().out
    assert sample_benchmarks(**asked) == whole
    assert sampled == [len(lines) - 7], "with everything at hand no engine is started"
    forget(asked["work"], asked["checkpoint"], asked["engine"], asked["sampling"], WHOLE)
    assert not list(asked["work"].iterdir())


def test_any_number_of_shards_gives_the_same_table(asked: dict[str, Any], tmp_path: Path) -> None:
    ids = [problem["id"] for problem in asked["problems"]["one"]]
    tables = []
    for of in (1, 2, 5):
        parts = []
        for number in reversed(range(of)):
            rows = sample_benchmarks(**{**asked, "shard": Shard(number, of), "work": tmp_path / f"work-{of}"})
            parts.append(tmp_path / f"{of}/{number}/one.parquet")
            write_table(parts[-1], rows["one"], SAMPLE)
        assert len(list((tmp_path / f"work-{of}").iterdir())) == of, "no two jobs write to one journal"
        tables.append(tmp_path / f"{of}.parquet")
        assert gather_samples(tables[-1], parts, ids, 3) == 12
    assert len({table.read_bytes() for table in tables}) == 1
    assert [row["problem_id"] for row in read_table(tables[0], SAMPLE)][::3] == ids, "in the benchmark's own order"


def test_other_weights_or_parameters_share_no_samples(asked: dict[str, Any]) -> None:
    sample_benchmarks(**asked)
    sample_benchmarks(**{**asked, "sampling": replace(asked["sampling"], temperature=1.0)})
    checkpoint = asked["checkpoint"]
    other = {**checkpoint.files, "hf/model.safetensors": {**checkpoint.files["hf/model.safetensors"], "sha256": "new"}}
    sample_benchmarks(**{**asked, "checkpoint": replace(checkpoint, files=other)})
    assert len(list(asked["work"].iterdir())) == 3


def test_a_context_beyond_the_model_is_refused(asked: dict[str, Any]) -> None:
    sampling = replace(asked["sampling"], max_response_tokens=65536)
    with pytest.raises(UserError, match="lower evaluation.sampling.max_response_tokens"):
        sample_benchmarks(**{**asked, "sampling": sampling})
