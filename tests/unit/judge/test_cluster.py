"""Actors judge as one pool does, also when one of them is killed at it."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import CancelledError

import pytest

from deepcoder.cluster.ray import joined_ray
from deepcoder.errors import UserError
from deepcoder.judge import Submission
from deepcoder.judge.cluster import RayJudge
from deepcoder.schemas.tests_store import TestsStore


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayJudge]:
    store = tmp_path_factory.mktemp("tests")
    with joined_ray(3), RayJudge(2, 1, isolation="bwrap", tests_store=store) as opened:
        yield opened


def echo(identity: object, seconds: float = 0.0) -> Submission:
    program = f"import time\ntime.sleep({seconds})\nprint(input())"
    return Submission(str(identity), "stdin", program, [{"input": str(identity), "output": str(identity)}])


def test_verdicts_come_in_the_order_of_submissions(judge: RayJudge) -> None:
    verdicts = judge.map([echo(n, 0.05 if n % 7 == 0 else 0) for n in range(40)])
    assert [verdict.id for verdict in verdicts] == [str(n) for n in range(40)]
    assert {(verdict.verdict, verdict.isolation) for verdict in verdicts} == {("AC", "bwrap")}
    assert judge.isolation.level == "bwrap"


def test_each_actor_has_a_bounded_number_and_the_least_loaded_takes_the_next(judge: RayJudge) -> None:
    futures = [judge.submit(echo(n, 0.3)) for n in range(4)]
    assert [slot.load for slot in judge._slots] == [2, 2]
    assert judge._offer(lambda: echo(5), False) is None
    assert [future.result().verdict for future in futures] == ["AC"] * 4


async def test_asyncio_gets_verdicts(judge: RayJudge) -> None:
    verdicts = await asyncio.gather(*(judge.ajudge(echo(n)) for n in range(12)))
    assert [verdict.id for verdict in verdicts] == [str(n) for n in range(12)]


def test_references_travel_and_lost_ones_are_errors_of_the_future(judge: RayJudge) -> None:
    assert judge.tests.root is not None
    ref = TestsStore(judge.tests.root).put([{"input": "1", "output": "1"}])
    good, lost = (Submission("r", "stdin", "print(1)", tests_ref=name) for name in (ref, "0" * 64))
    assert judge.judge(good).verdict == "AC"
    with pytest.raises(UserError, match="missing"):
        judge.judge(lost)
    with pytest.raises(UserError, match="no tests"):
        judge.submit(Submission("r", "stdin", "print(1)"))


def test_what_a_killed_actor_had_is_judged_again(judge: RayJudge) -> None:
    import ray

    futures = [judge.submit(echo(n, 0.5)) for n in range(4)]
    killed = judge._slots[0].actor
    assert judge._slots[0].load > 0
    ray.kill(killed)
    assert [future.result().verdict for future in futures] == ["AC"] * 4
    assert judge._slots[0].actor is not killed
    assert {verdict.verdict for verdict in judge.map([echo(n) for n in range(8)])} == {"AC"}
    assert [slot.load for slot in judge._slots] == [0, 0]


def test_a_submission_whose_actors_die_twice_is_no_failed_program(judge: RayJudge) -> None:
    import ray

    future = judge.submit(echo("x", 8))
    while not future.done():
        for slot in judge._slots:
            ray.kill(slot.actor)
    assert (future.result().verdict, future.result().failed_test) == ("IE", None)
    assert judge.judge(echo(1)).verdict == "AC"


def test_closing_finishes_what_is_under_way_and_cancelling_does_not(judge: RayJudge) -> None:
    patient, hasty = (RayJudge(1, 1, isolation="process") for _ in range(2))
    future = patient.submit(echo(1, 0.2))
    patient.close()
    patient.close()
    assert future.result().verdict == "AC"
    with pytest.raises(UserError, match="closed"):
        patient.submit(echo(1))
    with pytest.raises(ZeroDivisionError), hasty:
        future = hasty.submit(echo(1, 60))
        raise ZeroDivisionError
    with pytest.raises(CancelledError):
        future.result()


def test_without_ray_the_error_is_a_sentence() -> None:
    code = (
        "from deepcoder.judge import Submission\nfrom deepcoder.judge.cluster import RayJudge\nimport sys\n"
        "assert 'ray' not in sys.modules\n"
        "RayJudge(1).judge(Submission('s', 'stdin', '', [{'input': '', 'output': ''}]))"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].startswith("deepcoder.errors.UserError: Ray is not running")
