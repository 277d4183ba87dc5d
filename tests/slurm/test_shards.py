"""Judging scales out: many small shards over the nodes of a cluster, of which one dies meanwhile."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deepcoder.cluster.launch import Task, launch
from deepcoder.cluster.lease import Desk
from deepcoder.config.machine import Resources
from deepcoder.files import read_json
from tests.slurm.lab import Lab
from tests.slurm.site import SITE

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SHARDS, AT_ONCE = 200, 24


def judge_shard(number: int) -> list[str]:
    """Have one shard judged as a job; what its launcher told."""
    tests = [{"input": f"{number}\n", "output": f"{number * 2}\n"}]
    right, wrong = "print(int(input()) * 2)", "print(int(input()))"
    rows = [
        {"id": f"{number}-{name}", "kind": "stdin", "program": program, "tests": tests}
        for name, program in (("right", right), ("wrong", wrong if number else "print(1)"))
    ]
    submissions, verdicts = Path(f"submissions-{number}.jsonl"), Path(f"verdicts-{number}.jsonl")
    submissions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [sys.executable, str(SCRIPTS / "judge.py"), str(submissions), str(verdicts), "--workers", "1"]
    task = Task("verify", verdicts, command, "one", Resources(memory_mb=500, runtime_min=5), {})
    told: list[str] = []
    segment = [sys.executable, str(SCRIPTS / "segment.py")]
    launch(task, SITE, Desk(Path("jobs"), task.rule, task.output), segment, told.append)
    return told


@pytest.mark.timeout(1200)
def test_two_hundred_shards_finish_once_each_while_a_node_dies(lab: Lab, here: Path) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        shards = [threads.submit(judge_shard, number) for number in range(SHARDS)]
        lab.wait_for(lambda: sum(shard.done() for shard in shards) > SHARDS // 4, 300)
        lab.wait_for(
            lambda: any(job["batch_host"] == "n2" and job["job_state"] == "RUNNING" for job in lab.queue()), 60
        )
        lab.kill_node("n2")
        for shard in shards:
            shard.result()
    for number in range(SHARDS):
        verdicts = [json.loads(line) for line in Path(f"verdicts-{number}.jsonl").read_text().splitlines()]
        assert [row["verdict"] for row in verdicts] == ["AC", "WA"], number
        notes = Desk(Path("jobs"), "verify", Path(f"verdicts-{number}.jsonl")).folder.glob("*.*.json")
        ends = [read_json(note) for note in notes]
        assert [end["status"] for end in ends] == [0], f"shard {number} was judged to its end once: {ends}"
    jobs = [job for job in lab.queue() if job["current_working_directory"] == str(here)]
    restarts = sum(job["restart_cnt"] for job in jobs)
    print(f"{SHARDS} shards in {len(jobs)} jobs, of which SLURM started {restarts} again")
    assert len(jobs) == SHARDS
    assert restarts > 0
