"""A small results tree: base and two trained stages, one benchmark at three contexts, made by the real writers."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deepcoder.curation.compare import Curation, write_comparison
from deepcoder.evaluation.score import score_beside, score_verdicts
from deepcoder.files import write_json, write_text
from deepcoder.manifest import write_manifest
from deepcoder.provenance.record import TIMINGS as TIMES
from deepcoder.provenance.record import record_path
from deepcoder.report.problems import render_problems
from deepcoder.schemas.metrics import METRICS, TIMINGS
from deepcoder.schemas.sample import SAMPLE, SAMPLE_VERDICT
from deepcoder.schemas.table import write_table

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = sorted((ROOT / "config" / "published").glob("*.csv"))
TEMPLATE = sorted((ROOT / "config" / "paper").glob("*.typ"))
PRINTED = ("main", "contexts", "published", "funnel", "training", "recipe", "stages", "recipes")
PRINTED += ("comparisons", "grader", "systems", "cost")
SUBJECTS = ("models/base/tiny", "strict/tiny/16k", "strict/tiny/32k")
CONTEXTS = {"16k": 64, "32k": 96, "64k": 128}
PROBLEMS, SAMPLES = 12, 4
HOSTILE = '<script>alert("1")</script> \x07 & </pre> ```python\nprint(1)\n```'


def door(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def make_scores(root: Path, subject: str, benchmark: str, passing: int) -> list[Path]:
    """Samples, verdicts and score files for every context; `passing` in every three problems pass at the longest."""
    folder = root / subject / "eval" / benchmark
    names = [f"{number:016x}" for number in range(PROBLEMS)]
    keys = [(name, sample) for name in names for sample in range(SAMPLES)]
    samples = [
        dict.fromkeys(SAMPLE.names)
        | {"problem_id": name, "sample": sample, "prompt": "Add.\n", "response": HOSTILE, "finish": "stop"}
        for name, sample in keys
    ]
    write_table(folder / "samples.parquet", samples, SAMPLE)
    write_manifest(folder / "samples.json", "samples", [folder / "samples.parquet"], {"temperature": 0.6})
    paths = []
    for place, (context, tokens) in enumerate(CONTEXTS.items()):
        rows = [_verdict(name, sample, passing - (2 - place)) for name, sample in keys]
        write_table(folder / context / "verdicts.parquet", rows, SAMPLE_VERDICT)
        facts = {
            "benchmark": benchmark,
            "context": {"label": context, "tokens": tokens},
            "comparator": "tokens",
            "isolation": ["process"],
        }
        manifest = write_manifest(
            folder / context / "verdicts.json", "sample_verdicts", [folder / context / "verdicts.parquet"], facts
        )
        identity = facts | {"verdicts_sha256": manifest.files["verdicts.parquet"]["sha256"]}
        paths.append(folder / context / "scores.json")
        score = {"metric": "pass_at_1", **score_verdicts(rows, 0.95), "beside": score_beside(rows, 0.95)}
        write_json(paths[-1], score | {"identity": identity})
        make_record("score.py", paths[-1], 3.0)
    return paths


def make_record(door: str, output: Path, seconds: float, **more: Any) -> Path:
    """The record of a job that took so long on a host with two GPUs, in the form of provenance/record.py."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    host = {"cpu": "Some CPU", "cpus": 8, "gpu": ["H100", "H100"], "gpus": None, "slurm_job_nodelist": None}
    record: dict[str, Any] = {"door": door, "outputs": [{"path": str(output)}], "host": host, "start": str(start)}
    record |= {"end": str(start + timedelta(seconds=seconds)), "used": {"cpu_s": 2 * seconds, "peak_mb": 512.0}}
    write_json(record_path(output), record | more)
    return record_path(output)


