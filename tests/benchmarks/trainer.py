"""Update speed beside TRL's GRPOTrainer, and the memory of the output head's log-probabilities.

    .venv/bin/python tests/benchmarks/trainer.py [--rounds 5] [--sequences 32] [--threads 1]

Both trainers take the same tiny model through the same samples: batch after batch, each of two mini-batches, with
old log-probabilities, AdamW and gradient clipping, and at most BUDGET tokens in a micro-batch, padding included.
A round of ours follows each of TRL's, inside TRL's own training loop, so that a busy machine slows both. Figures are
the median over rounds, after one to warm up; speed counts real tokens, not padding. Sampling and rewards are
outside: TRL's samples are replaced by the given ones where it would generate. Each memory figure is the peak of the
resident set (VmHWM, Linux) above its size before, in a process of its own. The last line is one JSON object: speed
as a multiple of TRL's at equal lengths (vs_trl) and with a long tail of lengths (vs_trl_padded), and the peak of the
chunked log-probabilities as a share of the plain ones at 2048 tokens x 152,064 (logprob_peak_ratio).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import torch
from omegaconf import OmegaConf
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from deepcoder.config import compose_config
from deepcoder.easy import generate
from deepcoder.rl.log_probs import token_log_probs
from deepcoder.rl.rollout import Rollout

BUDGET = 4096  # tokens of a micro-batch
GROUP = 8
TEMPERATURE = 0.6
LENGTHS = ("equal", "tailed")
HEAD = {"hidden": 64, "vocabulary": 152_064}
HEAD_TOKENS = {"plain": (512, 1024, 2048), "chunked": (512, 1024, 2048, 4096, 8192)}
MEGA = 1e6


def make_samples(lengths: str, number: int, vocabulary: int) -> list[Rollout]:
    """Prompts and responses of random tokens; "tailed": a log-normal of median 64, as responses of a policy are."""
    rng = random.Random(0)
    found = []
    for index in range(number):
        prompt, response = 64, 192
        if lengths == "tailed":
            prompt = rng.randint(32, 96)
            response = min(768, max(8, int(64 * rng.lognormvariate(0, 1))))
        tokens = [rng.randrange(4, vocabulary) for _ in range(prompt + response)]
        log_probs = [-6.9] * response
        rollout = Rollout(str(index // GROUP), index % GROUP, tokens[:prompt], tokens[prompt:], log_probs, False, 0)
        rollout.advantage = rng.choice((-1.0, 1.0))
        found.append(rollout)
    return found


def make_model(folder: Path, config: Any) -> Path:
    """The smoke scale's tiny model with random weights."""
    from deepcoder.rl.text import Text
    from deepcoder.rl.tokenizer import train_tokenizer
    from deepcoder.rl.warm_start import build_model, save_model

    shape = config.models["tiny"]
    train_tokenizer(list(generate(0, 0.25)), shape.vocabulary, folder / "tokenizer")
    (folder / "hf").mkdir()
    save_model(build_model(shape, Text(folder / "tokenizer", "plain"), 0), folder / "tokenizer", folder / "hf")
    return folder / "hf"


