"""Judge the reference solutions of problems; the policy says which verdicts make a problem verified."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from deepcoder.config.schema import Judge, Verification
from deepcoder.curation.checkers import Checker, checker_for
from deepcoder.curation.outcomes import outcomes
from deepcoder.curation.shards import Shards, split
from deepcoder.curation.weak_tests import judge_mutants, weak_row
from deepcoder.judge import JudgeInterface, Submission, Verdict, open_judge
from deepcoder.schemas.tests_store import TestsStore

Row = Mapping[str, Any]
SHARD_PROBLEMS = 16
READ = ("id", "statement", "kind", "fn_name", "tests_ref", "solutions", "time_limit_s")  # of a problem


@dataclass
class Verified:
    """What was found; lists are sorted by problem.

    Attributes:
        verdicts: rows of schemas.curated.VERIFIED, by problem, solution and run.
        mutants: rows of schemas.mutant.MUTANT.
        weak: rows of schemas.weak_tests.WEAK_TESTS, for each problem whose reference was accepted.
        cpu_s: problem -> CPU seconds of its slowest accepted reference, summed over its tests. A measurement, another
            one in every run, so for logs alone: no quantisation makes it the same for a time near a step's edge, and a
            table that hangs on it would be new in every run.
    """

    verdicts: list[dict[str, Any]] = field(default_factory=list)
    mutants: list[dict[str, Any]] = field(default_factory=list)
    weak: list[dict[str, Any]] = field(default_factory=list)
    cpu_s: dict[str, float] = field(default_factory=dict)

    def add(self, other: Verified) -> None:
        """Take in what was found on other problems."""
        self.verdicts += other.verdicts
        self.mutants += other.mutants
        self.weak += other.weak
        self.cpu_s |= other.cpu_s


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
    """The verdicts of `verify_in_shards` alone."""
    return verify_in_shards(problems, policy, judge, store, Shards(None, "")).verdicts


def verify_in_shards(
    problems: Iterable[Row], policy: Verification, judge: Judge, store: TestsStore, shards: Shards
) -> Verified:
    """Judge the references of problems, the same for any order of them and any number of workers.

    Policy `first` judges the first solution, `majority` all, `any` one after the other until one passes and
    policy.compare_references are judged. A problem's own time limit wins over the judge's. Problems of kind `answer` or
    without tests or solutions yield nothing. As many problems are at work as there are workers, and only their tests
    are held; SHARD_PROBLEMS neighbours by id form a shard, which is kept in `shards` when it is done.
    """
    rows = sorted((row for row in problems if row["tests_ref"] and row["solutions"]), key=lambda row: str(row["id"]))
    with open_judge(judge.workers, judge.isolation, policy.comparator) as pool:
        return asyncio.run(_verify_all(rows, Judging(pool, policy, judge, store), shards))


def made_from(policy: Verification, judge: Judge) -> dict[str, Any]:
    """What all shards depend on beside the problems and the code, as a JSON value."""
    limits = {"time_limit_s": judge.time_limit_s, "memory_limit_mb": judge.memory_limit_mb}
    return {"policy": asdict(policy), "judge": {"isolation": judge.isolation, **limits}}


async def _verify_all(rows: Sequence[Row], judging: Judging, shards: Shards) -> Verified:
    gate = asyncio.Semaphore(judging.pool.workers)

    async def problem(row: Row) -> Verified:
        async with gate:
            return await judging.problem(row)

    async def shard(part: Sequence[Row]) -> Verified:
        asked = [{name: row[name] for name in READ} for row in part]
        kept = shards.load(asked)
        if kept is not None:
            return Verified(**kept)
        found = Verified()
        for one in await asyncio.gather(*map(problem, part)):
            found.add(one)
        if all(row["verdict"] != "IE" for row in [*found.verdicts, *found.mutants]):  # else the judge is asked again
            shards.save(asked, asdict(found))
        return found

    everything = Verified()
    for found in await asyncio.gather(*map(shard, split(rows, SHARD_PROBLEMS))):
        everything.add(found)
    return everything


@dataclass(frozen=True)
class Judging:
    """How the programs of one verification are judged."""

    pool: JudgeInterface
    policy: Verification
    judge: Judge
    store: TestsStore

    async def problem(self, row: Row) -> Verified:
        """All that is found on one problem."""
        stored = await asyncio.to_thread(self.store.get, row["tests_ref"])
        tests, checker = longest_tests(stored, row["kind"], self.policy.max_tests), checker_for(row, self.policy)
        found = Verified()
        accepted = None
        for batch in self._batches(len(row["solutions"])):
            runs = [(solution, run) for solution in batch for run in range(self.policy.runs)]
            programs = [row["solutions"][solution] for solution, _ in runs]
            verdicts = await asyncio.gather(*(self._judge(row, program, tests, checker) for program in programs))
            for (solution, run), verdict in zip(runs, verdicts, strict=True):
                found.verdicts.append(_verdict_row(row["id"], solution, run, verdict, checker))
                if verdict.verdict == "AC":
                    found.cpu_s[row["id"]] = max(found.cpu_s.get(row["id"], 0.0), round(verdict.cpu_s, 3))
            outcome = outcomes(found.verdicts, self.policy)[row["id"]]
            accepted = outcome.accepted
            if outcome.flaky or (outcome.verified and batch[-1] + 1 >= self.policy.compare_references):
                break
        if self.policy.mutants and accepted is not None and outcome.verified:
            program = row["solutions"][accepted]

            async def judge_on(mutant: str, places: Sequence[int]) -> Verdict:
                return await self._judge(row, mutant, [tests[place] for place in places], checker)

            found.mutants = await judge_mutants(row["id"], accepted, program, self.policy.mutants, len(tests), judge_on)
            found.weak = [weak_row(row["id"], len(tests), found.mutants, self.policy.weak_share)]
        return found

    def _batches(self, solutions: int) -> list[list[int]]:
        """The solutions that are judged together; after each batch it is seen whether the next one is needed."""
        if self.policy.solutions == "any":
            return [[solution] for solution in range(solutions)]
        return [[0]] if self.policy.solutions == "first" else [list(range(solutions))]

    async def _judge(self, row: Row, program: str, tests: Sequence[Row], checker: Checker | None) -> Verdict:
        submission = Submission(
            id=row["id"],
            kind=row["kind"],
            program=program,
            tests=tests,
            fn_name=row["fn_name"],
            time_limit_s=row["time_limit_s"] or self.judge.time_limit_s,
            memory_limit_mb=self.judge.memory_limit_mb,
            comparator=None if checker is None else "checker",
            checker=None if checker is None else checker.source,
        )
        return await self.pool.ajudge(submission)


def _verdict_row(problem: str, solution: int, run: int, verdict: Verdict, checker: Checker | None) -> dict[str, Any]:
    return {
        "problem_id": problem,
        "solution": solution,
        "run": run,
        "verdict": verdict.verdict,
        "passed": verdict.passed,
        "total": verdict.total,
        "failed_test": verdict.failed_test,
        "checker": None if checker is None else checker.name,
    }
