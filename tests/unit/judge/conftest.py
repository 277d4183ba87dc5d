"""One pool of sandboxes for all tests of the judge, at each level of isolation."""

from collections.abc import Callable, Iterator

import pytest

from deepcoder.judge import JudgePool, Submission, Verdict
from deepcoder.judge.isolation import landlock_abi

Judge = Callable[..., Verdict]


@pytest.fixture(scope="session", params=["bwrap", "landlock"])
def level(request: pytest.FixtureRequest) -> str:
    if request.param == "landlock" and landlock_abi() == 0:
        pytest.skip("this kernel offers no Landlock")
    return str(request.param)


@pytest.fixture(scope="session")
def pool(level: str) -> Iterator[JudgePool]:
    with JudgePool(workers=2, isolation=level) as opened:
        yield opened


@pytest.fixture
def stdin(pool: JudgePool) -> Judge:
    """Judge a stdin program on one test, three times over: programs that may share a process do."""

    def judge(program: str, given: str = "", expected: str = "", **options: object) -> Verdict:
        tests = [{"input": given, "output": expected}] * 3
        options = {"time_limit_s": 2.0, "memory_limit_mb": 256, **options}
        return pool.judge(Submission("case", "stdin", program, tests, **options))

    return judge


@pytest.fixture
def call(pool: JudgePool) -> Judge:
    """Judge a function on one test, three times over."""

    def judge(program: str, args: list[object], expected: object, fn_name: str = "f", **options: object) -> Verdict:
        tests = [{"args": args, "expected": expected}] * 3
        options = {"time_limit_s": 2.0, "memory_limit_mb": 256, **options}
        return pool.judge(Submission("case", "call", program, tests, fn_name=fn_name, **options))

    return judge
