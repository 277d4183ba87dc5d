"""Verification that is killed goes on where it was: nothing finished is judged again, and the bytes are the same."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_curate import TESTS, parsed, problems_of

from deepcoder.config.schema import Verification
from deepcoder.curation.shards import Shards, split
from deepcoder.curation.verify import SHARD_PROBLEMS, verify_in_shards
from deepcoder.files import read_json, write_json
from deepcoder.manifest import write_manifest
from deepcoder.schemas.curated import VERIFIED
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table, write_table
from deepcoder.schemas.tests_store import TestsStore

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
PROBLEMS = 3 * SHARD_PROBLEMS
MARK = 77  # what no judge says: a verdict that carries it was not given again


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Problems with references that pass, fail and come second, and their tests."""
    root = tmp_path_factory.mktemp("verify")
    right, wrong = "print(2 * int(input()))\n", "n = int(input())\nprint(2 * n if n < 3 else 1)\n"
    solutions = ([right], [wrong], [wrong, right], [right, "print(int(input()) * 2)\n"])
    rows = [parsed(f"{number}", tests=TESTS[:5], solutions=solutions[number % 4]) for number in range(PROBLEMS)]
    problems, _ = problems_of(rows, root)
    write_problems(root / "problems", problems)
    random.Random(1).shuffle(problems)
    write_problems(root / "shuffled", problems)
    return root


def write_problems(folder: Path, problems) -> None:
    write_table(folder / "problems.parquet", problems, PROBLEM)
    write_manifest(folder / "manifest.json", "problems", [folder / "problems.parquet"])


def command(root: Path, out: str, work: str, *overrides: str, problems: str = "problems") -> list[str]:
    return [
        *(sys.executable, str(SCRIPTS / "verify.py")),
        *(str(root / problems / "manifest.json"), str(root / out / "manifest.json")),
        *("--source", "easy", "--curation", "strict", "--tests-store", str(root / "tests"), "--work", str(root / work)),
        *("curations.strict.verification.mutants=1", *overrides),
    ]


def run(*args, **changes) -> str:
    return subprocess.run(command(*args, **changes), check=True, capture_output=True, text=True).stdout


def output(root: Path, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / name).iterdir()) if "record" not in path.name}


@pytest.fixture(scope="module")
def undisturbed(made: Path) -> dict[str, bytes]:
    assert "shards found finished: 0" in run(made, "undisturbed", "work-undisturbed", "judge.workers=2")
    assert not (made / "work-undisturbed").exists()
    found = output(made, "undisturbed")
    assert sorted(found) == ["manifest.json", "mutants.parquet", "verdicts.parquet", "weak_tests.parquet"]
    return found


def test_more_workers_and_another_order_give_the_same_bytes(made, undisturbed):
    run(made, "by-three", "work", "judge.workers=3", problems="shuffled")
    assert output(made, "by-three") == undisturbed


def test_a_killed_run_judges_no_finished_shard_again_and_ends_in_the_same_bytes(made, undisturbed):
    with subprocess.Popen(
        command(made, "killed", "work-killed", "judge.workers=1"), stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None and not list((made / "work-killed").glob("*.json")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (made / "killed/manifest.json").exists()
    shutil.copytree(made / "work-killed", made / "work-marked")
    finished = list((made / "work-killed").glob("*.json"))
    assert 0 < len(finished) < PROBLEMS // SHARD_PROBLEMS
    assert f"shards found finished: {len(finished)};" in run(made, "killed", "work-killed", "judge.workers=1")
    assert output(made, "killed") == undisturbed
    assert not (made / "work-killed").exists()
    for path in (made / "work-marked").glob("*.json"):
        shard = read_json(path)
        write_json(path, shard | {"verdicts": [row | {"passed": MARK} for row in shard["verdicts"]]})
    run(made, "marked", "work-marked", "judge.workers=1")
    rows = read_table(made / "marked/verdicts.parquet", VERIFIED)
    assert len({row["problem_id"] for row in rows if row["passed"] == MARK}) == len(finished) * SHARD_PROBLEMS


def test_another_policy_or_problem_finds_no_shard(tmp_path, judge):
    problems, _ = problems_of([parsed(str(number)) for number in range(SHARD_PROBLEMS + 8)], tmp_path)
    store, policy = TestsStore(tmp_path / "tests"), Verification(comparator="tokens", runs=1)

    def found(rows, made_from):
        shards = Shards(tmp_path / "work", made_from)
        verify_in_shards(rows, policy, judge, store, shards)
        return shards.found

    assert [found(problems, "a"), found(problems[::-1], "a"), found(problems, "b")] == [0, 2, 0]
    last = max(problems, key=lambda row: row["id"])
    changed = [row | {"time_limit_s": 3.0} if row is last else row for row in problems]
    assert found(changed, "a") == 1
    assert found(problems, "a") == 2
    assert [len(part) for part in split(problems, SHARD_PROBLEMS)] == [SHARD_PROBLEMS, 8]


def test_the_tests_of_few_problems_are_held_at_a_time(tmp_path, judge):
    """Each worker has one problem at work; another's tests are read when that one is done."""
    problems, _ = problems_of([parsed(str(number)) for number in range(40)], tmp_path)
    held: set[int] = set()
    most = []

    class Tests(list):
        def __init__(self, tests):
            super().__init__(tests)
            held.add(id(self))
            most.append(len(held))

        def __del__(self):
            held.discard(id(self))

    class Watched(TestsStore):
        def get(self, ref):
            return Tests(super().get(ref))

    policy = Verification(comparator="tokens", runs=2)
    verify_in_shards(problems, policy, judge, Watched(tmp_path / "tests"), Shards(None, ""))
    assert len(most) == 40
    assert max(most) <= 2 * judge.workers
