"""The files of a private SLURM cluster whose nodes are all on this host.

What differs from a real cluster: no cgroups (memory and devices are scheduled, not enforced), GPUs are links to
/dev/null (a character device, without which SLURM leaves CUDA_VISIBLE_DEVICES unset), a node may claim more than the
host has, daemons listen on loopback, and intervals are short.
"""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass
from pathlib import Path

COMMANDS = (
    "srun",
    "sbatch",
    "salloc",
    "squeue",
    "scancel",
    "scontrol",
    "sinfo",
    "sacct",
    "sacctmgr",
    "sstat",
    "sattach",
)


@dataclass(frozen=True)
class Settings:
    """A cluster.

    Args:
        memory: MB that each node claims.
        port: first of the ports used, or 0 to look for free ones.
        min_job_age: seconds for which squeue goes on to know a job that ended.
        slurmd_timeout: seconds of silence after which a node is down (seen: after 13 to 25 s, for 5 and for 15).
        requeue_seconds: what a requeued job waits at least. SLURM takes 5 or more, and falls back to 120 below.
    """

    nodes: int = 4
    gpus: int = 8
    cpus: int = 8
    memory: int = 2_000_000
    accounting: bool = False
    port: int = 0
    min_job_age: int = 3600
    slurmd_timeout: int = 15
    requeue_seconds: int = 5

    @property
    def ports(self) -> int:
        """How many ports it takes: slurmctld, slurmdbd and one for each node."""
        return self.nodes + 2

    @property
    def names(self) -> list[str]:
        """Names of the nodes."""
        return [f"n{number}" for number in range(1, self.nodes + 1)]


def write(folder: Path, settings: Settings, port: int, commands: dict[str, str]) -> None:
    """Write the configuration, the fake GPUs, and the commands that know where the configuration is.

    Args:
        commands: name of each client command, with its path.
    """
    for name in ("bin", "dev", "etc", "log", "run", "spool", "state"):
        (folder / name).mkdir(parents=True, mode=0o755)
    for number in range(settings.gpus):
        (folder / f"dev/nvidia{number}").symlink_to("/dev/null")
    for node in settings.names:
        (folder / "spool" / node).mkdir()
    # Snakemake's jobs drop every SLURM_* variable, SLURM_CONF too, before their inner srun; PATH they keep.
    for name, path in commands.items():
        wrapper = folder / "bin" / name
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/etc/slurm.conf exec {path} "$@"\n')
        wrapper.chmod(0o755)
    _private(folder / "etc/munge.key", os.urandom(128))
    (folder / "etc/slurm.conf").write_text(_slurm(folder, settings, port))
    (folder / "etc/gres.conf").write_text(_gres(folder, settings))
    if settings.accounting:
        _private(folder / "etc/slurmdbd.conf", _slurmdbd(folder, port).encode())


def user() -> str:
    """Whose cluster it is."""
    return pwd.getpwuid(os.geteuid()).pw_name


def _private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _gres(folder: Path, settings: Settings) -> str:
    if not settings.gpus:
        return "AutoDetect=off\n"
    return (
        f"AutoDetect=off\nNodeName={','.join(settings.names)} Name=gpu Type=h100 Flags=nvidia_gpu_env "
        f"File={folder}/dev/nvidia[0-{settings.gpus - 1}]\n"
    )


def _slurm(folder: Path, settings: Settings, port: int) -> str:
    host, name = socket.gethostname().partition(".")[0], user()
    nodes = "\n".join(
        f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port + 2 + number}"
        for number, node in enumerate(settings.names)
    )
    gres = f"Gres=gpu:h100:{settings.gpus}" if settings.gpus else ""
    return f"""ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser={name}
SlurmdUser={name}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/run/munge.socket,cred_expire={settings.requeue_seconds}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={port}
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/%n.log
SlurmdSpoolDir={folder}/spool/%n
StateSaveLocation={folder}/state
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,bf_continue,sched_interval=1,sched_min_interval=100000,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU={min(1000, settings.memory // settings.cpus)}
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
MinJobAge={settings.min_job_age}
MessageTimeout=5
KillWait=3
SlurmdTimeout={settings.slurmd_timeout}
SlurmctldTimeout=15
InactiveLimit=0
GresTypes=gpu
{_accounting(folder, settings, port)}
NodeName=DEFAULT CPUs={settings.cpus} Boards=1 SocketsPerBoard=1 CoresPerSocket={settings.cpus} ThreadsPerCore=1 \
RealMemory={settings.memory} {gres} State=UNKNOWN
{nodes}
PartitionName=DEFAULT Nodes={",".join(settings.names)} DefaultTime=10 State=UP
PartitionName=gpu Default=YES MaxTime=14-00:00:00 PriorityTier=10
PartitionName=cpu MaxTime=14-00:00:00 PriorityTier=10
PartitionName=urgent MaxTime=60 PriorityTier=100 PreemptMode=off
"""


def _accounting(folder: Path, settings: Settings, port: int) -> str:
    if not settings.accounting:
        return "AccountingStorageType=accounting_storage/none\nJobAcctGatherType=jobacct_gather/none"
    return f"""AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port + 1}
AccountingStoragePass={folder}/run/munge.socket
AccountingStorageTRES=gres/gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5"""


def _slurmdbd(folder: Path, port: int) -> str:
    return f"""AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port + 1}
SlurmUser={user()}
LogFile={folder}/log/slurmdbd.log
PidFile={folder}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""
