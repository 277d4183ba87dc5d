"""Where a stage's curves go while it trains: TensorBoard in its folder, and Weights & Biases where asked.

Weights & Biases runs in a process of its own (scripts/log_to_wandb.py), which follows the stage's progress log: its
threads, its hooks, a network that is down or a defect of its own cannot reach the training.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from deepcoder.config.machine import Wandb
from deepcoder.errors import UserError
from deepcoder.files import writing

Draw = Callable[[dict[str, Any]], None]
FOLLOWER = Path(__file__).parents[2] / "log_to_wandb.py"
END_SECONDS = 30.0  # for what is not sent yet when a stage ends


@dataclass(frozen=True)
class Curves:
    """What is logged to Weights & Biases, and by which program.

    Attributes:
        name: recipe/model/stage.
    """

    wandb: Wandb
    name: str
    program: Path = FOLLOWER


@contextmanager
def tensorboard(folder: Path) -> Iterator[Draw]:
    """TensorBoard in a folder: a function that adds a row's figures to its curves."""
    from torch.utils.tensorboard import SummaryWriter

    def draw(row: dict[str, Any]) -> None:
        with writing(folder):
            for name, value in row.items():
                if name != "step" and value is not None:
                    board.add_scalar(name, value, row["step"])

    with writing(folder):
        board = SummaryWriter(str(folder), flush_secs=10)
    try:
        yield draw
    finally:
        with writing(folder):
            board.close()


def check_wandb(wandb: Wandb) -> None:
    """Raise UserError where Weights & Biases is asked for and not installed."""
    if wandb.project and find_spec("wandb") is None:
        raise UserError(
            "logging.wandb.project is set, but wandb is not installed; run make .venv/wandb.stamp, or set it to null"
        )


@contextmanager
def wandb_beside(curves: Curves | None, work: Path, config: Mapping[str, Any]) -> Iterator[None]:
    """Have a stage's progress log followed while the block runs; whatever happens there is at most a warning.

    Args:
        work: folder of the stage's resumable state, where the log is.
        config: what is shown beside the curves.
    """
    if curves is None or not curves.wandb.project:
        yield
        return
    order = {"work": str(work), "name": curves.name, "config": config, **asdict(curves.wandb)}
    try:
        # A session of its own, so that a Ctrl-C meant for the run does not cut the last figures off.
        follower = subprocess.Popen([sys.executable, curves.program], stdin=subprocess.PIPE, start_new_session=True)
    except OSError as error:
        _warn(str(error))
        yield
        return
    try:
        _tell(follower, f"{json.dumps(order)}\n".encode())
        yield
    finally:
        _end(follower)


def _tell(follower: subprocess.Popen[bytes], line: bytes) -> None:
    assert follower.stdin is not None
    with suppress(OSError):  # it has ended: its exit status is told of at the end
        follower.stdin.write(line)
        follower.stdin.flush()


def _end(follower: subprocess.Popen[bytes]) -> None:
    """Let it send what it has, for a while."""
    assert follower.stdin is not None
    with suppress(OSError):
        follower.stdin.close()
    try:
        status = follower.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        follower.kill()
        _warn(f"it was not done {END_SECONDS:g} s after the stage and was ended")
        return
    if status:
        _warn(f"its process ended with status {status}")


def _warn(words: str) -> None:
    print(f"warning: Weights & Biases: {words}; no result depends on it", file=sys.stderr, flush=True)
