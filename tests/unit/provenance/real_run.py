"""A small finished run by the real rules' scripts, from the generated problems to the page and the lock.

What needs a model is written here instead: the weights and the responses, with records by the real recorder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from deepcoder.files import link_or_copy, write_text
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.provenance.identity import Identity, module_digests
from deepcoder.provenance.record import Recorder, record_path
from deepcoder.schemas.metrics import METRICS, TIMINGS
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.sample import SAMPLE
from deepcoder.schemas.table import read_table, write_table
from deepcoder.shards import Shard

ROOT = Path(__file__).resolve().parents[3]
OUT = Path("results/smoke")
DATA, BASE, STAGE, LOCK = OUT / "data", OUT / "models/base/tiny", OUT / "strict/tiny/16k", OUT / "provenance.lock"
EVAL, REPORT = STAGE / "eval/easy", OUT / "report"
COMPARISON = DATA / "comparison/manifest.json"
SHARDS = [STAGE / f"eval/shards/{number}/manifest.json" for number in range(2)]
TABLES = [REPORT / f"{name}.csv" for name in ("benchmarks", "contexts", "funnel", "curves", "grader")]
SYSTEMS, COST, COMPARISONS = (REPORT / f"{name}.csv" for name in ("systems", "cost", "comparisons"))
SHOWN = [*TABLES, SYSTEMS, COST, COMPARISONS]
TIMES = STAGE / "timings.parquet"
PAPER, PRINTED = OUT / "paper.pdf", REPORT / "tables/main.md"
FIGURES = [REPORT / f"figures/{name}" for name in ("funnel.svg", "contexts.png", "systems.svg")]
PROBLEMS = 40  # of the generated ones
SETTINGS = {
    "sources.easy.limit": PROBLEMS,
    "benchmarks.easy.samples": 4,
    "benchmarks.easy.comparators_beside": ["as_released"],
    "curations.strict.deduplication.enabled": False,
}


def door(folder: Path, name: str, *words: object) -> None:
    """Run a script as its rule does; fails with what it printed."""
    command = [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *map(str, words)]
    environment = {**os.environ, "DEEPCODER_OVERRIDES": json.dumps(SETTINGS)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def recorded(name: str, inputs: list[Path], output: Path, write: Callable[[], object]) -> None:
    """Make an output by `write`, with the record that the script `name` would leave; paths as seen from the folder."""
    script = ROOT / "scripts" / f"{name}.py"
    recorder = Recorder(script, args={}, inputs=inputs, outputs=[output], command=[script.name])
    config = {"seed": 0, "trainer": {"schedule": "sync"}}
    recorder.start(config, Identity(config, module_digests(script), "made"))
    write()
    recorder.finish()


def make_run(folder: Path) -> None:
    """Fill `folder`, which must be the working folder, with configuration and results."""
    for name in ("config/published", "config/paper"):
        shutil.copytree(ROOT / name, folder / name)
    tests = ["--tests-store", DATA / "tests"]
    raw, problems = DATA / "raw/easy/v1/manifest.json", DATA / "problems/easy/manifest.json"
    benchmark, tokenizer = DATA / "benchmarks/easy/manifest.json", OUT / "models/tokenizers/tiny/manifest.json"
    verified, curated = DATA / "strict/verified/easy/manifest.json", DATA / "strict/manifest.json"
    door(folder, "fetch", raw, "--source", "easy")
    door(folder, "normalise", raw, problems, "--source", "easy", *tests)
    door(folder, "prepare_benchmark", problems, benchmark, "--benchmark", "easy")
    door(folder, "verify", problems, verified, "--source", "easy", "--curation", "strict", *tests)
    door(folder, "tokenizer", tokenizer, "--model", "tiny", "--problems", problems)
    words = ["--problems", problems, "--verified", verified, "--benchmarks", benchmark, "--tokenizer", tokenizer]
    door(folder, "curate", curated, "--curation", "strict", *words)
    dataset = DATA / "strict/dataset.json"
    words = ["--curation", "strict", "--curated", curated, "--verified", verified, "--benchmarks", benchmark]
    door(folder, "export_dataset", dataset, *words, *tests)
    lenient, released = DATA / "as_released/verified/easy/manifest.json", DATA / "as_released/manifest.json"
    door(folder, "verify", problems, lenient, "--source", "easy", "--curation", "as_released", *tests)
    words = ["--problems", problems, "--verified", lenient, "--benchmarks", benchmark, "--tokenizer", tokenizer]
    door(folder, "curate", released, "--curation", "as_released", *words)
    door(folder, "compare_curations", COMPARISON, "--curations", curated, released)
    shown = ["--curated", curated, "--problems", problems, "--verified", verified]
    door(folder, "render_problems", REPORT / "problems.html", *shown, *tests)
    recorded("warm_start", [problems, tokenizer], BASE / "manifest.json", lambda: write_weights(BASE, tokenizer))
    recorded("train_stage", [curated, BASE / "manifest.json"], STAGE / "manifest.json", write_state)
    model = STAGE / "model/manifest.json"
    recorded("export_model", [STAGE / "manifest.json"], model, lambda: write_weights(model.parent, tokenizer))
    for number, shard in enumerate(SHARDS):
        recorded("sample", [model, benchmark], shard, partial(write_samples, benchmark, Shard(number, 2)))
    words = ["--benchmark", "easy", "--problems", benchmark, "--output", EVAL / "samples.json"]
    door(folder, "gather_samples", "--shards", *SHARDS, *words)
    verdicts, scores = EVAL / "64k/verdicts.json", EVAL / "64k/scores.json"
    words = ["--benchmark", "easy", "--context", "64k", "--problems", benchmark]
    door(folder, "grade", EVAL / "samples.json", verdicts, *words, "--model", "tiny", "--model-manifest", model, *tests)
    door(folder, "score", verdicts, scores, *words)
    published = sorted(Path("config/published").glob("*.csv"))
    made = ["--scores", scores, "--stages", STAGE / "manifest.json", "--curation", curated, "--published", *published]
    door(folder, "summarise", *made, "--comparison", COMPARISON, "--output", *TABLES)
    door(folder, "compare_models", COMPARISONS, "--scores", scores)
    records = [path for path in sorted(OUT.rglob("*.record.json")) if REPORT not in path.parents]
    words = ["--stages", STAGE / "manifest.json", "--published", *published, "--output", SYSTEMS, COST]
    door(folder, "account", "--records", *records, *words)
    tables = [f"--{path.stem}={path}" for path in [*TABLES[1:4], SYSTEMS]]
    door(folder, "plot", *tables, "--published", *published, "--output", *FIGURES)
    page = [REPORT / "index.html", "--recipe", "strict", "--tables", *SHOWN, "--figures", *FIGURES]
    products = ["--comparison", COMPARISON, "--dataset", dataset, "--problems", REPORT / "problems.html"]
    door(folder, "render", *page, *made, *products)
    paper = [PAPER, "--values", REPORT / "paper.json", "--written", PRINTED, "--recipe", "strict", "--model", "tiny"]
    paper += ["--template", *sorted(Path("config/paper").glob("*.typ")), "--tables", *SHOWN, "--figures", *FIGURES]
    door(folder, "typeset", *paper, *made)
    door(folder, "lock", OUT, LOCK)
    commit(LOCK, record_path(LOCK))


def write_weights(folder: Path, tokenizer: Path) -> None:
    """A model's folder: the real tokenizer and a kilobyte for the weights."""
    (folder / "hf").mkdir(parents=True)
    link_or_copy(tokenizer.parent / "tokenizer/tokenizer.json", folder / "hf/tokenizer.json")
    write_text(folder / "hf/model.safetensors", "weights " * 128)
    write_manifest(folder / "manifest.json", "model", [folder / "hf"])


