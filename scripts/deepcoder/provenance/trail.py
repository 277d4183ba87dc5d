"""The way from one number to the raw bytes, station by station, every byte on it hashed again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepcoder.errors import UserError
from deepcoder.files import read_json, sha256_json
from deepcoder.provenance.audit import NOTED, Step, examine, faults, walk
from deepcoder.provenance.cells import Cell, read_rows
from deepcoder.provenance.record import payload_of, record_path, worked_under
from deepcoder.provenance.rederive import rederive

# Which arguments of a door lead on, and what lies there; "" is passed through on the way to what lies behind.
ROUTE: dict[str, dict[str, str]] = {
    "score.py": {"verdicts": "verdicts", "problems": "benchmark", "standings": "standings"},
    "grade.py": {"samples": "samples"},
    "gather_samples.py": {"shards": "shard"},
    "sample.py": {"checkpoint": "model"},
    "export_model.py": {"state": "training state"},
    "train_stage.py": {"start": "model", "problems": "training set"},
    "warm_start.py": {"problems": ""},
    "curate.py": {"problems": "", "pass_rates": "difficulty"},
    "compare_curations.py": {"curations": "training set"},
    "gather_difficulty.py": {"shards": "shard"},
    "measure_difficulty.py": {"checkpoint": "model"},
    "prepare_benchmark.py": {"problems": ""},
    "normalise.py": {"raw": "raw data"},
}
START = {
    "score.py": "score file", "curate.py": "training set", "train_stage.py": "training state",
    "compare_curations.py": "comparison", NOTED: "record",
}  # fmt: skip
TAKEN = (
    "account.py",
)  # doors whose tables add up what stands in many files: a row is checked by making the table again
CONFIG, FUNNEL = "training config", "funnel"
ORDER = (
    ("score file",), ("verdicts",), ("samples",), ("shard",), ("benchmark", "standings"),
    ("model", "training state", CONFIG), ("training set", "difficulty"), (FUNNEL,), ("raw data",),
)  # fmt: skip
PARENTS = 3  # folders above a payload file in which its manifest may lie
FUNNEL_FILE, TOTAL = "funnel.csv", "all"  # of a curation: its rules, and the rows over all sources


@dataclass
class Station:
    """A stop on the way.

    Attributes:
        path: the artifact; "" where the station is no file.
        sha256: of the artifact as it is now.
        record: path of the record beside it.
        made_by: door, digests of code and configuration, commit, from the record.
        facts: what the artifact says of itself, name -> text or number.
        payload: files that the artifact lists, name -> sha256, the largest first.
        config: what was read of the configuration; of a training config alone.
        code: code digest by artifact; of the last station alone.
        faults: differences, as sentences without the path.
    """

    name: str
    path: str = ""
    sha256: str = ""
    record: str = ""
    made_by: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    payload: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    code: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@dataclass
class Trail:
    """Stations in order from the number to the raw data, and everything else that the number depends on.

    Attributes:
        others: artifacts that are no station, path -> their faults.
        tree: all of them as a tree.
    """

    cell: Cell
    stations: list[Station]
    others: dict[str, list[str]]
    tree: Step

    @property
    def faults(self) -> list[str]:
        """Every difference with the path that it is about; what spoils two stations is told once."""
        told = [f"{station.path}: {fault}" for station in self.stations for fault in station.faults]
        told += [f"{path}: {fault}" for path, found in self.others.items() for fault in found]
        return list(dict.fromkeys(told))


def follow(cell: Cell, scripts: Path | None = None) -> Trail:
    """The trail of a cell.

    Args:
        scripts: folder of the doors, by which a score is made once more from its verdicts; None leaves that out.

    Raises:
        UserError: a record or manifest that is damaged.
    """
    owner = owner_of(cell.target)
    try:
        walked = Walked(owner)
        stations = [table_station(cell, walked), *walked.stations()]
        check_score(cell, stations, scripts)
        check_table(cell, stations[0], scripts)
        stations.append(surroundings(walked.steps))
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{owner}: a record or manifest behind it is damaged ({type(error).__name__}: {error}); make audit names it"
        ) from error
    shown = {station.path for station in stations}
    others = {path: found for path, found in walked.faults.items() if path not in shown}
    return Trail(cell, stations, others, walked.tree)


def owner_of(target: Path) -> Path:
    """The artifact that answers for a file: itself, or the manifest beside or above it that lists it as payload."""
    if record_path(target).exists() or not target.exists():
        return target
    for folder in list(target.parents)[:PARENTS]:
        for manifest in sorted(folder.glob("*.json")):
            if not manifest.name.endswith(".record.json") and target in payload_of(manifest):
                return manifest
    return target


class Walked:
    """Everything behind an artifact, hashed once, and the stations among it."""

    def __init__(self, owner: Path) -> None:
        self.owner, self.steps = str(owner), dict[str, Step]()
        self.tree = walk(owner, self.steps)
        self.faults: dict[str, list[str]] = {path: [] for path in self.steps}
        for fault in faults(self.tree):
            path = next(path for path in sorted(self.steps, key=len, reverse=True) if fault.startswith(f"{path}: "))
            self.faults[path].append(fault.removeprefix(f"{path}: "))

    def stations(self) -> list[Station]:
        """Stations from the owner to the raw data, in the order of ORDER."""
        found: dict[tuple[str, str], Station] = {}
        self._visit(self.owner, START.get(self.tree.door, "artifact"), found)
        rank = {name: place for place, names in enumerate(ORDER) for name in names}
        return sorted(found.values(), key=lambda station: rank.get(station.name, -1))

    def _visit(self, path: str, name: str, found: dict[tuple[str, str], Station]) -> None:
        if path not in self.steps or (name, path) in found:
            return
        step, record = self.steps[path], _record(Path(path))
        door = record["door"] if record else ""
        if name:
            found[name, path] = station_of(name, step, self.faults[path])
        if door == "train_stage.py":
            found[CONFIG, path] = config_station(found[name, path], record)
        if door == "curate.py":
            found[FUNNEL, path] = funnel_station(found[name, path])
        for argument, behind in ROUTE.get(door, {}).items():
            value = record["arguments"].get(argument)
            for item in value if isinstance(value, list) else [value] if value else []:
                self._visit(str(item), behind, found)


def station_of(name: str, step: Step, found: Sequence[str]) -> Station:
    """A station of an artifact, with what its record and its manifest say."""
    path = Path(step.path)
    station = Station(name, step.path, step.sha256, faults=list(found))
    record = _record(path)
    if record:
        station.record, station.made_by = str(record_path(path)), made_by(record)
        for digest, content in (("config_digest", record["config"]), ("code_digest", worked_under(record)["code"])):
            if record[digest] != sha256_json(content):
                station.faults.append(f"the {digest.replace('_', ' ')} in its record is not that of what it lists")
    if step.sha256 and path.suffix == ".json":
        value = read_json(path)
        files = sorted(value.get("files", {}).items(), key=lambda item: -item[1]["bytes"])
        station.payload = {name: entry["sha256"] for name, entry in files}
        station.facts = flat(value["facts"] if "facts" in value else score_facts(value))
        if step.door == NOTED:
            station.facts = flat({name: value.get(name) for name in ("door", "start", "end", "used", "host")})
    return station


def table_station(cell: Cell, walked: Walked) -> Station:
    """The table itself: its bytes, its numbers against the file it points at, and whether that file was its input."""
    step = examine(cell.table)
    station = station_of("value", step, step.faults)
    station.faults += cell.faults
    record = _record(cell.table)
    if record:
        inputs = {item["path"]: item.get("sha256", "") for item in record["inputs"]}
        if walked.owner not in inputs:
            station.faults.append(f"was not made from {walked.owner}, at which the row points")
        elif walked.tree.sha256 not in ("", inputs[walked.owner]):
            station.faults.append(f"was made from another {walked.owner} ({inputs[walked.owner][:12]})")
    station.facts = {name: shown for name, (shown, _) in cell.numbers.items() if shown}
    return station


def config_station(state: Station, record: Mapping[str, Any]) -> Station:
    """What a training stage read of the configuration, by its record; its hash is the digest of that."""
    station = Station(CONFIG, state.path, record["config_digest"], state.record, state.made_by)
    station.faults = [fault for fault in state.faults if "config digest" in fault]
    station.facts = {"reads": ", ".join(record["config"]), **flat({"overrides": record["overrides"]})}
    station.config = record["config"]
    return station


def funnel_station(training_set: Station) -> Station:
    """The rules of the curation with the rows that each has removed, over all sources."""
    path = Path(training_set.path).parent / FUNNEL_FILE
    station = Station(FUNNEL, str(path), training_set.payload.get(FUNNEL_FILE, ""), training_set.record)
    station.made_by = training_set.made_by
    station.faults = [fault for fault in training_set.faults if FUNNEL_FILE in fault]
    rows = [row for row in read_rows(path) if row["source"] == TOTAL] if path.exists() else []
    if rows:
        removed = ", ".join(f"{row['rule']} {row['removed']}" for row in rows if row["removed"] != "0")
        station.facts = {"in": rows[0]["rows_in"], "removed by": removed, "kept": rows[-1]["rows_out"]}
    return station


def surroundings(steps: Mapping[str, Step]) -> Station:
    """Commits, uncommitted changes and locks of the environment of every job behind the number."""
    records = {path: record for path in steps if (record := _record(Path(path)))}
    station = Station("code and environment")
    states = dict.fromkeys((record["git"]["commit"], record["git"]["dirty"]) for record in records.values())
    commits = [f"{commit or 'unknown'}{f' with changes {dirty}' if dirty else ''}" for commit, dirty in states]
    environments = {record["environment"]["lock"]: record["environment"] for record in records.values()}
    station.facts = {"commit": ", ".join(commits), "lock": ", ".join(environments)}
    for environment in environments.values():
        station.facts |= {"python": environment["python"], **environment["versions"]}
    station.code = {path: record["code_digest"] for path, record in records.items()}
    return station


def check_score(cell: Cell, stations: Sequence[Station], scripts: Path | None) -> None:
    """A score against its verdicts: the hash that it names, and by `scripts` its making once more."""
    by_name = {station.name: station for station in reversed(stations)}
    score, verdicts = by_name.get("score file"), by_name.get("verdicts")
    if score is None or verdicts is None or not score.sha256:
        return
    score.facts = {cell.pointer: cell.numbers["value"][1]} | score.facts
    named = read_json(Path(score.path)).get("identity", {}).get("verdicts_sha256")
    if named is not None and named not in verdicts.payload.values():
        score.faults.append(f"names other verdicts ({str(named)[:12]}) than {verdicts.path} lists")
    record = _record(Path(score.path))
    if scripts is not None and record and verdicts.sha256 and not verdicts.faults:
        again = [fault.removeprefix(f"{score.path}: ") for fault in rederive([record], scripts)]
        score.faults += again
        score.facts["made again from its verdicts"] = "differs" if again else "the same bytes"


def check_table(cell: Cell, station: Station, scripts: Path | None) -> None:
    """A table of TAKEN against what it was made from, by making it once more."""
    record = _record(cell.table)
    if scripts is not None and record and record["door"] in TAKEN and not station.faults:
        again = [fault.removeprefix(f"{cell.table}: ") for fault in rederive([record], scripts)]
        station.faults += again
        station.facts["made again from its records"] = "differs" if again else "the same bytes"


def score_facts(scores: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader of a score asks first."""
    counts = scores.get("counts", {})
    kept = ("problems", "samples_per_problem", "correct", "truncated", "no_code", "internal_errors", "verdicts")
    return {"metric": scores.get("metric")} | {name: counts[name] for name in kept if name in counts}


def made_by(record: Mapping[str, Any]) -> dict[str, Any]:
    """Door, digests and commit of a record."""
    digests = {"code": record["code_digest"], "config": record["config_digest"]}
    return {"door": record["door"], **digests, "commit": record["git"]["commit"]}


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by dotted names; lists become text, and what is null or empty is left out."""
    found: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping):
            found |= flat(item, f"{prefix}{key}.")
        elif item not in (None, "", []):
            found[f"{prefix}{key}"] = ", ".join(map(str, item)) if isinstance(item, list) else item
    return found


def _record(path: Path) -> dict[str, Any]:
    return read_json(record_path(path)) if path.exists() and record_path(path).exists() else {}
