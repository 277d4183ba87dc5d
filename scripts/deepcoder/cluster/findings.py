"""What the reports of the nodes mean for a run: one line each, with the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deepcoder.cluster.check import Trial
from deepcoder.config.load import SITE_FILE
from deepcoder.config.machine import Site

# How the reasons of SLURM begin for which a job waits only because others came first, or because nodes are down.
BUSY = ("Resources", "Priority", "None", "BeginTime", "Licenses", "Reservation", "ReqNodeNotAvail", "Nodes_required")
SCRATCH_GB, INODES, CLOCK_SECONDS, SLOW_MB_S = 10, 100_000, 1.0, 500

Result = Literal["ok", "warning", "FAIL"]


@dataclass(frozen=True)
class Finding:
    """A line of the table: where, what was looked at, how it is, what was seen, and what to do about it."""

    where: str
    check: str
    result: Result
    seen: str
    remedy: str = ""


@dataclass(frozen=True)
class Wanted:
    """What the run needs of a node, besides what its kind asks for.

    Attributes:
        cuda: a driver and a torch that sees it, where there are GPUs.
        disk_gb: free space below results/.
    """

    cuda: bool
    disk_gb: float


def findings_of(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    """All lines of one kind; every finding of several nodes names those that it is about."""
    where = trial.kind.name
    if trial.state == "REFUSED":
        yield Finding(where, "job", "FAIL", trial.why, f"see the login node's lines above, and {SITE_FILE}")
        return
    if not trial.reports:
        yield _no_report(trial)
        return
    hosts = ", ".join(dict.fromkeys(str(report["host"]) for report in trial.reports))
    yield Finding(where, "queue", "ok", f"job {trial.job} waited {trial.queued:.0f} s; on {hosts}")
    nodes, asked = len(trial.reports), trial.kind.needs.nodes
    if nodes < asked or not all(report["complete"] for report in trial.reports):
        unfinished = [str(report["host"]) for report in trial.reports if not report["complete"]]
        seen = (
            f"{nodes} of {asked} nodes reported; unfinished: {', '.join(unfinished) or 'none'}; ended as {trial.state}"
        )
        yield Finding(where, "nodes", "FAIL", f"{seen}\n{trial.log}".strip(), "mend what the log says")
    else:
        yield Finding(where, "nodes", "ok", f"{nodes} of {asked} reported in {_most(trial, 'seconds'):.0f} s")
    for check in (_gpus, _fabric, _ports, _judge, _disk, _clock, _space, _scratch, _packages, _torch):
        yield from check(trial, site, wanted)


def _no_report(trial: Trial) -> Finding:
    where, waited = trial.kind.name, f"job {trial.job} only waited, {trial.queued or 0:.0f} s"
    if trial.state == "PENDING" and (not trial.why or trial.why.startswith(BUSY)):
        remedy = "the cluster is busy, or nodes are down: nothing of this was tried; make check-cluster WAIT=3600"
        return Finding(where, "queue", "warning", f"{waited} ({trial.why or 'no reason given'})", remedy)
    if trial.state == "PENDING":
        remedy = f"SLURM's reason (man squeue, JOB REASON CODES) says which limit; mend {SITE_FILE} or resources"
        return Finding(where, "queue", "FAIL", f"{waited} ({trial.why})", remedy)
    remedy = f"mend what it says: python, container, setup of {SITE_FILE}; the checkout must be on the shared disk"
    seen = f"job {trial.job} ended as {trial.state} without a report; its log: {trial.log or 'empty'}"
    return Finding(where, "job", "FAIL", seen, remedy)


def _gpus(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    asked = trial.kind.needs.gpus_per_node
    if not asked:
        return
    for name, facts, line in _facts(trial, "gpus"):
        if line:
            yield line
            continue
        names = ", ".join(dict.fromkeys(facts["names"])) or "no driver"
        seen = f"{name}{facts['visible']} of {asked}, {names}"
        if facts["visible"] != asked:
            yield _line(trial, "GPUs", "FAIL", seen, f"gres of the cluster and gpu_type of {SITE_FILE} do not agree")
        elif not facts["names"]:
            yield _line(
                trial,
                "GPUs",
                "FAIL" if wanted.cuda else "warning",
                seen,
                "nodes with GPUs need NVIDIA's driver, and a container its --nv",
            )
        elif site.gpu_type and site.gpu_type.lower().split("_")[0] not in names.lower():
            yield _line(trial, "GPUs", "warning", seen, f"gpu_type is {site.gpu_type}: is that another name of it?")
        else:
            yield _line(trial, "GPUs", "ok", seen)


def _fabric(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    if trial.kind.needs.nodes == 1:
        return
    for name, facts, line in _facts(trial, "fabric", "the nodes' firewall must let TCP through between them"):
        if line:
            yield line
            continue
        devices = f"InfiniBand {', '.join(facts['infiniband'])}" if facts["infiniband"] else "no InfiniBand"
        if facts["unreached"]:
            remedy = "the nodes' firewall must let TCP through between them"
            yield _line(trial, "fabric", "FAIL", f"{name}does not reach {', '.join(facts['unreached'])}", remedy)
            continue
        rate = min(report["fabric"].get("stream_mb_s") or 0.0 for report in trial.reports if "fabric" in report)
        seen = f"{name}reaches all, slowest TCP stream {rate:.0f} MB/s, {devices}"
        slow = rate < SLOW_MB_S and not facts["infiniband"]
        remedy = "weights and gradients cross it at each step: ask for nodes with a fast fabric (constraint)"
        yield _line(trial, "fabric", "warning" if slow else "ok", seen, remedy if slow else "")


def _ports(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    for name, facts, line in _facts(trial, "ports"):
        closed = [] if line else [place for place, is_open in facts.items() if not is_open]
        seen = f"{name}{' and '.join(closed)} refused" if closed else f"{name}loopback and own address take connections"
        remedy = "Ray needs servers on both: the firewall must let them through" if closed else ""
        yield line or _line(trial, "Ray's ports", "FAIL" if closed else "ok", seen, remedy)


def _judge(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    remedy = "see README, The judge: user namespaces or Landlock are needed on nodes"
    for name, facts, line in _facts(trial, "judge", remedy):
        if line:
            yield line
            continue
        why = f"; no user namespaces: {facts['namespaces']}" if facts["namespaces"] else ""
        yield _line(trial, "judge", "ok", f"{name}{facts['level']}, first program in {facts['seconds']} s{why}")


def _disk(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    for _, facts, line in _facts(trial, "disk", f"raise lag_seconds of {SITE_FILE}", first=True):
        if line:
            yield line
            continue
        there, back = facts["there_ms"], facts["back_ms"]
        late = max(there, back) > 1e3 * site.lag_seconds
        seen = f"a node's file is seen here after {there} ms, one of here on the node after {back} ms"
        remedy = f"raise lag_seconds of {SITE_FILE} above it" if late else ""
        yield _line(trial, "shared disk", "FAIL" if late else "ok", seen, remedy)


def _clock(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    facts = trial.reports[0].get("disk", {})
    if "clock_s" in facts:
        sure = abs(facts["there_ms"] + facts["back_ms"]) / 2e3
        wrong = abs(facts["clock_s"]) > CLOCK_SECONDS + sure
        seen = f"{facts['clock_s']:+.3f} s to here, known to {sure:.3f} s"
        yield _line(trial, "clock", "warning" if wrong else "ok", seen, "set clocks by NTP" if wrong else "")


def _space(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    yield from _free(trial, site, "results", wanted.disk_gb, "free space, or link results/ to a larger disk")


def _scratch(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    yield from _free(trial, site, "scratch", SCRATCH_GB, f"give another scratch in {SITE_FILE}")


def _free(trial: Trial, site: Site, place: str, gb: float, remedy: str) -> Iterator[Finding]:
    unwritable = f"results/ and scratch of {SITE_FILE} must be there on each node, and writable"
    failed = [line for _, _, line in _facts(trial, "space", unwritable) if line]
    if failed:
        yield from failed if place == "results" else []
        return
    spaces = [(report["space"][place], report["host"]) for report in trial.reports if "space" in report]
    if not spaces:
        return
    facts, host = min(spaces, key=lambda space: space[0]["free_gb"])
    count = facts["free_inodes"]
    on = f" on {host}, the fullest" if len(spaces) > 1 else ""
    inodes = "" if count is None else f", {count:,} inodes"
    seen = f"{facts['path']}: {facts['free_gb']:,.0f} GB free{on}, at least {gb:,.0f} needed{inodes}"
    few = count is not None and count < INODES
    result: Result = "FAIL" if facts["free_gb"] < gb else "warning" if few else "ok"
    yield _line(trial, place, result, seen, remedy if result != "ok" else "")


def _packages(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    remedy = "install the environment's lock (envs/README.md) where the jobs' Python is"
    for name, facts, line in _facts(trial, "packages", remedy):
        if line:
            yield line
            continue
        other = [f"{package} {version}" for package, version in facts["other"].items()]
        wrong = [f"{package} is not installed" for package in facts["absent"]] + other
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        told = f"{', '.join(wrong[:3])}{more}" if wrong else "as in the lock"
        result: Result = "FAIL" if facts["absent"] else "warning" if other else "ok"
        seen = f"{name}Python {facts['python']}, {facts['of']} packages: {told}"
        yield _line(trial, "packages", result, seen, remedy if wrong else "")


def _torch(trial: Trial, site: Site, wanted: Wanted) -> Iterator[Finding]:
    remedy = "install the environment's lock (envs/README.md) where the jobs' Python is"
    for name, facts, line in _facts(trial, "torch", remedy):
        if line:
            yield line
        elif "late_s" in facts:
            seen = f"{name}not imported in {facts['late_s']} s"
            yield _line(trial, "torch", "warning", seen, "a slow disk for many small files: use a container")
        else:
            cuda = f"CUDA with {facts['devices']} GPUs" if facts["cuda"] else "no CUDA"
            blind = wanted.cuda and trial.kind.needs.gpus_per_node > 0 and not facts["cuda"]
            seen = f"{name}{facts['version']} in {facts['seconds']} s, {cuda}"
            yield _line(
                trial, "torch", "FAIL" if blind else "ok", seen, "driver and CUDA build do not fit" if blind else ""
            )


def _line(trial: Trial, check: str, result: Result, seen: str, remedy: str = "") -> Finding:
    return Finding(trial.kind.name, check, result, seen, remedy)


def _facts(
    trial: Trial, check: str, remedy: str = "", first: bool = False
) -> Iterator[tuple[str, Mapping[str, Any], Finding | None]]:
    """Each node's facts with its name, alike ones once; the line of one whose measurement failed."""
    alike: dict[str, tuple[list[str], Mapping[str, Any]]] = {}
    for report in trial.reports[:1] if first else trial.reports:
        if check in report:
            facts = report[check]
            alike.setdefault(_words(facts), ([], facts))[0].append(report["host"])
    for nodes, facts in alike.values():
        name = "" if len(alike) == 1 else f"{', '.join(nodes)}: "
        failed = _line(trial, check, "FAIL", f"{name}{facts['error']}", remedy) if "error" in facts else None
        yield name, facts, failed


def _words(facts: Mapping[str, Any]) -> str:
    """What makes the facts of two nodes alike: all that is no measured time, rate or place."""
    measured = ("seconds", "address", "stream_mb_s")
    return repr({key: value for key, value in facts.items() if key not in measured})


def _most(trial: Trial, key: str) -> float:
    return max(float(report[key]) for report in trial.reports)
