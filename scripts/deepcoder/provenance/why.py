"""What is stale and why, asked of the workflow itself, and what may follow from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.provenance.identity import Identity
from deepcoder.provenance.lockfile import records_below

SHOWN = 12  # reasons of one job


@dataclass(frozen=True)
class Stale:
    """A job that must run: its outputs are missing or were made from something else.

    Attributes:
        reasons: each from what to what.
        identity: of the job now.
        gpu_hours: estimated; 0 without GPUs.
    """

    rule: str
    outputs: list[str]
    inputs: list[str]
    reasons: list[str]
    gpu_hours: float
    identity: Identity


def ask_workflow(words: Sequence[str]) -> list[Stale]:
    """Let Snakemake plan `words` (targets and options) without running anything, and take down what it finds stale.

    Raises:
        UserError: the workflow does not get that far; its own last lines say why.
    """
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "why.jsonl")
        environment = {**os.environ, "DEEPCODER_WHY": str(told)}
        command = [sys.executable, "-m", "snakemake", "-n", *words, "--quiet", "all"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            error = next((line for line in lines if line.startswith("error: ")), "\n".join(lines[-5:]))
            raise UserError(error.removeprefix("error: "))
        entries = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()] if told.exists() else []
    found = [Stale(**{**entry, "identity": Identity(**entry["identity"])}) for entry in entries]
    return list({job.outputs[0]: job for job in found}.values())


def jobs_below(results: Path) -> list[dict[str, Any]]:
    """Records of a scale, one for each job."""
    return list({record["outputs"][0]["path"]: record for record in records_below(results).values()}.values())


def following(stale: Sequence[Stale], records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Records of what was made, by whatever way, from outputs of stale jobs, those jobs left out."""
    certain = {path for job in stale for path in job.outputs}
    reached, found = set(certain), dict[str, Mapping[str, Any]]()
    while True:
        more = [
            record
            for record in records
            if record["outputs"][0]["path"] not in reached and any(item["path"] in reached for item in record["inputs"])
        ]
        if not more:
            return list(found.values())
        for record in more:
            found[record["outputs"][0]["path"]] = record
            reached |= {item["path"] for item in record["outputs"]}


def report(
    stale: Sequence[Stale],
    after: Sequence[Mapping[str, Any]],
    hours_of: Callable[[str, Mapping[str, Any]], float],
) -> Iterator[str]:
    """Lines for a reader: first what runs for certain, then what runs only if content changes above it.

    Args:
        hours_of: GPU-hours by rule and words of a job.
    """
    if not stale:
        yield "nothing is stale"
        return
    missing = [job for job in stale if not any(Path(path).exists() for path in job.outputs)]
    made = [job for job in stale if job not in missing]
    if missing:
        yield f"missing: {_count(len(missing), 'job')}{_hours(sum(job.gpu_hours for job in missing))}"
        yield from _by_rule([(job.rule, job.gpu_hours) for job in missing])
    if made:
        yield f"stale: {_count(len(made), 'job')}{_hours(sum(job.gpu_hours for job in made))}"
    for job in made:
        yield f"  {job.rule}: {job.outputs[0]}{_hours(job.gpu_hours)}"
        yield from (f"      {reason}" for reason in job.reasons[:SHOWN])
        if len(job.reasons) > SHOWN:
            yield f"      and {len(job.reasons) - SHOWN} more"
    costs = [(Path(record["door"]).stem, hours_of(Path(record["door"]).stem, record["arguments"])) for record in after]
    yield f"only if those come out different: {_count(len(costs), 'job')}{_hours(sum(hours for _, hours in costs))}"
    yield from _by_rule(costs)


def _by_rule(costs: Sequence[tuple[str, float]]) -> Iterator[str]:
    sums: dict[str, list[float]] = {}
    for rule, hours in costs:
        sums.setdefault(rule, []).append(hours)
    yield from (f"  {rule}: {len(hours)}{_hours(sum(hours))}" for rule, hours in sums.items())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _hours(hours: float) -> str:
    return f", about {hours:,.0f} GPU-hours" if hours else ""
