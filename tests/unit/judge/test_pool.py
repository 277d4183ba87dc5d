"""The pool keeps order, streams, retries its own faults, and is a good guest in its process."""

import asyncio
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from deepcoder.errors import UserError
from deepcoder.judge import JudgePool, Submission, isolation_level, no_code_verdict, run_program
from deepcoder.judge.sandbox import Sandbox, SandboxError


def echo(identity: int, seconds: float = 0.0) -> Submission:
    program = f"import time\ntime.sleep({seconds})\nprint(input())"
    return Submission(str(identity), "stdin", program, [{"input": str(identity), "output": str(identity)}])


def test_verdicts_come_in_the_order_of_submissions_beyond_the_queue(pool):
    submissions = [echo(n, 0.05 if n % 7 == 0 else 0) for n in range(60)]
    verdicts = pool.map(submissions)
    assert [verdict.id for verdict in verdicts] == [submission.id for submission in submissions]
    assert {verdict.verdict for verdict in verdicts} == {"AC"}


async def test_asyncio_gets_results_as_they_finish_without_blocking(pool):
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    ticking = asyncio.create_task(tick())
    slow = asyncio.create_task(pool.ajudge(echo(0, 0.6)))
    quick = [await pool.ajudge(echo(n)) for n in range(1, 6)]
    assert not slow.done()
    many = await asyncio.gather(*(pool.ajudge(echo(n)) for n in range(40)))
    ticking.cancel()
    assert [verdict.verdict for verdict in (await slow, *quick, *many)] == ["AC"] * 46
    assert ticks > 5


def test_a_future_carries_the_verdict(pool):
    assert pool.submit(echo(3)).result(timeout=30).verdict == "AC"


def test_a_pickled_pool_is_a_new_pool_of_the_same_configuration():
    copy = pickle.loads(pickle.dumps(JudgePool(1, comparator="exact", all_tests=True)))
    with copy:
        assert (copy.comparator, copy.all_tests, copy.workers) == ("exact", True, 1)
        assert copy.judge(echo(1)).verdict == "WA"


def test_a_closed_pool_refuses_work_and_closes_twice():
    pool = JudgePool(1)
    pool.judge(echo(1))
    pool.close()
    pool.close()
    with pytest.raises(UserError, match="closed"):
        pool.judge(echo(1))


def test_an_error_in_the_block_cancels_what_is_queued():
    pool = JudgePool(1)
    with pytest.raises(ZeroDivisionError), pool:
        futures = [pool.submit(echo(n, 0.3)) for n in range(8)]
        raise ZeroDivisionError
    assert all(future.done() for future in futures)
    assert sum(future.cancelled() for future in futures) >= 6


def test_a_fault_of_the_sandbox_is_retried_once_and_then_no_fault_of_the_program(monkeypatch):
    real, faults = Sandbox.run, []

    def failing(self: Sandbox, *args: object, **options: object) -> object:
        if faults:
            faults.pop()
            raise SandboxError("host out of memory")
        return real(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Sandbox, "run", failing)
    with JudgePool(1) as pool:
        faults[:] = [1]
        assert pool.judge(echo(1)).verdict == "AC"
        faults[:] = [1, 1]
        verdict = pool.judge(echo(1))
        assert (verdict.verdict, verdict.detail, verdict.failed_test) == ("IE", "host out of memory", None)
        faults[:] = [1, 1]
        assert pool.run("pass", "stdin", [""])[0].status == "IE"
        assert pool.judge(echo(1)).verdict == "AC"


def test_a_sandbox_that_died_is_replaced():
    with JudgePool(1) as pool:
        first = pool._put(lambda own: own.sandboxes["plain"] if own.sandboxes else None).result()
        assert first is None
        assert pool.judge(echo(1)).verdict == "AC"
        pool._put(lambda own: own.sandboxes["plain"]._process.kill()).result()
        assert pool.judge(echo(1)).verdict == "AC"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tests": []}, "no tests"),
        ({"kind": "other"}, "kind is 'other'"),
        ({"kind": "call"}, "needs fn_name"),
        ({"tests": [{"input": "1"}]}, "test 0: lacks output"),
        ({"tests": [{"input": 1, "output": "1"}]}, "must be strings"),
        ({"time_limit_s": 0}, "above 0"),
        ({"time_limit_s": "2"}, "above 0"),
        ({"memory_limit_mb": 0.5}, "whole number"),
        ({"program": None}, "program is NoneType"),
        ({"fn_name": 5}, "fn_name is 5"),
        ({"comparator": ["exact"]}, "comparator is"),
        ({"comparator": "nearly"}, "unknown"),
        ({"comparator": "evalplus"}, "no form for kind stdin"),
    ],
)
def test_a_malformed_submission_is_a_clear_error(change, message, pool):
    with pytest.raises(UserError, match=message):
        pool.judge(replace(echo(1), **change))


def test_arguments_that_are_no_plain_data_are_a_clear_error(pool):
    submission = Submission("s", "call", "def f(x): return x", [{"args": [object()], "expected": 1}], fn_name="f")
    with pytest.raises(UserError, match="plain data"):
        pool.judge(submission)


def test_bad_options_are_clear_errors():
    with pytest.raises(UserError, match="at least 1 worker"):
        JudgePool(0)
    with pytest.raises(UserError, match="isolation 'none'"):
        JudgePool(1, isolation="none")


def test_no_isolation_is_only_by_choice_and_says_what_it_does_not_hold():
    assert isolation_level("auto").level != "process"
    plain = isolation_level("process")
    assert "network" in plain.not_enforced
    with JudgePool(1, isolation="process") as pool:
        verdicts = pool.map([echo(1), echo(2, 0.01)])
        assert [(v.verdict, v.isolation) for v in verdicts] == [("AC", "process")] * 2
        leaving = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nprint(1)\nos._exit(0)"
        (out,) = pool.run("import os\nos.write(1, b'x')\nwhile True: pass", "stdin", [""], time_limit_s=0.3)
        assert out.status == "TLE"
        assert pool.run(leaving, "stdin", [""])[0].wall_s < 5


def test_a_response_without_code_has_its_own_verdict():
    assert no_code_verdict("x", 3).verdict == "NF"


def test_run_program_needs_no_pool():
    (out,) = run_program("print(input()[::-1])", "stdin", ["abc"])
    assert (out.status, out.stdout) == ("OK", b"cba\n")


def test_importing_the_judge_is_light():
    code = "import sys, deepcoder.judge, deepcoder.judge.rows\n"
    code += "print({'torch', 'numpy', 'pyarrow', 'ray'} & set(sys.modules))"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
