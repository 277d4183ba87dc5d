"""Try a site out from the login node, without a job: what SLURM says of it, and what does not fit."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from deepcoder.cluster.batch import check_fits, options_of
from deepcoder.cluster.check import Kind
from deepcoder.cluster.findings import Finding
from deepcoder.config.load import SITE_FILE
from deepcoder.config.machine import Resources, Site
from deepcoder.errors import UserError

COMMANDS = ("sbatch", "squeue", "scontrol", "scancel", "sinfo", "srun")
ANSWER_SECONDS = 30
LOGIN = "login node"
# What SLURM says (src/common/slurm_errno.c of SLURM 20 to 24), and the keys of site.yaml that can be meant.
KEYS = {
    "invalid partition": "partition (or cpu_partition)",
    "account or account/partition": "account, qos or partition: sacctmgr show associations user=$USER lists yours",
    "invalid account": "account: sacctmgr show associations user=$USER lists yours",
    "invalid qos": "qos: sacctmgr show associations user=$USER lists yours",
    "invalid feature": "constraint",
    "generic resource": "gpu_type or gpus_per_node: sinfo --format='%P %G' lists them",
    "node configuration is not available": (
        "gpu_type, gpus_per_node, cpus_per_node or memory_mb_per_node, or nodes of the rule's block in resources: "
        "no node of the partition has so much"
    ),
    "node count": "nodes of the rule's block in resources",
    "more processors requested": "cpus_per_node, or nodes of the rule's block in resources",
    "time limit": "max_minutes",
    "memory": "memory_mb_per_node",
    "accounting/qos policy": "qos, account or max_minutes: a limit of theirs is below what the rule asks for",
    "unrecognized option": "sbatch",
    "unable to contact": "nothing: the controller does not answer; try again",
}


def login_findings(site: Site, resources: Mapping[str, Resources], kinds: Sequence[Kind]) -> Iterator[Finding]:
    """Lines of the login node; after a FAIL among the first of them nothing else can be asked."""
    absent = [name for name in COMMANDS if shutil.which(name) is None]
    if absent:
        yield Finding(
            LOGIN, "SLURM", "FAIL", f"no command {', '.join(absent)}", "run it on a login node of the cluster"
        )
        return
    status, told = _ask("sinfo", "--version")
    yield Finding(LOGIN, "SLURM", "ok" if status == 0 else "FAIL", told)
    yield _resources(site, resources, kinds)
    has_gpus = any(kind.needs.gpus_per_node for kind in kinds)
    gpu, cpu = site.partition, site.cpu_partition or site.partition
    for key, name in {"partition": gpu, "cpu_partition": cpu}.items():
        if key == "partition" or cpu != gpu:
            yield from _partition(site, key, name, has_gpus and key == "partition")
    yield from _accepted(site, resources, kinds)
    yield from _scratch(site)
    yield from _python(site)


def key_of(words: str) -> str:
    """The keys of site.yaml that a refusal of sbatch can mean."""
    return next((key for part, key in KEYS.items() if part in words.lower()), "as SLURM's words say")


def minutes_in(limit: str) -> float:
    """Minutes of a time limit as sinfo writes it: 2-00:00:00, 30:00, infinite.

    >>> minutes_in("1-02:00:00"), minutes_in("30:00")
    (1560.0, 30.0)
    """
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if not found:
        return float("inf")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return days * 1440 + hours * 60 + minutes + seconds / 60


def _resources(site: Site, resources: Mapping[str, Resources], kinds: Sequence[Kind]) -> Finding:
    misfits = []
    for name in (name for kind in kinds for name in kind.blocks):
        # One key at a time: the first misfit of a block must not hide the next.
        asked = resources[name]
        for key in ("gpus_per_node", "cpus", "memory_mb"):
            try:
                check_fits(site, replace(Resources(memory_mb=0, runtime_min=1), **{key: getattr(asked, key)}), name)
            except UserError as error:
                misfits.append(str(error).partition("; lower")[0])
    if misfits:
        remedy = "lower these blocks: resources can stand in site.yaml, beside site (profiles/slurm/sites has examples)"
        return Finding(LOGIN, "resources", "FAIL", "\n".join(misfits), remedy)
    count = sum(len(kind.blocks) for kind in kinds)
    return Finding(LOGIN, "resources", "ok", f"all {count} blocks fit a node: {', '.join(kind.name for kind in kinds)}")


def _partition(site: Site, key: str, name: str, with_gpus: bool) -> Iterator[Finding]:
    status, told = _ask("sinfo", "--noheader", "--exact", f"--partition={name}", "--format=%a|%l|%D|%c|%m|%G")
    lines = [line.split("|", 5) for line in told.splitlines() if line.count("|") >= 5]
    if status or not lines:
        _, known = _ask("sinfo", "--noheader", "--format=%R")
        there = ", ".join(dict.fromkeys(known.split())) or "none"
        seen = f"{name!r} is not there; partitions: {there}"
        yield Finding(LOGIN, key, "FAIL", seen, f"{key} of {SITE_FILE}")
        return
    nodes = sum(int(line[2]) for line in lines)
    seen = f"{name}: {nodes} nodes, limit {lines[0][1]}, {', '.join(dict.fromkeys(line[5] for line in lines))}"
    if not any(line[0] == "up" for line in lines):
        yield Finding(LOGIN, key, "FAIL", f"{seen}, {lines[0][0]}", f"another {key} in {SITE_FILE}, or wait")
    elif site.max_minutes > (limit := max(minutes_in(line[1]) for line in lines)):
        remedy = f"max_minutes: {limit:.0f} in {SITE_FILE}"
        yield Finding(LOGIN, key, "FAIL", f"{seen}, and max_minutes is {site.max_minutes}", remedy)
    elif with_gpus and (claims := _claims(site, lines)):
        seen = f"{seen}; more than a node has: {', '.join(claims)}"
        yield Finding(LOGIN, key, "warning", seen, f"mend them in {SITE_FILE}")
    else:
        yield Finding(LOGIN, key, "ok", seen)


def _claims(site: Site, lines: Sequence[Sequence[str]]) -> list[str]:
    """Keys of the site that say more of a node than sinfo does."""
    there = {
        "gpus_per_node": max(_gpus_in(line[5]) for line in lines),
        "cpus_per_node": max(int(line[3].rstrip("+")) for line in lines),
        "memory_mb_per_node": max(int(line[4].rstrip("+")) for line in lines),
    }
    return [f"{key} is {getattr(site, key)} for {most}" for key, most in there.items() if getattr(site, key) > most]


def _gpus_in(gres: str) -> int:
    """GPUs of a node as sinfo writes them: gpu:h100:8(S:0-1)."""
    return sum(int(number) for number in re.findall(r"gpu(?::[^:,(]+)?:(\d+)", gres))


def _accepted(site: Site, resources: Mapping[str, Resources], kinds: Sequence[Kind]) -> Iterator[Finding]:
    """What sbatch says to the options of each rule's job; alike refusals are one line."""
    told: dict[str, list[str]] = {}
    for kind in kinds:
        for name in kind.blocks:
            try:
                options = options_of(
                    site, resources[name], f"deepcoder-{name}", Path("/dev/null"), "make check-cluster"
                )
            except UserError:  # a line of resources
                continue
            status, words = _ask("sbatch", "--test-only", *options, "--wrap=true")
            told.setdefault(_refusal(words) if status else "", []).append(name)
    for words, names in told.items():
        if words:
            remedy = f"{SITE_FILE}: {key_of(words)}"
            yield Finding(LOGIN, "sbatch --test-only", "FAIL", f"{', '.join(names)}: {words}", remedy)
        else:
            yield Finding(LOGIN, "sbatch --test-only", "ok", f"accepted: {', '.join(names)}")