def write_state() -> None:
    """A stage's training state and its curve."""
    write_text(STAGE / "state/model_states.pt", "state " * 128)
    row = dict.fromkeys(METRICS.names) | {"step": 1, "reward_mean": 0.5, "solve_all": 0.1, "solve_none": 0.4}
    write_table(STAGE / "metrics.parquet", [row], METRICS)
    times = dict.fromkeys(TIMINGS.names, 1.0) | {"step": 1, "step_s": 5.0, "tokens": 100}
    write_table(TIMES, [times], TIMINGS)
    write_manifest(STAGE / "manifest.json", "checkpoint", [STAGE / "state", STAGE / "metrics.parquet"], {"steps": 1})


def write_samples(benchmark: Path, shard: Shard) -> None:
    """A shard of four responses to each problem: the reference twice, a wrong program, and no program."""
    rows, problems = [], read_table(read_manifest(benchmark).file("problems.parquet"), PROBLEM)
    drawn = shard.draws([problem["id"] for problem in problems], 4)
    for problem in problems:
        right = f"```python\n{problem['solutions'][0]}\n```"
        for sample, response in enumerate([right, right, "```python\nprint('no')\n```", "I do not know."]):
            if sample not in drawn[problem["id"]]:
                continue
            row = {"problem_id": problem["id"], "sample": sample, "seed": sample, "prompt": "Solve.", "finish": "stop"}
            rows.append(row | {"response": response, "token_ids": [1, 2, 3]})
    manifest = SHARDS[shard.number]
    write_table(manifest.parent / "easy.parquet", rows, SAMPLE)
    write_manifest(manifest, "samples_shard", [manifest.parent / "easy.parquet"], {"shard": shard.number})


def commit(*paths: Path) -> None:
    """Make the working folder a git repository with these files in it."""
    author = ["-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    for words in (["init", "-q"], ["add", "-f", *map(str, paths)], [*author, "commit", "-qm", "Publish the lock"]):
        subprocess.run(["git", *words], check=True)
