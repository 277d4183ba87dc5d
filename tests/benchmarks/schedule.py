"""How much time the schedules save: the code that trains, on engines that only take the time of a profile.

    .venv/bin/python tests/benchmarks/schedule.py [--smoke results/smoke]

`profiles/coding.yaml` and `mathematics.yaml` are the published seconds of each phase: `one_off` against `sync`, and its
efficiency, max(generate, train) over the measured step. `profiles/long_tail.yaml` is a model of 14B on H100s: `async`
against `one_off`, and against the bound (a step takes at least the longer of the sampler's tokens over its highest
throughput and the trainer's time). Where a smoke run has been made, its stages are the check on reality: a replay of
their mean phases is put beside the steps that they took. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import pyarrow.parquet as pq
import yaml
from omegaconf import OmegaConf
from tests.benchmarks.harness import replay

from deepcoder.config import compose_config
from deepcoder.config.schema import Batch
from deepcoder.rl import schedule
from deepcoder.rl.checkpoints import Checkpoints
from deepcoder.rl.stage import Run, Settings

PROFILES = Path(__file__).with_name("profiles")
PROMPTS, SAMPLES = 16, 8  # of a replayed batch; a profile's own batch is scaled down to it
BATCH = PROMPTS * SAMPLES
MAIN = ("early", 32)  # the model that the last line is about
PROCESSES = 8


@dataclass
class Measured:
    """What a schedule took.

    Attributes:
        step_s: mean seconds of a profile a step, without the first two, which fill the pipeline.
        staleness: tokens by the number of policy versions behind.
        sampler_idle, trainer_idle: share of the time.
    """

    step_s: float
    staleness: Counter[int]
    sampler_idle: float
    trainer_idle: float


def measure(name: str, sampler: Any, trainer: Any, grader: Any, steps: int, max_staleness: int = 1) -> Measured:
    """Run a schedule of rl/schedule.py on replayed engines."""
    config: Any = OmegaConf.to_object(compose_config({}))
    stage = config.stages["16k"]
    stage.steps, stage.validate_every, stage.save_every = steps, 0, 0
    stage.batch, config.rollout.samples_per_prompt = Batch(PROMPTS, PROMPTS // 2), SAMPLES
    config.trainer.schedule, config.trainer.max_staleness = name, max_staleness
    settings = Settings("16k", 0, stage, config.recipes["strict"], config.rollout, config.trainer)
    problems = [{"id": str(n), "source": "easy", "statement": str(n), "starter_code": ""} for n in range(200)]
    ages: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder), name, 1)
        run = Run(settings, replay.ReplayText(), sampler, trainer, grader, checkpoints, problems)  # type: ignore[arg-type]
        weigh = run.trainer.update

        def count(rollouts: Any, minibatch: int) -> Any:
            ages.update({a: sum(n for r in rollouts for v, n in r.versions if run.version - v == a) for a in range(9)})
            return weigh(rollouts, minibatch)

        run.trainer.update = count  # type: ignore[method-assign]
        assert type(run) is Run
        assert schedule.SCHEDULES[name].__module__ == "deepcoder.rl.schedule"
        schedule.SCHEDULES[name](run, lambda row: None)
        checkpoints.close()
    rows = run.timings[2:-1] or run.timings[1:]
    total = sum(row["step_s"] for row in rows)
    idle = {device: sum(row[f"{device}_idle_s"] for row in rows) / total for device in ("sampler", "trainer")}
    return Measured(total / len(rows) / replay.SCALE, +ages, idle["sampler"], idle["trainer"])


def published(name: str, kind: str, steps: int) -> Measured:
    """A schedule on the published seconds of its phases."""
    phases = profile_of(name)[kind]
    drawn = itertools.cycle(replay.lengths(BATCH, 12000, 0.7, 32768, name))
    sampler = replay.PhaseSampler(phases["generate"], drawn, phases["weights"], BATCH)
    trainer, grader = replay.ReplayTrainer(phases["train"], BATCH), replay.ReplayGrader(phases["reward"], BATCH)
    return measure(kind, sampler, trainer, grader, steps)


@dataclass(frozen=True)
class Model:
    """The long-tailed profile on a number of GPUs, scaled down to the replayed batch."""

    stage: str
    gpus: int

    @property
    def drawn(self) -> list[int]:
        profile = profile_of("long_tail")
        return replay.lengths(BATCH * 40, profile["lengths"][self.stage], profile["spread"], profile["cap"], self.stage)

    @property
    def units(self) -> float:
        """Of a batch, on average."""
        return sum(self.drawn) / len(self.drawn) * BATCH

    @property
    def throughput(self) -> float:
        """Units a second of all samplers, with as many sequences as one likes."""
        profile = profile_of("long_tail")
        shrink = profile["samples"] / BATCH
        gpus = self.gpus * profile["sampler_share"]
        return profile["sampled_per_gpu"] * gpus / shrink / replay.TOKENS_PER_UNIT

    @property
    def train_s(self) -> float:
        profile = profile_of("long_tail")
        tokens = self.units * replay.TOKENS_PER_UNIT * profile["samples"] / BATCH
        return tokens / (profile["trained_per_gpu"] * self.gpus * (1 - profile["sampler_share"]))

    @property
    def bound_s(self) -> float:
        """No schedule takes less for a step: the devices would have to work more than all the time."""
        return max(self.units / self.throughput, self.train_s)


def long_tail(stage: str, gpus: int, kind: str, steps: int) -> Measured:
    """A schedule on long-tailed lengths."""
    profile, model = profile_of("long_tail"), Model(stage, gpus)
    latency = profile["latency_s"] * replay.TOKENS_PER_UNIT
    sampler = replay.ReplaySampler(latency, model.throughput, itertools.cycle(model.drawn), profile["weights_s"])
    trainer, grader = replay.ReplayTrainer(model.train_s, BATCH), replay.ReplayGrader(0.0, BATCH)
    return measure(kind, sampler, trainer, grader, steps, profile["max_staleness"])


def replayed_stage(timings: Path) -> tuple[float, float]:
    """Seconds of a step of a real stage under `sync`, without validation: as it was, and as its phases are replayed."""
    rows = pq.read_table(timings).to_pylist()[1:]  # the first step warms the engines up
    mean = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    phases = {name: value / replay.SCALE for name, value in mean.items()}  # not sped up
    drawn = itertools.cycle(replay.lengths(BATCH, 12000, 0.7, 32768, timings))
    sampler = replay.PhaseSampler(phases["sample_s"], drawn, phases["sync_s"], BATCH)
    trainer = replay.ReplayTrainer(phases["log_probs_s"] + phases["update_s"], BATCH)
    took = measure("sync", sampler, trainer, replay.ReplayGrader(phases["judge_wait_s"], BATCH), steps=5)
    return mean["step_s"] - mean["validate_s"], took.step_s * replay.SCALE


def profile_of(name: str) -> dict[str, Any]:
    return yaml.safe_load((PROFILES / f"{name}.yaml").read_text())


PUBLISHED = [(name, kind, steps) for name in ("coding", "mathematics") for kind, steps in (("sync", 4), ("one_off", 7))]
LONG_TAIL = [
    ("early", 32, "sync", 4),
    ("early", 32, "minibatch_pipeline", 4),
    ("early", 32, "one_off", 6),
    ("early", 32, "async", 10),
    ("late", 32, "one_off", 5),
    ("late", 32, "async", 8),
    ("early", 1024, "one_off", 10),
    ("early", 1024, "async", 30),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", type=Path, default=Path("results/smoke"), help="folder of a smoke run")
    args = parser.parse_args()
    # Replayed engines sleep, so that measurements beside each other do not disturb one another much.
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        published_runs = {task[:2]: pool.submit(published, *task) for task in PUBLISHED}
        tail_runs = {task[:3]: pool.submit(long_tail, *task) for task in LONG_TAIL}
        summary: dict[str, float] = {}
        efficiencies = []
        for name, short in (("coding", "coding"), ("mathematics", "math")):
            sync, one_off = (published_runs[name, kind].result() for kind in ("sync", "one_off"))
            profile = profile_of(name)
            phases = profile["one_off"]
            efficiencies.append(max(phases["generate"], phases["train"]) / one_off.step_s)
            summary[f"one_off_{short}"] = ratio = sync.step_s / one_off.step_s
            print(
                f"{name:12} sync {sync.step_s:5.0f} s   one_off {one_off.step_s:5.0f} s   {ratio:.2f}x (published "
                f"{profile['published_speed_up']})   efficiency {efficiencies[-1]:.3f}"
            )
        for (stage, gpus, kind), future in tail_runs.items():
            tell(Model(stage, gpus), kind, future.result())
        took = {
            kind: future.result().step_s for (stage, gpus, kind), future in tail_runs.items() if (stage, gpus) == MAIN
        }
    real = sorted(args.smoke.glob("strict/*/*/timings.parquet"))
    for timings in real:
        measured, replayed = replayed_stage(timings)
        told = f"a step took {measured:.2f} s, replayed {replayed:.2f} s ({replayed / measured:.2f}x)"
        print(f"smoke run, stage {timings.parent.name}: {told}")
    if not real:
        print(f"{args.smoke} holds no stage: no check on reality; make smoke, then run this again")
    summary["one_off_efficiency"] = min(efficiencies)
    summary["async_of_bound"] = Model(*MAIN).bound_s / took["async"]
    summary["async_over_one_off"] = took["one_off"] / took["async"]
    print(json.dumps({name: round(value, 3) for name, value in summary.items()}))


def tell(model: Model, kind: str, took: Measured) -> None:
    """One line of the table of long-tailed lengths."""
    total = took.staleness.total()
    ages = ", ".join(f"{age}: {count / total:.0%}" for age, count in sorted(took.staleness.items()))
    print(
        f"{model.stage:6}{model.gpus:5} GPUs  {kind:18} {took.step_s:6.0f} s  {model.bound_s / took.step_s:5.1%} "
        f"of the bound ({model.bound_s:.0f} s)  idle: sampler {took.sampler_idle:.0%}, trainer {took.trainer_idle:.0%} "
        f" staleness {ages}"
    )


if __name__ == "__main__":
    main()
