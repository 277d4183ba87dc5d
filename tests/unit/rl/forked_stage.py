"""A stage in a forked process that tells what it does; a helper of the tests that kill it.

What takes seconds is imported once, by the server that all these processes are forked from. The ranks of the trainer
are processes too, joined by gloo; pipes stand for Ray, whose start takes longer than the stage.
"""

import importlib
import multiprocessing
import pickle
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from tests.unit.rl.stage_process import run_stage

from deepcoder.rl import reward, stage
from deepcoder.rl.checkpoints import Checkpoints
from deepcoder.rl.engine import Place
from deepcoder.rl.sampler import make_sampler
from deepcoder.rl.trainer import Trainer

for used_in_time in (
    "deepspeed.module_inject",
    "hydra._internal.hydra",
    "pandas",
    "torch._inductor.compile_fx",
    "torch.utils.tensorboard",
    "transformers.models.qwen2.modeling_qwen2",
):
    importlib.import_module(used_in_time)
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload([__name__])
PHASES: dict[str, tuple[Any, str]] = {
    "resume": (stage.Run, "resume"),
    "sample": (stage.Run, "sample"),
    "judge": (stage, "rollouts_of"),
    "update": (stage.Run, "update"),
    "sync": (stage.Run, "hand_over"),
    "save": (Checkpoints, "save"),
}


class ForkedTrainer:
    """All ranks of the trainer behind the interface of one; made before any thread is."""

    def __init__(self, ranks: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.ranks: list[Connection] = []
        for rank in range(ranks):
            ours, theirs = multiprocessing.Pipe()
            place = Place(rank, ranks, "127.0.0.1", port)
            multiprocessing.get_context("fork").Process(target=serve_rank, args=(theirs, place), daemon=True).start()
            self.ranks.append(ours)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            for rank in self.ranks:
                rank.send_bytes(pickle.dumps((method, args)))
            first, *_ = [pickle.loads(rank.recv_bytes()) for rank in self.ranks]
            return first

        return call


def serve_rank(calls: Connection, place: Place) -> None:
    """Be one rank."""
    torch.set_num_threads(1)
    trainer: Any = None
    while True:
        method, args = pickle.loads(calls.recv_bytes())
        found = None
        if method == "start":
            *first, response_limit = args
            trainer = Trainer(*first, place, response_limit)
        else:
            found = getattr(trainer, method)(*args)
            found = list(found) if method == "weights" else found
        calls.send_bytes(pickle.dumps(found if place.rank == 0 else None))


def tell_phases(told: Connection) -> None:
    """Send the name of each phase when it begins and ("end", name) when it ends."""
    for name, (owner, method) in PHASES.items():
        original = getattr(owner, method)

        def telling(*args: Any, name: str = name, work: Any = original, **options: Any) -> Any:
            told.send(name)
            try:
                return work(*args, **options)
            finally:
                told.send(f"{name} ends")

        setattr(owner, method, telling)


def run_forked(model: Path, root: Path, schedule: str, ranks: int, told: Connection) -> None:
    """Run the stage of run_stage in this process and its ranks in others."""
    trainer = ForkedTrainer(ranks)

    def engines(_: Any, folder: Path, settings: stage.Settings, cpus: int) -> tuple[Any, Any]:
        limits = settings.stage
        temperature = settings.rollout.temperature
        sizes = (limits.max_tokens_per_gpu, limits.max_response_tokens)
        trainer.start(folder, settings.trainer, settings.recipe, temperature, *sizes)
        return make_sampler(
            folder, settings.rollout.engine, limits.max_prompt_tokens + limits.max_response_tokens
        ), trainer

    # An untrained model writes no program: each response stands for one.
    reward.extract_code = lambda text, **_: f"# {text!r}"  # type: ignore[assignment]
    tell_phases(told)
    run_stage(model, root, schedule, ranks=ranks, engines=engines)
