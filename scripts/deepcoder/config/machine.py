"""On what and how jobs run, and where their curves go: nothing here is part of what a result was made from."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from deepcoder.config.fields import setting


@dataclass
class Resources:
    """What one job of a rule asks SLURM for."""

    nodes: int = 1
    gpus_per_node: int = 0
    cpus: int = 1
    memory_mb: int = MISSING  # per node
    runtime_min: int = MISSING


@dataclass
class Site:
    """A SLURM cluster, as profiles/slurm/site.yaml describes it; no result depends on it."""

    partition: str = MISSING
    cpu_partition: str | None = None  # for jobs without GPUs; null: the same
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gpu_type: str | None = None  # the second word of --gres=gpu:TYPE:N; null: any
    gpus_per_node: int = MISSING
    cpus_per_node: int = MISSING
    memory_mb_per_node: int = MISSING
    max_minutes: int = MISSING  # the partition's limit: what takes longer goes on in another job
    warning_seconds: int = 600  # before the limit, to save what there is
    scratch: str = "/tmp"  # on each node, for what is not kept
    setup: list[str] = field(default_factory=list)  # shell lines before each job, for example: module load cuda
    container: str | None = None  # for example: apptainer exec --nv /shared/deepcoder.sif
    python: str | None = None  # inside jobs; null: the one that runs Snakemake
    sbatch: list[str] = field(default_factory=list)  # further options
    on_login: list[str] = field(default_factory=lambda: ["fetch", "fetch_model", "lock"])  # rules that are no jobs
    poll_seconds: float = 30.0  # between two questions to the controller about a job
    lag_seconds: float = 60.0  # until a file that a node has written is seen here
    faults: int = 5  # jobs in a row that may be lost before a rule has failed


@dataclass
class Hardware:
    """The accelerator that `make plan` computes with."""

    name: str = MISSING
    memory_gb: float = MISSING
    bf16_tflops: float = MISSING
    memory_bandwidth_tb_s: float = MISSING


@dataclass
class Wandb:
    """Weights & Biases, where a project is named: the curves of each stage, beside TensorBoard's."""

    project: str | None = setting(None)
    entity: str | None = setting(None)
    mode: str = setting("offline", choices=("offline", "online"))  # offline: written here, for `wandb sync`


@dataclass
class Logging:
    """Where curves go while a stage trains; nothing depends on it."""

    wandb: Wandb = field(default_factory=Wandb)
