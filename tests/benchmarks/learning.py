"""Does the training learn? Held-out pass rate of base, trained and a control with shuffled rewards.

    .venv/bin/python tests/benchmarks/learning.py [--seeds 3] [--engine hf] [--graders] [key=value ...]

Each seed makes its own warm start, then trains all stages of the configuration twice from it: with its rewards,
and with the rewards of each batch shuffled, which carry no signal. Families are held out by composition: no
training problem shares a held-out one's filter, map and reduce. Errors are clustered by problem and seed. The
last line is one JSON object.

With --graders the base also writes, now and then, a program that prints a word whatever the problem asks
(warm_start.lazy, planted so that the loophole is within reach of so small a model). It is trained twice, by the
comparator that DeepCoder's release trained with (as_released) and by ours (tokens), and every model is scored by both:
what does the lenient grader teach?
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from omegaconf import OmegaConf

from deepcoder.config import compose_config, parse_overrides
from deepcoder.config.schema import Config
from deepcoder.easy import generate
from deepcoder.judge import JudgePool
from deepcoder.manifest import Manifest, read_manifest, write_manifest
from deepcoder.rl.export import export_model
from deepcoder.rl.reward import Grader
from deepcoder.rl.sampling import sample_benchmarks
from deepcoder.rl.stage import Settings
from deepcoder.rl.text import Text
from deepcoder.rl.tokenizer import train_tokenizer
from deepcoder.rl.training import local_engines, ray_engines, train_stage
from deepcoder.rl.warm_start import build_model, save_model, train
from deepcoder.schemas.tests_store import TestsStore

Row = dict[str, Any]
LAZY_SHARE = 0.1  # of the warm start's programs in the comparison of graders


def problem_rows(config: Config, store: TestsStore) -> list[Row]:
    """The easy problems with the columns that training and evaluation read, planted defects left out."""
    fraction = config.sources["easy"].options["heldout_fraction"]
    extra = {"source": "easy", "starter_code": "", "time_limit_s": None, "checker": None, "statement_digest": ""}
    rows = [row for row in generate(heldout_fraction=fraction) if not row["id"].startswith("planted")]
    return [{**row, **extra, "tests_ref": store.put(row["tests"])} for row in rows]


def warm_start(config: Config, rows: list[Row], seed: int, root: Path) -> Manifest:
    """Tokenizer and base model of one seed."""
    shape = config.models["tiny"]
    train_tokenizer(rows, shape.vocabulary, root / "tokenizer")
    text = Text(root / "tokenizer", shape.prompt)
    model = build_model(shape, text, seed)
    train(model, text, rows, config.warm_start, seed)
    (root / "hf").mkdir()
    save_model(model, root / "tokenizer", root / "hf")
    return write_manifest(root / "manifest.json", "model", [root / "hf"])


def train_stages(
    config: Config, start: Manifest, rows: list[Row], store: TestsStore, seed: int, root: Path, shuffle: bool
) -> Manifest:
    """All stages of the configuration, one after the other."""
    for name, stage in config.stages.items():
        output = root / name / "manifest.json"
        rollout = replace(config.rollout, shuffle_rewards=shuffle)
        settings = Settings(name, seed, stage, config.recipes[config.recipe], rollout, config.trainer)
        train_stage(
            output=output,
            start=start,
            problems=rows,
            validation=(),
            test_window=(),
            store=store,
            work=root / "work" / name,
            settings=settings,
            model=config.models["tiny"],
            judge=config.judge,
            code="",
            cpus=len(os.sched_getaffinity(0)),
            engines=local_engines if config.rollout.engine.name == "hf" else ray_engines,
        )
        start = export_model(read_manifest(output), start, output.parent / "model" / "manifest.json")
    return start


def responses(config: Config, model: Manifest, rows: list[Row], work: Path) -> list[Row]:
    """Samples on held-out problems, at the evaluation's own sampling parameters."""
    return sample_benchmarks(
        model,
        {"easy": rows},
        {"easy": config.benchmarks["easy"]},
        config.models["tiny"],
        replace(config.rollout.engine, name="hf"),
        config.evaluation.sampling,
        seed=0,
        work=work,
    )["easy"]


def pass_rates(
    config: Config, found: list[Row], rows: list[Row], store: TestsStore, comparator: str = "tokens"
) -> list[float]:
    """Share of passed samples of each held-out problem under a comparator."""
    recipe = replace(config.recipes["strict"], comparator=comparator)
    with JudgePool(config.judge.workers, config.judge.isolation, comparator) as pool:
        grader = Grader(rows, store, pool, recipe, config.judge)
        futures = [
            (row["problem_id"], grader.submit(row["problem_id"], row["prompt"], row["response"])) for row in found
        ]
        passed = [(identity, float(future.result().verdict == "AC")) for identity, future in futures]
    return [_mean([value for other, value in passed if other == row["id"]]) for row in rows]


