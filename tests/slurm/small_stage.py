"""Inputs of a stage of three steps on a model of a few thousand parameters, and the command that trains it."""

import sys
from pathlib import Path
from typing import Any

from deepcoder.easy import generate
from deepcoder.manifest import write_manifest
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import write_table
from deepcoder.schemas.tests_store import TestsStore

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
OVERRIDES = (
    "rollout__engine__name=hf",
    "rollout__samples_per_prompt=4",
    "rollout__temperature=1.0",
    "trainer__ranks=2",
    "trainer__schedule=sync",
    "trainer__validation_samples=1",
    "judge__workers=1",
    "recipes__strict__truncated=keep",
    "recipes__strict__code_extraction=prompt_and_response",
    "recipes__strict__entropy_coefficient=0.5",  # an untrained model earns no reward: the bonus moves its weights
    "stages__16k__max_response_tokens=12",
    "stages__16k__save_every=1",
    "stages__16k__validate_every=2",
    "stages__16k__batch={prompts: 4, minibatch: 2}",
)


def told(row: dict[str, Any]) -> dict[str, Any]:
    """A problem that shows a program: an untrained model writes none, and the recipe takes this one for its answer."""
    shown = f"{row['statement']}\n```python\nprint(input())\n```\n"
    return {"statement": shown, "solutions": [row["solution"]]}


def make_inputs(model: Path, root: Path) -> None:
    """Write problems, their tests and the model to start from below `root`."""
    store = TestsStore(root / "tests")
    empty: dict[str, Any] = dict.fromkeys(PROBLEM.names)
    extra = {"source": "easy", "starter_code": "", "statement_digest": ""}
    made = [row for row in generate(0, 0.25) if row["split"] == "train"][:24]
    rows = [
        {**empty, **{key: value for key, value in row.items() if key in empty}, **extra, **told(row), "tests_ref": ref}
        for row in made
        for ref in [store.put(row["tests"])]
    ]
    curated = root / "curated"
    curated.mkdir(parents=True)
    write_table(curated / "train.parquet", rows[:6], PROBLEM)
    write_table(curated / "validation.parquet", rows[6:8], PROBLEM)
    write_manifest(curated / "manifest.json", "curated", sorted(curated.iterdir()))
    problems = root / "problems"
    problems.mkdir()
    write_table(problems / "problems.parquet", rows, PROBLEM)
    write_manifest(problems / "manifest.json", "problems", [problems / "problems.parquet"])
    start = root / "start"
    start.mkdir()
    (start / "hf").symlink_to(model)
    write_manifest(start / "manifest.json", "model", sorted((start / "hf").iterdir()))


def training(root: Path, run: str, steps: int = 3) -> list[str]:
    """Train from the inputs below `root` to the folder `run` there."""
    return [
        *(sys.executable, str(SCRIPTS / "train_stage.py")),
        *(str(root / "curated/manifest.json"), str(root / "start/manifest.json"), str(root / run / "manifest.json")),
        *("--recipe", "strict", "--model", "tiny", "--stage", "16k"),
        *("--tests-store", str(root / "tests"), "--work", str(root / f"{run}-work")),
        *OVERRIDES,
        f"stages__16k__steps={steps}",
    ]


def verification(root: Path, run: str) -> list[str]:
    """Judge the reference solutions below `root`."""
    return [
        *(sys.executable, str(SCRIPTS / "verify.py")),
        *(str(root / "problems/manifest.json"), str(root / f"{run}-verified" / "manifest.json")),
        *("--source", "easy", "--curation", "strict", "--tests-store", str(root / "tests"), "judge__workers=1"),
    ]
