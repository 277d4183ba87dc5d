"""Judge the reference solutions of problems; the policy says which verdicts make a problem verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from deepcoder.config.schema import Judge, Verification
from deepcoder.curation.outcomes import outcomes
from deepcoder.judge import JudgeInterface, Submission, open_judge
from deepcoder.schemas.tests_store import TestsStore

Row = Mapping[str, Any]


def longest_tests(tests: Sequence[Row], kind: str, count: int) -> list[Row]:
    """The `count` tests with the longest input, longest first; all of them, in order, for 0 or for no more than that.

    The length is that of the text on standard input, for a call the number of arguments
    [agentica-project/rllm@18e446c, rllm/rewards/code_reward.py].
    """
    if count == 0 or len(tests) <= count:
        return list(tests)
    length = (lambda test: len(test["input"])) if kind == "stdin" else (lambda test: len(test["args"]))
    return sorted(tests, key=length, reverse=True)[:count]


def verify(problems: Iterable[Row], policy: Verification, judge: Judge, store: TestsStore) -> list[dict[str, Any]]:
    """A row of schemas.curated.VERIFIED for each judged (problem, solution, run), sorted by them.

    Policy `first` judges the first solution, `majority` all, `any` one after the other until one passes. A problem's
    own time limit wins over the judge's. Problems of kind `answer` or without tests or solutions yield no row.
    """
    open_problems = [row for row in problems if row["tests_ref"] and row["solutions"]]
    found: list[dict[str, Any]] = []
    with open_judge(judge.workers, judge.isolation, policy.comparator) as pool:
        if policy.solutions == "any":
            attempt = 0
            while open_problems:
                rows = list(_judged(pool, ((row, [attempt]) for row in open_problems), policy, judge, store))
                found += rows
                settled = {key for key, outcome in outcomes(rows, policy).items() if outcome.verified or outcome.flaky}
                attempt += 1
                open_problems = [
                    row for row in open_problems if row["id"] not in settled and attempt < len(row["solutions"])
                ]
        else:
            first = policy.solutions == "first"
            chosen = ((row, [0] if first else range(len(row["solutions"]))) for row in open_problems)
            found += _judged(pool, chosen, policy, judge, store)
    return sorted(found, key=lambda row: (row["problem_id"], row["solution"], row["run"]))


def _judged(
    pool: JudgeInterface,
    chosen: Iterable[tuple[Row, Iterable[int]]],
    policy: Verification,
    judge: Judge,
    store: TestsStore,
) -> Iterator[dict[str, Any]]:
    keys: list[tuple[str, int, int]] = []

    def submissions() -> Iterator[Submission]:
        for row, solutions in chosen:
            tests = longest_tests(store.get(row["tests_ref"]), row["kind"], policy.max_tests)
            for solution in solutions:
                for run in range(policy.runs):
                    keys.append((row["id"], solution, run))
                    yield Submission(
                        id=f"{row['id']}/{solution}/{run}",
                        kind=row["kind"],
                        program=row["solutions"][solution],
                        tests=tests,
                        fn_name=row["fn_name"],
                        time_limit_s=row["time_limit_s"] or judge.time_limit_s,
                        memory_limit_mb=judge.memory_limit_mb,
                    )

    for number, verdict in enumerate(pool.imap(submissions())):
        problem, solution, run = keys[number]
        yield {
            "problem_id": problem,
            "solution": solution,
            "run": run,
            "verdict": verdict.verdict,
            "passed": verdict.passed,
            "total": verdict.total,
            "failed_test": verdict.failed_test,
        }