def make_stage(root: Path, subject: str, steps: int, start: float) -> Path:
    """A stage's manifest with metrics."""
    folder = root / subject
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "step": step,
            "reward_mean": start + 0.02 * step + 0.02 * math.sin(step),
            "solve_all": 0.1 + 0.01 * step,
            "solve_none": 0.4 - 0.01 * step,
            "solve_partial": 0.5,
            "response_length_mean": 40.0 + step,
            "clipped_share": 0.1,
            "validation_pass_rate": start + 0.02 * step if step % 5 == 0 else None,
        }
        for step in range(1, steps + 1)
    ]
    write_table(folder / "metrics.parquet", [dict.fromkeys(METRICS.names) | row for row in rows], METRICS)
    times = dict.fromkeys(TIMINGS.names, 1.0) | {"step_s": 4.0, "sampler_idle_s": 2.0, "tokens": 100}
    write_table(folder / TIMES, [times | {"step": step} for step in range(1, steps + 1)], TIMINGS)
    facts = {"steps": steps, "stage": folder.name}
    write_manifest(folder / "manifest.json", "checkpoint", [folder / "metrics.parquet"], facts)
    make_record("train_stage.py", folder / "manifest.json", 60.0, config={"trainer": {"schedule": "one_off"}})
    return folder / "manifest.json"


