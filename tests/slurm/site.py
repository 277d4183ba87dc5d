"""The private cluster as the launcher is told of it."""

from deepcoder.config.machine import Site

SITE = Site(
    partition="gpu",
    gpus_per_node=8,
    cpus_per_node=8,
    memory_mb_per_node=100_000,
    max_minutes=10,
    warning_seconds=30,
    poll_seconds=1.0,
    lag_seconds=3.0,
    faults=2,
)
