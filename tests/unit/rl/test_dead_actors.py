"""An actor that dies at its work ends the stage soon, in one clear error, and leaves its checkpoints alone behind."""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import ray
from tests.unit.judge.test_hostile import descendants
from tests.unit.rl.stage_process import run_stage
from tests.unit.rl.test_faults import steps_saved
from tests.unit.rl.test_kill import durations, start
from tests.unit.rl.test_resume import assert_same

from deepcoder.cluster.ray import joined_ray
from deepcoder.errors import Resumable
from deepcoder.rl.stage import Settings
from deepcoder.rl.training import ray_engines
from deepcoder.rl.workers import _result

SCHEDULE, RANKS = "one_off", 2


def finish(model: Path, root: Path) -> None:
    process, signs = start(model, root, SCHEDULE, RANKS)
    durations(signs)
    process.join()
    assert process.exitcode == 0


@pytest.fixture(scope="module")
def undisturbed(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("undisturbed")
    finish(tiny_model, root)
    return root


def killing_in(part: str, method: str, call: int, chosen: Callable[[Any], Any], killed: list[float]) -> Any:
    """Engines of which an actor stands still at the `call`-th call of a method and is killed half a second later."""

    def engines(stack: ExitStack, folder: Path, settings: Settings, cpus: int) -> tuple[Any, Any]:
        sampler, trainer = ray_engines(stack, folder, settings, cpus)
        proxy = sampler if part == "sampler" else trainer
        pid = ray.get(chosen(proxy).__ray_call__.remote(lambda _: os.getpid()))
        original, calls = getattr(proxy, method), []

        def die() -> None:
            killed.append(time.monotonic())
            os.kill(pid, signal.SIGKILL)

        def deadly(*args: Any) -> Any:
            calls.append(args)
            if len(calls) == call:
                os.kill(pid, signal.SIGSTOP)
                threading.Timer(0.5, die).start()
            return original(*args)

        setattr(proxy, method, deadly)
        return sampler, trainer

    return engines


DEATHS = {
    "a sampler at its work": ("sampler", "poll", 3, lambda sampler: sampler.engines[0].actor),
    "rank 1 at an update": ("trainer", "update", 2, lambda trainer: trainer.ranks[1]),
    "rank 0 at a save": ("trainer", "save", 2, lambda trainer: trainer.ranks[0]),
    "rank 1 at handing over weights": ("trainer", "weights", 2, lambda trainer: trainer.ranks[1]),
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_dead_actor_is_told_of_at_once_and_the_rerun_ends_with_the_same_bytes(
    tiny_model: Path, tmp_path: Path, undisturbed: Path, death: str
) -> None:
    before, killed = descendants(os.getpid()), []
    with pytest.raises(Resumable, match="an actor of this run died.*run again"):
        run_stage(tiny_model, tmp_path, SCHEDULE, ranks=RANKS, engines=killing_in(*DEATHS[death], killed))
    assert time.monotonic() - killed[0] < 30
    assert wait_for_the_end_of(descendants(os.getpid()) - before)
    assert steps_saved(tmp_path) in ([], [1])
    finish(tiny_model, tmp_path)
    assert_same(undisturbed, tmp_path)


def wait_for_the_end_of(processes: set[int]) -> bool:
    deadline = time.monotonic() + 10
    while (left := processes & descendants(os.getpid())) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not left


@ray.remote
class Rank:
    def fail(self) -> None:
        raise RuntimeError("connection closed by peer")

    def wait(self) -> None:
        time.sleep(600)


def test_the_death_of_a_rank_is_told_where_its_peer_tells_first_of_the_broken_connection() -> None:
    with joined_ray(2):
        peer, dying = Rank.remote(), Rank.remote()
        pid = ray.get(dying.__ray_call__.remote(lambda _: os.getpid()))
        threading.Timer(1.0, lambda: os.kill(pid, signal.SIGKILL)).start()
        with pytest.raises(Resumable, match="an actor of this run died"):
            _result([peer.fail.remote(), dying.wait.remote()])