def our_round(model: Path, config: Any, samples: list[Rollout]) -> Callable[[], float]:
    """A function that takes one batch of two updates and returns its seconds."""
    from deepcoder.rl.trainer import Trainer

    settings = replace(config.trainer, learning_rate=1e-6)
    trainer = Trainer(model, settings, config.recipes["strict"], TEMPERATURE, BUDGET)

    def run() -> float:
        start = time.perf_counter()
        trainer.update(samples, len(samples) // 2)
        return time.perf_counter() - start

    return run


def run_trl(
    model: Path,
    config: Any,
    samples: list[Rollout],
    rounds: int,
    between: Callable[[], None],
    before: Callable[[], None] = lambda: None,
) -> list[float]:
    """Seconds of each of TRL's rounds; `between` is called after each, `before` ahead of the first."""
    from datasets import Dataset
    from transformers import AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    padded = max(len(s.prompt_ids) for s in samples) + max(len(s.response_ids) for s in samples)
    half = len(samples) // 2
    batch = max(size for size in range(1, half + 1) if half % size == 0 and size * padded <= BUDGET)
    seconds: list[float] = []
    started = 0.0

    class Given(GRPOTrainer):
        def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
            nonlocal started
            started = time.perf_counter()
            made = padded_inputs(samples, self.processing_class.pad_token_id)
            ids = torch.cat([made["prompt_ids"], made["completion_ids"]], dim=1)
            mask = torch.cat([made["prompt_mask"], made["completion_mask"]], dim=1)
            with torch.no_grad():  # as TRL does where a batch has more than one update
                old, _, _ = self._get_per_token_logps_and_entropies(
                    self.model, ids, mask, made["completion_ids"].shape[1], batch
                )
            return {**made, "old_per_token_logps": old}

    class Clock(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            before()

        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if state.global_step % 2 == 0:
                seconds.append(time.perf_counter() - started)
                between()

    with tempfile.TemporaryDirectory() as folder:
        trainer = Given(
            model=str(model),
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            train_dataset=Dataset.from_dict({"prompt": ["x"] * (len(samples) // GROUP)}),
            processing_class=AutoTokenizer.from_pretrained(model),
            callbacks=[Clock()],
            args=GRPOConfig(
                output_dir=folder,
                max_steps=2 * rounds,
                per_device_train_batch_size=batch,
                gradient_accumulation_steps=half // batch,
                steps_per_generation=2 * half // batch,
                num_generations=GROUP,
                loss_type="dapo",
                beta=0.0,
                epsilon=0.2,
                epsilon_high=0.28,
                temperature=TEMPERATURE,
                learning_rate=1e-6,
                lr_scheduler_type="constant",
                weight_decay=config.trainer.weight_decay,
                max_grad_norm=config.trainer.grad_clip,
                gradient_checkpointing=False,
                bf16=False,
                use_cpu=True,
                dataloader_pin_memory=False,
                logging_strategy="no",
                save_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
        )
        trainer.train()
    return seconds


def padded_inputs(samples: list[Rollout], padding: int) -> dict[str, Any]:
    """The batch as GRPOTrainer lays it out: prompts padded on the left, responses on the right."""
    prompts = [torch.tensor(s.prompt_ids[::-1]) for s in samples]
    responses = [torch.tensor(s.response_ids) for s in samples]

    def block(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
        mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        return pad_sequence(rows, batch_first=True, padding_value=padding), mask

    (prompt_ids, prompt_mask), (completion_ids, completion_mask) = block(prompts), block(responses)
    return {
        "prompt_ids": prompt_ids.flip(1),
        "prompt_mask": prompt_mask.flip(1),
        "completion_ids": completion_ids,
        "completion_mask": completion_mask,
        "advantages": torch.tensor([s.advantage for s in samples]),
        "num_items_in_batch": completion_mask.sum(),
    }


def resident(name: str) -> float:
    """VmRSS or VmHWM of this process, in bytes; ru_maxrss would begin with the peak of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def head_memory(variant: str, tokens: int) -> float:
    """Bytes that the log-probabilities of `tokens` positions and their gradient add to the peak."""
    torch.manual_seed(0)
    hidden = torch.randn(tokens, HEAD["hidden"], requires_grad=True)
    weight = torch.randn(HEAD["vocabulary"], HEAD["hidden"], requires_grad=True)
    targets = torch.randint(0, HEAD["vocabulary"], (tokens,))
    # Threads and kernels are loaded before the first look.
    token_log_probs(hidden[:8], weight[:8], targets[:8] % 8)[0].sum().backward()
    before = resident("VmRSS")
    if variant == "chunked":
        log_probs, _ = token_log_probs(hidden, weight, targets, TEMPERATURE)
    else:
        log_p = torch.log_softmax(hidden @ weight.t() / TEMPERATURE, dim=-1)
        log_probs = log_p.gather(-1, targets[:, None])
        with torch.no_grad():
            -(log_p.exp() * log_p).sum(dim=-1)
    log_probs.sum().backward()
    return resident("VmHWM") - before


def child(*words: object) -> float:
    """What this script says in a process of its own."""
    command = [sys.executable, __file__, "--child", *map(str, words)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(run.stderr)
    return float(run.stdout.splitlines()[-1])


def in_child(words: list[str], config: Any) -> float:
    """Bytes for `--child head VARIANT TOKENS` or `--child update WHOSE LENGTHS NUMBER FOLDER`."""
    if words[0] == "head":
        return head_memory(words[1], int(words[2]))
    _, whose, lengths, number, folder = words
    samples = make_samples(lengths, int(number), config.models["tiny"].vocabulary)
    seen: list[float] = []
    if whose == "ours":
        run = our_round(Path(folder), config, samples)
        seen.append(resident("VmRSS"))
        run()
    else:
        run_trl(Path(folder), config, samples, 1, lambda: None, lambda: seen.append(resident("VmRSS")))
    return resident("VmHWM") - seen[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sequences", type=int, default=32, help="of a batch; a multiple of 16")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    config: Any = OmegaConf.to_object(compose_config({}))
    if args.child:
        print(in_child(args.child, config))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(Path(folder), config)
        for lengths in LENGTHS:
            samples = make_samples(lengths, args.sequences, config.models["tiny"].vocabulary)
            tokens = sum(s.length for s in samples)
            ours: list[float] = []
            run = our_round(model, config, samples)
            theirs = run_trl(model, config, samples, args.rounds + 1, lambda run=run, ours=ours: ours.append(run()))
            rates = [tokens / median(seconds[1:]) / args.threads for seconds in (ours, theirs)]
            found[lengths] = median(b / a for a, b in zip(ours[1:], theirs[1:], strict=True))
            peaks = [child("update", whose, lengths, args.sequences, model) for whose in ("ours", "trl")]
            print(
                f"{lengths} lengths: {tokens} tokens; tokens/s per core {rates[0]:.0f} against TRL's {rates[1]:.0f}, "
                f"{found[lengths]:.2f} times; update adds {peaks[0] / MEGA:.0f} MB against {peaks[1] / MEGA:.0f} MB",
                flush=True,
            )
    head: dict[str, dict[int, float]] = {}
    for variant, sizes in HEAD_TOKENS.items():
        head[variant] = {tokens: child("head", variant, tokens) for tokens in sizes}
        told = ", ".join(f"{tokens}: {value / MEGA:.0f}" for tokens, value in head[variant].items())
        print(f"{variant} log-probabilities, MB by tokens: {told}", flush=True)
    ratio = head["chunked"][2048] / head["plain"][2048]
    figures = {"vs_trl": found["equal"], "vs_trl_padded": found["tailed"], "logprob_peak_ratio": ratio}
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
