"""Sampling scales out: the shards of a model's samples are jobs on nodes of their own, of which one dies meanwhile."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from deepcoder.cluster.launch import Task, launch
from deepcoder.cluster.lease import Desk
from deepcoder.config import compose_config
from deepcoder.config.machine import Resources
from deepcoder.files import read_json
from deepcoder.manifest import read_manifest, write_manifest
from tests.slurm.lab import Lab
from tests.slurm.site import SITE

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SHARDS, HURT, SAMPLES = 3, 1, 8
OVERRIDES = {
    "sources": {"easy": {"limit": 40}},
    "benchmarks": {"easy": {"samples": SAMPLES}},
    "evaluation": {"shards": SHARDS},
    # A few at a time, so that a node can die between two.
    "rollout": {"engine": {"name": "hf", "max_sequences": 2}},
}
PROBLEMS, MODEL = Path("problems/manifest.json"), Path("model/manifest.json")
VARIABLES = {"DEEPCODER_OVERRIDES": json.dumps(OVERRIDES), "OMP_NUM_THREADS": "1"}
A_NODE = Resources(gpus_per_node=8, memory_mb=500, runtime_min=10)


def door(name: str, *words: object) -> list[str]:
    return [sys.executable, str(SCRIPTS / f"{name}.py"), *map(str, words)]


def run(name: str, *words: object) -> None:
    done = subprocess.run(door(name, *words), env=VARIABLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def asked(here: Path) -> None:
    """A benchmark, and a model of a few thousand parameters that nobody has trained."""
    from deepcoder.rl.text import Text
    from deepcoder.rl.warm_start import build_model, save_model

    raw, rows, tokenizer = Path("raw/manifest.json"), Path("rows/manifest.json"), Path("tokenizer/manifest.json")
    run("fetch", raw, "--source", "easy")
    run("normalise", raw, rows, "--source", "easy", "--tests-store", "tests")
    run("prepare_benchmark", rows, PROBLEMS, "--benchmark", "easy")
    run("tokenizer", tokenizer, "--model", "tiny", "--problems", rows)
    shape: Any = OmegaConf.to_object(compose_config(OVERRIDES).models["tiny"])  # type: ignore[arg-type]
    shape.hidden, shape.intermediate, shape.layers, shape.heads, shape.key_value_heads = 64, 96, 2, 2, 1
    text = Text(tokenizer.parent / "tokenizer", "plain")
    shape.vocabulary, shape.head_dim = max(shape.vocabulary, text.tokenizer.get_vocab_size()), 32
    Path("model/hf").mkdir(parents=True)
    save_model(build_model(shape, text, seed=0), tokenizer.parent / "tokenizer", Path("model/hf"))
    write_manifest(MODEL, "model", [Path("model/hf")])


def shard_of(number: int) -> Path:
    return Path(f"shards/{number}/manifest.json")


def sample(number: int) -> None:
    """Have one shard sampled as a job."""
    words = ["--model", "tiny", "--shard", number, "--benchmark", "easy", "--problems", PROBLEMS, "--work", "work"]
    command = door("sample", MODEL, shard_of(number), *words)
    task = Task("sample", shard_of(number), command, "one", A_NODE, VARIABLES)
    segment = [sys.executable, str(SCRIPTS / "segment.py")]
    launch(task, SITE, Desk(Path("jobs"), task.rule, task.output), segment, print)


def drawn(number: int) -> int:
    """Finished samples of a shard that is at work."""
    return sum(path.read_bytes().count(b"\n") for path in Path("work").glob(f"*-{number}-of-{SHARDS}.jsonl"))


@pytest.mark.usefixtures("asked")
@pytest.mark.timeout(900)
def test_shards_run_on_nodes_of_their_own_and_a_dead_node_costs_what_it_had_in_flight(lab: Lab, here: Path) -> None:
    with ThreadPoolExecutor(SHARDS) as threads:
        shards = [threads.submit(sample, number) for number in range(SHARDS)]
        lab.wait_for(lambda: drawn(HURT) >= 10 or shards[HURT].done(), 400)
        before = drawn(HURT)
        desk = Desk(Path("jobs"), "sample", shard_of(HURT))
        assert desk.lease is not None
        lab.kill_node(lab.job(int(desk.lease.job))["batch_host"])
        for shard in shards:
            shard.result()
    jobs = {job["job_id"]: job for job in lab.queue() if job["current_working_directory"] == str(here)}
    assert len(jobs) == SHARDS
    for number in range(SHARDS):
        desk = Desk(Path("jobs"), "sample", shard_of(number))
        assert desk.lease is not None
        ends = [read_json(path)["status"] for path in desk.folder.glob("*.*.json")]
        assert ends == [0], f"shard {number} was sampled to its end once"
        there = [
            int(n) for n in re.findall(r"^(\d+) of \d+ samples", desk.log(desk.lease.job).read_text(), re.MULTILINE)
        ]
        if number == HURT:
            assert jobs[int(desk.lease.job)]["restart_cnt"] == 1
            assert there[0] == 0
            assert there[1] >= before > 0, "what was finished is not drawn again"
        else:
            assert there == [0]
    gathered = ["--shards", *map(shard_of, range(SHARDS)), "--problems", PROBLEMS, "--output", "easy/samples.json"]
    run("gather_samples", "--benchmark", "easy", *gathered)
    samples = read_manifest(Path("easy/samples.json")).facts["samples"]
    assert samples == SAMPLES * read_manifest(PROBLEMS).facts["rows"]
    print(f"{samples} samples by {SHARDS} jobs; of shard {HURT} {before} were finished when its node died")