GRADERS = ("tokens", "as_released")


def compare_graders(config: Config, base: Manifest, data: Data, seed: int, root: Path) -> dict[str, dict[str, float]]:
    """Held-out pass rate of the base and of a training by each comparator, scored by both."""
    models = {"base": base}
    for comparator in GRADERS:
        recipe = replace(config.recipes["strict"], comparator=comparator)
        changed = replace(config, recipes={**config.recipes, config.recipe: recipe})
        models[comparator] = train_stages(changed, base, data.training, data.store, seed, root / comparator, False)
    found = {}
    for name, model in models.items():
        samples = responses(config, model, data.heldout, root / "samples")
        found[name] = {
            scored: _mean(pass_rates(config, samples, data.heldout, data.store, scored)) for scored in GRADERS
        }
        print(f"seed {seed} {name}: " + ", ".join(f"{k} {v:.3f}" for k, v in found[name].items()), flush=True)
    return found


def draw_graders(found: list[dict[str, dict[str, float]]], path: Path) -> None:
    """Bars of what each model scores under either comparator, over seeds."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    labels = {"base": "base", "tokens": "trained by ours", "as_released": "trained by the\nreleased grader"}
    figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    for offset, (scored, colour, told) in enumerate(
        (("as_released", "#E69F00", "released grader"), ("tokens", "#0072B2", "our judge"))
    ):
        values = [_mean([seed[name][scored] for seed in found]) for name in labels]
        bars = axes.bar([x + (offset - 0.5) * 0.38 for x in range(3)], values, 0.36, color=colour, label=told)
        axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=2, fontsize=8)
    axes.set(xticks=range(3), xticklabels=list(labels.values()), ylim=(0, 1.1), ylabel="held-out pass@1")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(title="scored by", loc="outside right upper", frameon=False)
    figure.savefig(path, metadata={"Date": None})


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def z_score(differences: list[float]) -> float:
    """Mean over standard error of paired differences, one for each problem and seed."""
    mean = _mean(differences)
    variance = sum((value - mean) ** 2 for value in differences) / (len(differences) - 1)
    return mean / max((variance / len(differences)) ** 0.5, 1e-12)


@dataclass
class Data:
    """The easy problems, and where their tests are."""

    training: list[Row]
    heldout: list[Row]
    store: TestsStore


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--engine", default="hf", choices=("hf", "vllm"))
    parser.add_argument("--no-control", action="store_true", help="leave the shuffled rewards out")
    parser.add_argument("--graders", action="store_true", help="compare trainings by two graders as well")
    parser.add_argument("--figure", type=Path, help="with --graders: where to draw the comparison (SVG)")
    parser.add_argument("--keep", type=Path, help="keep all models below this folder")
    parser.add_argument("overrides", nargs="*")
    args = parser.parse_args()
    config: Any = OmegaConf.to_object(compose_config(parse_overrides(args.overrides)))
    config.rollout.engine.name = args.engine
    rates: dict[str, list[float]] = {"base": [], "trained": [], "shuffled": []}
    compared: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as folder:
        root = args.keep or Path(folder)
        store = TestsStore(root / "tests")
        rows = problem_rows(config, store)
        data = Data(*([row for row in rows if row["split"] == split] for split in ("train", "heldout")), store)
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            here = root / f"seed-{seed}"
            base = warm_start(config, rows, seed, here / "base")
            models = {"base": base}
            for name, shuffle in (("trained", False), ("shuffled", True)):
                if not (shuffle and args.no_control):
                    models[name] = train_stages(config, base, data.training, store, seed, here / name, shuffle)
            for name, model in models.items():
                samples = responses(config, model, data.heldout, here / "samples")
                rates[name] += (found := pass_rates(config, samples, data.heldout, store))
                print(f"seed {seed} {name}: {_mean(found):.3f} of held-out families' problems solved", flush=True)
            if args.graders:
                lazy = replace(config, warm_start=replace(config.warm_start, lazy=LAZY_SHARE))
                lazy_base = warm_start(lazy, rows, seed, here / "lazy")
                compared.append(compare_graders(config, lazy_base, data, seed, here / "graders"))
    summary = {name: round(_mean(values), 4) for name, values in rates.items() if values}
    gain = [b - a for a, b in zip(rates["base"], rates["trained"], strict=True)]
    summary |= {"z": round(z_score(gain), 2), "seeds": args.seeds, "problems": len(data.heldout)}
    if compared:
        for name, scored in (("lenient_reward", "as_released"), ("lenient_true", "tokens")):
            summary[name] = round(_mean([found["as_released"][scored] for found in compared]), 4)
        summary["strict_true"] = round(_mean([found["tokens"]["tokens"] for found in compared]), 4)
        if args.figure:
            draw_graders(compared, args.figure)
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
