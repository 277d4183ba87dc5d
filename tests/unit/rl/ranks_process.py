"""One rank of several: updates a model under each parallel layout and writes what it saw; a helper of test_parallel.py.

Usage: ranks_process.py RANK RANKS PORT FOLDER, where FOLDER holds case.pt (see test_parallel.py).
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from deepspeed.utils import safe_get_full_optimizer_state
from torch import Tensor

from deepcoder.rl.rollout import Rollout
from deepcoder.rl.trainer import Place, Trainer

MAX_TOKENS, MINIBATCH = 30, 5
PROBE = [[5, 6, 7, 8, 9], [9, 8, 7]]


def course(trainer: Trainer, rollouts: list[Rollout], saved: Path) -> dict[str, Any]:
    """What a trainer says and holds before and after two updates, after which it saves its state."""
    before = trainer.score([s[:1] for s in PROBE], [s[1:] for s in PROBE])
    report = trainer.update(rollouts, MINIBATCH)
    trainer.save(saved, {})
    return {
        "scores": before,
        "report": {name: value for name, value in vars(report).items() if name != "seconds"},
        "moments": dict(first_moments(trainer)),
        "weights": {name: value.clone() for name, value in trainer.weights()},
        "scores_after": trainer.score([s[:1] for s in PROBE], [s[1:] for s in PROBE]),
    }


def first_moments(trainer: Trainer) -> list[tuple[str, Tensor]]:
    """Adam's running mean of the gradients: the gradients themselves, where weights tell little but their sign."""
    parameters = trainer.engine.module.model.named_parameters()
    return [(name, safe_get_full_optimizer_state(p, "exp_avg").clone()) for name, p in parameters]


def main() -> None:
    rank, ranks, port = map(int, sys.argv[1:4])
    folder = Path(sys.argv[4])
    torch.set_num_threads(1)
    case = torch.load(folder / "case.pt", weights_only=False)
    for name, (model, changes) in case["layouts"][ranks].items():
        settings = replace(case["settings"], ranks=ranks, **changes)
        trainer = Trainer(model, settings, case["recipe"], 0.6, MAX_TOKENS, Place(rank, ranks, "127.0.0.1", port))
        found = course(trainer, case["rollouts"], folder / name)
        torch.save(found, folder / f"{name}-{rank}.pt")


if __name__ == "__main__":
    main()
