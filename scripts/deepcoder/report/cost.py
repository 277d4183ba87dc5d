"""cost.csv: what the jobs of a run took, by rule and model, from the records beside their outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from deepcoder.config.machine import Resources
from deepcoder.config.schema import Stage
from deepcoder.errors import UserError
from deepcoder.files import read_json
from deepcoder.plan.cost import BLOCKS
from deepcoder.plan.time import HOUR, stage_time
from deepcoder.report.address import parse_subject, pointer
from deepcoder.report.csv_files import RUN
from deepcoder.report.published import Published
from deepcoder.report.systems import PUBLISHED, step_seconds

TOTAL, ALL = "total", "all rules"
COLUMNS = (
    "kind", "rule", "subject", "jobs", "wall_h", "cpu_h", "gpu_h", "peak_gb", "hosts", "planned_wall_h",
    "planned_gpu_h", "source", "evidence", "status", "pointer",
)  # fmt: skip
TRAINING = "train_stage"
# Doors whose first output lies in a model's folder: how many levels below. What is evaluated lies below `eval`.
MODEL_FOLDER = {TRAINING: 1, "warm_start": 1, "fetch_model": 1, "export_model": 2}
WEEK_H = 7 * 24

Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What one job took.

    Attributes:
        wall_s: from its start to its end. Of a stage, all its steps where these took longer: it was interrupted, and
            its record tells of the last process alone.
        cpu_s, peak_mb: by provenance/usage.py, on the first of its nodes; None where they are not known.
        gpus: that it held, on all its nodes.
    """

    rule: str
    subject: str
    wall_s: float
    cpu_s: float | None
    peak_mb: float | None
    gpus: int
    host: str
    record: Path


def load_job(path: Path) -> Job:
    """A job by its record; raises UserError for a record of another form."""
    record = read_json(path)
    try:
        start, end = (datetime.fromisoformat(record[name]) for name in ("start", "end"))
        rule, output, host = record["door"].removesuffix(".py"), Path(record["outputs"][0]["path"]), record["host"]
        wall_s, used = (end - start).total_seconds(), record.get("used", {})
        steps_s = step_seconds(output) if rule == TRAINING else None
        resumed = steps_s is not None and steps_s > wall_s
        return Job(
            rule,
            _subject(rule, output),
            steps_s if steps_s is not None and resumed else wall_s,
            None if resumed else used.get("cpu_s"),
            used.get("peak_mb"),
            _gpus(rule, host),
            _kind(host),
            path,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: not a record ({error!r}); delete it and run its rule again") from error


def cost_rows(
    jobs: Sequence[Job],
    stages: Mapping[str, Stage],
    resources: Mapping[str, Resources],
    published: Published,
    table: Path,
) -> list[Row]:
    """A row for each rule and model in order of their first start, their sum, and the cost as published.

    Hours are summed over jobs, which may have run side by side. A cell is empty where it is not known of every job.

    Args:
        stages, resources: of the configuration, for what was planned of a stage (scripts/plan.py).
        table: where the rows will stand; pointers lead to the record of the longest job.
    """
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.rule, job.subject), []).append(job)
    rows = []
    for (rule, subject), own in groups.items():
        longest = max(own, key=lambda job: (job.wall_s, str(job.record)))
        row = {"kind": RUN, "rule": rule, "subject": subject, **_sums(own), "status": RUN}
        stage = stages.get(subject.rpartition("/")[2]) if rule == TRAINING else None
        planned = _planned(stage, resources.get("train", resources["default"])) if stage else {}
        rows.append(row | planned | {"pointer": pointer(longest.record, "", table)})
    total = [{"kind": TOTAL, "rule": ALL, **_sums(jobs), "status": "sum of the rows above"}] if jobs else []
    return [*rows, *total, *_published(published)]


def _sums(jobs: Sequence[Job]) -> Row:
    cpu, peak = [job.cpu_s for job in jobs], [job.peak_mb for job in jobs if job.peak_mb is not None]
    return {
        "jobs": len(jobs),
        "wall_h": sum(job.wall_s for job in jobs) / HOUR,
        "cpu_h": None if None in cpu else sum(seconds or 0.0 for seconds in cpu) / HOUR,
        "gpu_h": sum(job.wall_s * job.gpus for job in jobs) / HOUR,
        "peak_gb": max(peak) / 1024 if len(peak) == len(jobs) else None,
        "hosts": "; ".join(sorted({job.host for job in jobs})),
    }


def _planned(stage: Stage, block: Resources) -> Row:
    time = stage_time(stage, block.nodes * block.gpus_per_node, 0.0)
    return {"planned_wall_h": time.wall_s / HOUR, "planned_gpu_h": time.gpu_hours}


def _published(published: Published) -> list[Row]:
    """The announcement gives GPUs and weeks; hours are their product."""
    rows = {row["quantity"]: row for row in published.tables.get("training", ())}
    if not {"weeks", "gpus"} <= rows.keys():
        return []
    weeks, gpus = rows["weeks"], rows["gpus"]
    hours = float(weeks["value"]) * WEEK_H
    return [
        {
            "kind": PUBLISHED, "rule": "training", "wall_h": hours, "gpu_h": hours * float(gpus["value"]),
            "hosts": f"{gpus['value']} {gpus['unit']} for {weeks['value']} {weeks['unit']}", "source": weeks["source"],
            "evidence": f"{weeks['evidence']}; hours are the product", "status": PUBLISHED,
        }
    ]  # fmt: skip


def _subject(rule: str, output: Path) -> str:
    if "eval" in output.parts:
        return parse_subject(Path(*output.parts[: output.parts.index("eval")])).label
    level = MODEL_FOLDER.get(rule)
    return parse_subject(output.parents[level - 1]).label if level else ""


def _gpus(rule: str, host: Mapping[str, Any]) -> int:
    """GPUs of a job: those shown to it, else those of the host, on each node; none of a rule that uses none."""
    if rule not in BLOCKS:
        return 0
    shown = host.get("gpus")
    own = len(shown.split(",")) if shown else len(host["gpu"])
    return own * count_nodes(host.get("slurm_job_nodelist") or "")


def _kind(host: Mapping[str, Any]) -> str:
    """Processor, cores and accelerators of a host; never its name."""
    found = [f"{host['cpu']}, {host['cpus']} cores"]
    return ", ".join([*found, *(f"{host['gpu'].count(name)} x {name}" for name in sorted(set(host["gpu"])))])


def count_nodes(nodes: str) -> int:
    """Number of nodes in SLURM's notation; 1 for none.

    >>> count_nodes("a[1-3,07],b2")
    5
    """
    count = 0
    for name in re.findall(r"[^,\[]+(?:\[[^\]]*\][^,\[]*)*", nodes):
        found = 1
        for inner in re.findall(r"\[([^\]]*)\]", name):
            ends = [part.partition("-") for part in inner.split(",")]
            found *= sum(int(last or first) - int(first) + 1 for first, _, last in ends)
        count += found
    return max(1, count)