def make_curation(root: Path) -> Path:
    """A curation's manifest with a funnel of two sources."""
    folder = root / "data" / "strict"
    folder.mkdir(parents=True)
    with open(folder / "funnel.csv", "w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["source", "rule", "rows_in", "removed", "rows_out"])
        for source, left in (("easy", 240), ("codeio", 40), ("all", 280)):
            for rule, gone in (("parse", 2), ("too_few_tests", 5), ("near_duplicate", 11), ("validation", 20)):
                writer.writerow([source, rule, left, gone, left - gone])
                left -= gone
    write_manifest(folder / "manifest.json", "curated", [folder / "funnel.csv"], {"train": 242})
    return folder / "manifest.json"


def make_comparison(root: Path) -> Path:
    """The comparison of two small training sets, one of whose problems is lost to a rule and held by a benchmark."""
    names = {f"{number:02}": ("easy" if number < 8 else "codeio", str(number)) for number in range(10)}
    kept = dict.fromkeys(names, ("train", ""))
    strict = kept | {"03": ("contamination", "similar"), "04": ("flaky", "runs differ"), "05": ("verified", "none")}
    released = kept | {"05": ("verified", "none"), "09": ("verified", "none")}
    leaks = {"03": frozenset({"bench"})}
    first, second = (Curation("strict", strict, names, [], {}), Curation("as_released", released, names, [], leaks))
    return write_comparison(root / "data/comparison/manifest.json", first, second).path


def make_dataset(root: Path) -> Path:
    """A manifest of an exported folder that holds a card alone."""
    write_text(root / "data/strict/dataset/README.md", "# A card\n")
    path = root / "data/strict/dataset.json"
    return write_manifest(path, "dataset", [root / "data/strict/dataset"], {"curation": "strict"}).path


class Results:
    """The tree, and the report made from it by the doors.

    Args:
        subjects: bases first, then the stages in order.
        scale: of the configuration that the doors read.
    """

    def __init__(
        self,
        root: Path,
        subjects: Sequence[str] = SUBJECTS,
        benchmarks: Sequence[str] = ("easy",),
        scale: str = "smoke",
    ) -> None:
        self.root, self.scale = root, scale
        self.report = root / "report"
        self.scores = [p for n, s in enumerate(subjects) for b in benchmarks for p in make_scores(root, s, b, n + 1)]
        first, second = (subject for subject in subjects if not subject.startswith("models/"))
        self.stages = [make_stage(root, first, 10, 0.2), make_stage(root, second, 10, 0.45)]
        self.curation = make_curation(root)
        self.comparison, self.dataset = make_comparison(root), make_dataset(root)
        self.problems = self.report / "problems.html"
        write_text(self.problems, render_problems("strict", [], "index.html"))
        names: Sequence[str] = ("benchmarks", "contexts", "funnel", "curves", "grader")
        self.tables = [self.report / f"{name}.csv" for name in names]
        self.accounts = [self.report / f"{name}.csv" for name in ("systems", "cost")]
        self.comparisons = self.report / "comparisons.csv"
        names = ("reward", "response_length", "validation", "contexts", "funnel", "systems")
        self.figures = [self.report / "figures" / f"{name}.svg" for name in names]

    @property
    def shown(self) -> list[Path]:
        """Tables of the page and the paper that are there."""
        return [path for path in (*self.tables, *self.accounts, self.comparisons) if path.exists()]

    def summarise(self, scores: Sequence[Path] | None = None, *more: Any) -> subprocess.CompletedProcess[str]:
        return door(
            "summarise.py", "--scores", *(self.scores if scores is None else scores), "--stages", *self.stages,
            "--curation", self.curation, "--comparison", self.comparison, "--published", *PUBLISHED,
            "--output", *self.tables, *more, f"scale={self.scale}",
        )  # fmt: skip

    def account(self) -> subprocess.CompletedProcess[str]:
        records = map(record_path, [*self.stages, *self.scores])
        return door(
            "account.py", "--records", *records, "--stages", *self.stages, "--published", *PUBLISHED,
            "--output", *self.accounts, f"scale={self.scale}",
        )  # fmt: skip

    def compare(self) -> subprocess.CompletedProcess[str]:
        return door("compare_models.py", self.comparisons, "--scores", *self.scores)

    def plot(self, *figures: Path) -> subprocess.CompletedProcess[str]:
        tables = [f"--{path.stem}={path}" for path in [*self.tables[1:4], self.accounts[0]]]
        return door("plot.py", *tables, "--published", *PUBLISHED, "--output", *figures, f"scale={self.scale}")

    def render(self, page: Path, scores: Sequence[Path] | None = None) -> subprocess.CompletedProcess[str]:
        return door(
            "render.py", page, "--recipe", "strict", "--tables", *self.shown, "--figures", *self.figures, "--scores",
            *(self.scores if scores is None else scores), "--stages", *self.stages, "--curation", self.curation,
            "--comparison", self.comparison, "--dataset", self.dataset, "--problems", self.problems,
            "--published", *PUBLISHED,
        )  # fmt: skip

    def typeset(self, folder: Path, *more: Path, model: str = "tiny", backwards: bool = False) -> Any:
        """Make the paper, its values and its tables in `folder`; `backwards` gives what has no order the other way."""
        printed = [folder / f"tables/{name}{kind}" for name in PRINTED for kind in (".md", ".tex")]
        way = slice(None, None, -1) if backwards else slice(None)
        return door(
            "typeset.py", folder / "paper.pdf", "--values", folder / "paper.json", "--written", *printed[way],
            "--template", *TEMPLATE[way], "--recipe", "strict", "--model", model,
            "--tables", *[*self.shown, *more][way], "--figures", *self.figures[way], "--scores", *self.scores[way],
            "--stages", *self.stages, "--curation", self.curation, "--published", *PUBLISHED[way],
            f"scale={self.scale}",
        )  # fmt: skip


def paper_results(root: Path) -> Results:
    """A tree of the paper's scale: its models by name, two of its four benchmarks, made-up small numbers."""
    model = "r1-distill-qwen-14b"
    subjects = [f"models/base/{model}", "models/base/deepcoder-14b", f"strict/{model}/16k", f"strict/{model}/32k"]
    return Results(root, subjects, ("livecodebench", "humanevalplus"), "paper")


def _verdict(name: str, sample: int, passing: int) -> dict[str, Any]:
    good = int(name, 16) % 3 < passing and sample != 3
    return {
        "problem_id": name, "sample": sample, "verdict": "AC" if good else "WA", "passed": 5 if good else 1, "total": 5,
        "failed_test": None if good else 1, "truncated": sample == 3, "response_tokens": 50, "program": "print(1)",
        "detail": "", "beside": [("as_released", "AC" if good or sample == 2 else "WA")],
    }  # fmt: skip
