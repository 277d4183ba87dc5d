"""Sample one shard of some benchmarks with one engine start, keeping what is finished if interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deepcoder import prompts
from deepcoder.config.schema import Benchmark, Model, Sampling
from deepcoder.config.schema import Engine as EngineConfig
from deepcoder.errors import UserError
from deepcoder.files import sha256_json
from deepcoder.journal import Journal
from deepcoder.manifest import Manifest
from deepcoder.rl.rollout import Request, Sample
from deepcoder.rl.sampler import Sampler, SamplingOptions, make_sampler
from deepcoder.rl.seeds import seed_of
from deepcoder.rl.text import Text
from deepcoder.shards import Shard

Row = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """One response wanted: its benchmark, its row of schemas.sample.SAMPLE without the answer, and the request."""

    benchmark: str
    row: Row
    request: Request


def sample_benchmarks(
    checkpoint: Manifest,
    problems: Mapping[str, Sequence[Row]],
    benchmarks: Mapping[str, Benchmark],
    model: Model,
    engine: EngineConfig,
    sampling: Sampling,
    seed: int,
    work: Path,
    shard: Shard,
) -> dict[str, list[Row]]:
    """Rows of schemas.sample.SAMPLE for each benchmark: those of one shard, of at most sampling.max_response_tokens.

    A sample's seed depends on the run's seed, the problem and its number only: models are compared on equal draws,
    whatever the number of shards.

    Args:
        checkpoint: artifact with hf/.
        problems: rows of schemas.problem.PROBLEM by benchmark, all of them in every shard.
        work: folder for finished samples of an interrupted run; emptied of them by `forget`.
    """
    checkpoint.check()
    folder = checkpoint.path.parent / "hf"
    text = Text(folder, model.prompt)
    options = SamplingOptions(sampling.temperature, sampling.top_p)
    limit = sampling.max_response_tokens
    asks = [ask for name in problems for ask in _asks(name, problems[name], benchmarks[name], text, limit, seed, shard)]
    journal = Journal(journal_path(work, checkpoint, engine, options, shard))
    found = {sample.key: sample for sample in _samples(journal)}
    missing = [ask.request for ask in asks if ask.request.key not in found]
    print(f"{len(asks) - len(missing)} of {len(asks)} samples are there from before", flush=True)
    if missing:
        longest = max(len(ask.request.prompt_ids) for ask in asks) + limit
        for sample in _start(folder, engine, longest, text).generate(missing, options):
            journal.add(asdict(sample))
            found[sample.key] = sample
    rows: dict[str, list[Row]] = {name: [] for name in problems}
    for ask in asks:
        sample = found[ask.request.key]
        answer = {"response": text.decode(sample.token_ids), "token_ids": sample.token_ids, "finish": sample.finish}
        rows[ask.benchmark].append({**ask.row, **answer})
    return rows


def forget(work: Path, checkpoint: Manifest, engine: EngineConfig, sampling: Sampling, shard: Shard) -> None:
    """Delete the finished samples of a shard once they are in an artifact."""
    options = SamplingOptions(sampling.temperature, sampling.top_p)
    Journal(journal_path(work, checkpoint, engine, options, shard)).forget()


def journal_path(
    work: Path, checkpoint: Manifest, engine: EngineConfig, options: SamplingOptions, shard: Shard
) -> Path:
    """Where the finished samples of a checkpoint under given sampling parameters are kept; no two jobs share one."""
    weights = {name: facts["sha256"] for name, facts in checkpoint.files.items() if name.startswith("hf/")}
    asked = sha256_json([weights, engine.name, engine.dtype, asdict(options)])[:24]
    return work / f"{asked}-{shard.number}-of-{shard.of}.jsonl"


def _samples(journal: Journal) -> Iterator[Sample]:
    for value in journal.read():
        with suppress(TypeError):  # of a line that is none of ours
            yield Sample(**value)


def _start(folder: Path, engine: EngineConfig, longest: int, text: Text) -> Sampler:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    room = int(config.get("max_position_embeddings") or longest)
    if longest > room:
        raise UserError(
            f"{folder}: holds {room} tokens, but prompt and response may need {longest}; "
            "lower evaluation.sampling.max_response_tokens or choose another model"
        )
    return make_sampler(folder, engine, longest)


def _asks(
    name: str, problems: Sequence[Row], benchmark: Benchmark, text: Text, limit: int, seed: int, shard: Shard
) -> Iterator[Ask]:
    drawn = shard.draws([problem["id"] for problem in problems], benchmark.samples)
    for problem in problems:
        if not drawn[problem["id"]]:
            continue
        system = prompts.system_message(benchmark.prompt)
        prompt = text.prompt_text(prompts.message(problem, benchmark.prompt), system)
        prompt_ids = text.encode(prompt)
        for number in drawn[problem["id"]]:
            own = seed_of(seed, "evaluation", problem["id"], number)
            row = {"problem_id": problem["id"], "sample": number, "seed": own, "prompt": prompt}
            key = sha256_json([prompt_ids, own, limit])[:32]
            yield Ask(name, row, Request(key, prompt_ids, own, limit))
