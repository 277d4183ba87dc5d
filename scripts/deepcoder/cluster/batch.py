"""The batch script of a job and what it asks SLURM for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from deepcoder.config.machine import Resources, Site
from deepcoder.errors import UserError

# Of the run that submits; inside a job it would name a process of another host.
NOT_HANDED_ON = "DEEPCODER_RUN_PID"


def options_of(site: Site, needs: Resources, name: str, log: Path, comment: str) -> list[str]:
    """Options of sbatch for a job.

    Args:
        log: %A and %j stand for the job's id.

    Raises:
        UserError: the job asks for more than a node of the site has.
    """
    check_fits(site, needs, name)
    gpus = needs.gpus_per_node
    named = {
        "partition": site.partition if gpus else site.cpu_partition or site.partition,
        "account": site.account,
        "qos": site.qos,
        "constraint": site.constraint,
        "nodes": needs.nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": needs.cpus,
        "mem": f"{needs.memory_mb}M",
        "time": minutes_of(site, needs),
        "gres": f"gpu:{site.gpu_type}:{gpus}" if gpus and site.gpu_type else f"gpu:{gpus}" if gpus else None,
        "signal": f"B:USR1@{warning_of(site, needs)}",
        "job-name": name,
        "comment": comment,
        "output": log,
        "open-mode": "append",
        "chdir": Path.cwd(),
    }
    return ["--requeue", *(f"--{key}={value}" for key, value in named.items() if value is not None), *site.sbatch]


def minutes_of(site: Site, needs: Resources) -> int:
    """Run time of one job; what takes longer goes on in the next."""
    return min(needs.runtime_min, site.max_minutes)


def warning_of(site: Site, needs: Resources) -> int:
    """Seconds before the limit at which a job is told of it; most of a short job's time is still its own."""
    return min(site.warning_seconds, minutes_of(site, needs) * 60 // 4)


def check_fits(site: Site, needs: Resources, name: str) -> None:
    """Raise UserError where a job asks for more than a node of the site has, naming the keys."""
    asked = {"gpus_per_node": needs.gpus_per_node, "cpus": needs.cpus, "memory_mb": needs.memory_mb}
    there = {"gpus_per_node": site.gpus_per_node, "cpus": site.cpus_per_node, "memory_mb": site.memory_mb_per_node}
    for key, wanted in asked.items():
        if wanted > there[key]:
            raise UserError(
                f"{name} asks for {key}={wanted} a node, but a node of this site has {there[key]} "
                f"(profiles/slurm/site.yaml); lower its block in resources (config/scale/) and, for GPUs, raise nodes"
            )


def script_of(site: Site, command: Sequence[str], variables: Mapping[str, str]) -> str:
    """Text of a batch script that runs a command; the last line replaces the shell, so that signals reach it.

    Args:
        variables: set for the command, besides what the site's own set-up lines set.
    """
    inside = [*shlex.split(site.container), *command] if site.container else command
    exports = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    lines = ["#!/bin/bash", f"unset {NOT_HANDED_ON}", *site.setup, *exports, f"exec {shlex.join(inside)}"]
    return "\n".join(lines) + "\n"
