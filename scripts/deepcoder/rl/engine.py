"""The DeepSpeed engine: how a rank joins the others, and how optimizer states, gradients and weights are sharded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from deepcoder.config.schema import Trainer as TrainerConfig


@dataclass(frozen=True)
class Place:
    """Where a rank stands among the trainer's processes."""

    rank: int = 0
    ranks: int = 1
    address: str = "127.0.0.1"
    port: int = 0


def join_ranks(place: Place) -> None:
    """Meet the other ranks; every rank must call, before anything that they do together.

    On a CPU DeepSpeed's shared-memory operator is switched off first: it would be compiled at first use, for
    minutes, and a killed build leaves a lock on which every later run hangs.
    """
    # LOCAL_RANK chooses the device, and the actor of a rank sees no other device than its own.
    os.environ.update(RANK=str(place.rank), LOCAL_RANK="0", WORLD_SIZE=str(place.ranks))
    os.environ.update(MASTER_ADDR=place.address, MASTER_PORT=str(place.port or 29500))
    import deepspeed
    from deepspeed.accelerator import get_accelerator

    on_cpu = get_accelerator().device_name() == "cpu"
    if on_cpu:
        import deepspeed.ops

        deepspeed.ops.__compatible_ops__ = dict.fromkeys(("deepspeed_shm_comm",), False)
    backend = "gloo" if on_cpu else "nccl"
    if not torch.distributed.is_initialized():
        # Ranks meet at a file or an address; a single one needs no port at all.
        meeting = {} if place.ranks > 1 else {"store": torch.distributed.HashStore(), "rank": 0, "world_size": 1}
        torch.distributed.init_process_group(backend, **meeting)
    deepspeed.init_distributed(backend, auto_mpi_discovery=False, verbose=False)


def start_engine(policy: nn.Module, config: TrainerConfig, hidden_size: int) -> Any:
    """Initialise DeepSpeed around a policy: ZeRO, AdamW with a constant rate, gradient clipping.

    With dtype bfloat16 the optimizer works on float32 master weights, and the gradients of micro-batches are added
    in float32 too: in bfloat16 the sum over a long mini-batch loses its small parts.

    Args:
        hidden_size: of the model; sets which weights ZeRO-3 keeps whole (biases and norms, too small to shard).
    """
    import deepspeed

    settings = {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": config.grad_clip,
        "zero_optimization": {
            "stage": config.zero_stage,
            "stage3_param_persistence_threshold": 10 * hidden_size,
        },
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "bf16": {"enabled": config.dtype == "bfloat16"},
        "data_types": {"grad_accum_dtype": "fp32"},
        "steps_per_print": 1 << 30,
    }
    optimizer = torch.optim.AdamW(
        policy.parameters(),
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
    )
    engine, *_ = deepspeed.initialize(model=policy, optimizer=optimizer, config=settings)
    return engine