def _refusal(words: str) -> str:
    lines = [line.removeprefix("sbatch: ").removeprefix("error: ") for line in words.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines)) or "refused without a word"


def _scratch(site: Site) -> Iterator[Finding]:
    if "$" in site.scratch or "~" in site.scratch or not site.scratch.startswith("/"):
        seen = f"{site.scratch!r} is no absolute path: variables and ~ are not expanded"
        yield Finding(LOGIN, "scratch", "FAIL", seen, f"scratch of {SITE_FILE}: an absolute path on each node")


def _python(site: Site) -> Iterator[Finding]:
    if site.container:
        words = shlex.split(site.container)
        images = [word for word in words if word.startswith("/") and word.endswith((".sif", ".sqsh"))]
        absent = [image for image in images if not Path(image).is_file()]
        seen = f"no file {', '.join(absent)}" if absent else f"{words[0]} with {', '.join(images) or 'no image file'}"
        remedy = "build the image (envs/apptainer.def) onto the shared disk" if absent else ""
        yield Finding(LOGIN, "container", "FAIL" if absent else "ok", seen, remedy)
    elif site.python and not os.access(site.python, os.X_OK):
        yield Finding(LOGIN, "python", "FAIL", f"no program {site.python}", f"python of {SITE_FILE}")


def _ask(*command: str) -> tuple[int, str]:
    """Exit status and all words of a command of SLURM's."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return 1, f"{command[0]}: no answer in {ANSWER_SECONDS} s: unable to contact the controller"
    return done.returncode, (done.stdout + done.stderr).strip()
