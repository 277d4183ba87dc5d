"""systems.csv: what a step of each stage took and what of it ran side by side, and the same as published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepcoder.files import read_json
from deepcoder.manifest import Manifest
from deepcoder.provenance.record import TIMINGS, record_path
from deepcoder.report.address import parse_subject, pointer
from deepcoder.report.csv_files import RUN
from deepcoder.report.published import Published
from deepcoder.schemas.metrics import TIMINGS as TIMES
from deepcoder.schemas.table import read_table

PUBLISHED = "published"
PARTS = ("sampler_s", "trainer_s", "reward_s", "weights_s", "validation_s")  # of a step, in seconds
COLUMNS = (
    "kind", "subject", "stage", "system", "setting", "steps", *PARTS, "total_s", "parts_s", "over_total",
    "sampler_idle", "trainer_idle", "speed_up", "source", "evidence", "status", "pointer",
)  # fmt: skip
# What a column of timings.parquet counts for.
OF_TIMINGS = {
    "sampler_s": ("sample_s",), "trainer_s": ("log_probs_s", "update_s"), "reward_s": ("judge_wait_s",),
    "weights_s": ("sync_s",), "validation_s": ("validate_s",), "total_s": ("step_s",),
}  # fmt: skip

Row = dict[str, Any]


def systems_rows(stages: Sequence[Manifest], published: Published, table: Path) -> list[Row]:
    """A row for each stage, its times being means over all its steps, then the published ones.

    `reward_s` is what is waited for the judge after the last sample; `over_total` is the sum of the parts over the
    time that the step took: above 1 where parts ran side by side. `speed_up` is as published, against the first system
    of its workload.

    Args:
        stages: manifests of the stages in their order; wall times lie beside them, the schedule is in their records.
        table: where the rows will stand; pointers are relative to it.
    """
    return [*(_of_stage(stage, table) for stage in stages), *map(_of_published, published.tables.get("systems", ()))]


def step_seconds(stage: Path) -> float | None:
    """Wall seconds of all steps of a stage, those of interrupted processes among them; None without their times."""
    times = stage.parent / TIMINGS
    return sum(row["step_s"] for row in read_table(times, TIMES)) if times.exists() else None


def _of_stage(stage: Manifest, table: Path) -> Row:
    subject, times = parse_subject(stage.path.parent), stage.path.parent / TIMINGS
    row: Row = {"kind": RUN, "subject": subject.label, "stage": subject.stage}
    if not times.exists():
        return row | {"status": "the times of its steps are not here"}
    record, rows = read_json(record_path(stage.path)), read_table(times, TIMES)
    total = sum(line["step_s"] for line in rows)
    means = {name: sum(line[part] for line in rows for part in parts) / len(rows) for name, parts in OF_TIMINGS.items()}
    devices = ("sampler", "trainer")
    idle = {f"{device}_idle": sum(line[f"{device}_idle_s"] for line in rows) / total for device in devices}
    return row | means | idle | _together(means) | {
        "system": record["config"]["trainer"]["schedule"],
        "steps": len(rows),
        "status": RUN,
        "pointer": pointer(stage.path, "/facts", table),
    }  # fmt: skip


def _of_published(line: Mapping[str, str]) -> Row:
    known = {name: float(line[name]) for name in (*PARTS, "total_s") if line.get(name)}
    told = {name: line[name] for name in ("system", "setting", "speed_up", "source", "evidence")}
    return {"kind": PUBLISHED, "subject": line["workload"], "status": PUBLISHED} | known | _together(known) | told


def _together(times: Mapping[str, float]) -> Row:
    parts = sum(times.get(name, 0.0) for name in PARTS)
    return {"parts_s": parts, "over_total": parts / times["total_s"]}
