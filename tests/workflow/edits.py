"""What an edit reruns, written down beforehand: the table of test_edits.py and of the README.

The workflow is the real one with one source and one benchmark: its doors do quick work (stand_in.py), and what comes
out different is said by the edit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

OUT = Path("results/smoke")
Change = Callable[[Path], None]


@dataclass(frozen=True)
class Edit:
    """An edit to a checkout in which everything is done.

    Attributes:
        reruns: jobs by rule, lock left out.
        change: what is done to the checkout.
        overrides: of the configuration.
        differs: parts of paths whose content comes out different; everything else comes out as it was.
        error: part of the one error with which the run ends before any job; nothing reruns then.
    """

    name: str
    reruns: dict[str, int] = field(default_factory=dict)
    change: Change = lambda folder: None
    overrides: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    error: str = ""


def text(name: str, old: str, new: str) -> Change:
    """Replace the first `old` in a file."""

    def change(folder: Path) -> None:
        path = folder / name
        content = path.read_text()
        assert old in content, f"{name} no longer holds {old!r}"
        path.write_text(content.replace(old, new, 1))

    return change


def append(name: str, line: str) -> Change:
    return lambda folder: (folder / name).write_text((folder / name).read_text() + line) and None


def both(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def touch_everything(folder: Path) -> None:
    for path in (folder / OUT).rglob("*"):
        os.utime(path)


def delete(name: str) -> Change:
    return lambda folder: (folder / OUT / name).unlink()


def flip(name: str) -> Change:
    """Change a byte of a file, as a bad disk would."""

    def change(folder: Path) -> None:
        path = folder / OUT / name
        data = bytearray(path.read_bytes())
        data[0] ^= 1
        path.write_bytes(data)

    return change


def swap(one: str, other: str) -> Change:
    """Put another file in the place of one."""
    return lambda folder: (folder / OUT / one).write_bytes((folder / OUT / other).read_bytes()) and None


def new_module(folder: Path) -> None:
    (folder / "scripts/deepcoder/report/spare.py").write_text("SPARE = 1\n")


WRITTEN = {"typeset": 1, "export_release": 1}  # of the tables: the paper, and the released model's card
READ = {"render": 1, "typeset": 1}  # the documents of everything
TOOK = {"account": 1, **READ}  # after any job before the tables: what it took is in them, and is printed
STEPS = {"account": 1, "plot": 1, **READ}  # after a stage: how long its steps took is drawn
PAGE = {"summarise": 1, **STEPS, **WRITTEN}
SAMPLED = {"sample": 1, "gather_samples": 1}  # of one model, in one shard
REPORT = {"compare_models": 1, **PAGE}
SCORED = {"grade": 3, "score": 3, **REPORT}  # of one model, in three contexts
ONE_STAGE = {"train_stage": 1, "export_model": 1, **SAMPLED, **SCORED}
BOTH_STAGES = {
    "train_stage": 2, "export_model": 2, "sample": 2, "gather_samples": 2, "grade": 6, "score": 6, **REPORT,
}  # fmt: skip
PRODUCTS = {"compare_curations": 1, "export_dataset": 1, "render_problems": 1}  # of the training set
EVERYTHING = {
    "fetch": 1, "normalise": 1, "prepare_benchmark": 1, "tokenizer": 1, "verify": 2, "curate": 2, **PRODUCTS,
    "warm_start": 1, "train_stage": 2, "export_model": 2, "sample": 3, "gather_samples": 3, "grade": 9, "score": 9,
    **REPORT,
}  # fmt: skip
TRAINED_STATE = "strict/tiny/16k/manifest.payload"

EDITS = [
    Edit("a comment in `scripts/verify.py`", change=text("scripts/verify.py", "READS =", "# A comment.\nREADS =")),
    Edit(
        "a docstring in `judge/pool.py`",
        change=text("scripts/deepcoder/judge/pool.py", '"""A pool of sandboxes', '"""Many sandboxes'),
    ),
    Edit(
        "another layout of `curation/verify.py`",
        change=text("scripts/deepcoder/curation/verify.py", "accepted = None", "accepted = (None)"),
    ),
    Edit("a new module that nobody imports", change=new_module),
    Edit(
        "another source's parser (`sources/livecodebench.py`)",
        change=append("scripts/deepcoder/curation/sources/livecodebench.py", "SPARE = 1\n"),
    ),
    Edit(
        "the frame of the doors (`door.py`)",
        change=text("scripts/deepcoder/door.py", "def _terminate(", "SPARE = 1\n\n\ndef _terminate("),
    ),
    Edit("a comment in `config/scale/smoke.yaml`", change=text("config/scale/smoke.yaml", "scale:", "# More.\nscale:")),
    Edit("a setting of how jobs run (`judge.workers`)", overrides=("judge__workers=1",)),
    Edit("how often a stage is saved (`stages.16k.save_every`)", overrides=("stages__16k__save_every=2",)),
    Edit("curves to Weights & Biases (`logging.wandb.project`)", overrides=("logging__wandb__project=deepcoder",)),
    Edit("a key of a recipe that is not run", overrides=("recipes__as_released__clip_high=0.3",)),
    Edit("`touch` of every result", change=touch_everything),
    Edit(
        "an edit and its way back",
        change=both(
            text("scripts/score.py", "READS =", "SPARE = 1\nREADS ="),
            text("scripts/score.py", "SPARE = 1\nREADS =", "READS ="),
        ),
    ),
    Edit(
        "a local variable renamed in `curation/verify.py`",
        {"verify": 2, **TOOK},
        text("scripts/deepcoder/curation/verify.py", "accepted = None", "chosen = accepted = None"),
    ),
    Edit(
        "a constant inside the sandbox (`judge/inside/program.py`), whose digest every score carries",
        {"normalise": 1, "verify": 2, "train_stage": 2, "grade": 9, "score": 9, **REPORT},
        text("scripts/deepcoder/judge/inside/program.py", "DETAIL_CHARS = 300", "DETAIL_CHARS = 301"),
        differs=("verdicts",),
    ),
    Edit(
        "a constant in a module of one script (`report/style.py`)",
        {"plot": 1},
        text("scripts/deepcoder/report/style.py", 'GREY = "#6b6b6b"', 'GREY = "#6b6b6c"'),
    ),
    Edit(
        "the same, and the figures come out different",
        {"plot": 1, "render": 1, "typeset": 1},
        text("scripts/deepcoder/report/style.py", 'GREY = "#6b6b6b"', 'GREY = "#6b6b6c"'),
        differs=("report/figures",),
    ),
    Edit(
        "the source's own parser (`sources/easy.py`)",
        {"fetch": 1, "normalise": 1, **TOOK},
        append("scripts/deepcoder/curation/sources/easy.py", "SPARE = 1\n"),
    ),
    Edit(
        "a key of curation, the same problems stay",
        {"curate": 1, "export_dataset": 1, **TOOK},
        overrides=("curations__strict__min_tests=6",),
    ),
    Edit(
        "a key of curation, other problems stay",
        {"curate": 1, **PRODUCTS, **BOTH_STAGES},
        overrides=("curations__strict__min_tests=6",),
        differs=("data/strict/manifest",),
    ),
    Edit(
        "`judge.memory_limit_mb`, which every score carries too",
        {"normalise": 1, "verify": 2, "train_stage": 2, "grade": 9, "score": 9, **REPORT},
        overrides=("judge__memory_limit_mb=600",),
        differs=("verdicts",),
    ),
    Edit(
        "a key of stage 32k",
        ONE_STAGE,
        overrides=("stages__32k__steps=11",),
        differs=("tiny/32k/manifest",),
    ),
    Edit(
        "the same of stage 16k",
        {**BOTH_STAGES},
        overrides=("stages__16k__steps=11",),
        differs=("tiny/16k/manifest",),
    ),
    Edit(
        "the trainer, and both stages come out the same",
        {"train_stage": 2, **STEPS},
        overrides=("trainer__beta2=0.99",),
    ),
    Edit(
        "the tokenizer's script, the same tokenizer",
        {"tokenizer": 1, **TOOK},
        text("scripts/tokenizer.py", "READS =", "SPARE = 1\nREADS ="),
    ),
    Edit(
        "sampling at evaluation, other samples",
        {"sample": 3, "gather_samples": 3, "grade": 9, "score": 9, **REPORT},
        overrides=("evaluation__sampling__temperature=0.7",),
        differs=("eval/shards",),
    ),
    Edit(
        "the same, and the samples come out the same",
        {"sample": 3, "grade": 9, **TOOK, **WRITTEN},
        overrides=("evaluation__sampling__temperature=0.7",),
    ),
    Edit(
        "how samples of shards are put together, the same samples",
        {"gather_samples": 3, **TOOK},
        append("scripts/deepcoder/evaluation/gather.py", "SPARE = 1\n"),
    ),
    Edit("a shard deleted", {"sample": 1, **TOOK}, delete("strict/tiny/32k/eval/shards/0/manifest.json")),
    Edit(
        "a key of the scores (`evaluation.bootstrap`)",
        {"score": 9, **TOOK},
        overrides=("evaluation__bootstrap=100",),
    ),
    Edit(
        "how training samples (`rollout.samples_per_prompt`)",
        {"train_stage": 2, **STEPS, **WRITTEN},
        overrides=("rollout__samples_per_prompt=4",),
    ),
    Edit(
        "the prose of the paper (`config/paper/paper.typ`)",
        {"typeset": 1},
        text("config/paper/paper.typ", "= Limits", "= Limits of this work"),
    ),
    Edit(
        "a published number",
        PAGE,
        text("config/published/main.csv", "60.6", "60.7"),
    ),
    Edit(
        "the other curation of the comparison, other problems stay",
        {"curate": 1, "compare_curations": 1, **PAGE},
        overrides=("curations__as_released__min_tests=6",),
        differs=("data/as_released/manifest", "data/comparison/manifest"),
    ),
    Edit(
        "a constant of the exported files (`curation/export.py`), the same files",
        {"export_dataset": 1, **TOOK},
        text("scripts/deepcoder/curation/export.py", "FILE_BYTES = 500 << 20", "FILE_BYTES = 501 << 20"),
    ),
    Edit(
        "the markup of the sample problems, another page",
        {"render_problems": 1, **TOOK},
        text("scripts/deepcoder/report/problems_template.py", "There is no problem", "No problem is there"),
        differs=("report/problems",),
    ),
    Edit(
        "the command of a rule",
        {"curate": 2, **TOOK},
        text(
            "rules/data.smk",
            "{params.door} {output} --curation {wildcards.curation}",
            "{params.door} --curation {wildcards.curation} {output}",
        ),
    ),
    Edit("a lock of the environment", EVERYTHING, text("envs/cpu.lock", "\n", "\n# renewed\n")),
    Edit(
        "an intermediate deleted (the training set's manifest)",
        {"curate": 1, **TOOK},
        delete("data/strict/manifest.json"),
    ),
    Edit(
        "a payload deleted (the weights of 16k)",
        {"export_model": 1, **TOOK},
        delete("strict/tiny/16k/model/manifest.payload"),
    ),
    Edit("a record deleted", {"verify": 1, **TOOK}, delete("data/strict/verified/easy/manifest.record.json")),
    Edit(
        "a byte of a raw file flipped",
        change=flip("data/raw/easy/v1/manifest.payload"),
        error="raw/easy/v1/manifest.payload: its bytes",
    ),
    Edit(
        "a checkpoint swapped for another",
        change=swap(TRAINED_STATE, "strict/tiny/32k/manifest.payload"),
        error=f"{TRAINED_STATE}: its bytes",
    ),
]


def table() -> str:
    """The edits as Markdown."""
    lines = ["| edit | what runs |", "|---|---|"]
    for edit in EDITS:
        runs = ", ".join(f"{rule} {count}" if count > 1 else rule for rule, count in edit.reruns.items())
        runs = "everything" if edit.reruns == EVERYTHING else runs
        lines.append(f"| {edit.name} | {'an error that names it' if edit.error else runs or 'nothing'} |")
    return "\n".join(lines) + "\n"
