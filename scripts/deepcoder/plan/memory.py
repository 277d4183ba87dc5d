"""Memory of training and sampling, in bytes. Formulas only; nothing here was measured on a GPU."""

from __future__ import annotations

from dataclasses import dataclass

from deepcoder.config.schema import Model, Rollout, Stage, Trainer

BYTES = {"float32": 4, "bfloat16": 2}
MASTER_AND_MOMENTS = 12  # float32 copy of the weights, first and second moment of Adam
GIGA = 1e9
LOGIT_POSITIONS = 256  # whose logits exist at once (rl/log_probs.py, CHUNK)
RUNTIME_BYTES = 2.5e9  # CUDA context, NCCL buffers and workspaces of one process: an allowance, not a formula


@dataclass(frozen=True)
class TrainerMemory:
    """Bytes on one GPU while training."""

    weights: float
    gradients: float
    optimizer: float
    activations: float
    head: float
    gathered: float

    @property
    def total(self) -> float:
        """Sum with the allowance for the runtime."""
        parts = (self.weights, self.gradients, self.optimizer, self.activations, self.head, self.gathered)
        return sum(parts) + RUNTIME_BYTES

    @property
    def resident(self) -> float:
        """What stays while the sampler works: weights and optimizer states."""
        return self.weights + self.optimizer


@dataclass(frozen=True)
class SamplerMemory:
    """Bytes on one GPU while sampling, and how many sequences its cache holds at once (per engine)."""

    weights: float
    cache: float
    cache_per_token: float
    tokens: int
    sequences_at_limit: int
    sequences_at_mean: int

    @property
    def total(self) -> float:
        """Weights and cache, the share of memory that the engine claims."""
        return self.weights + self.cache


def state_bytes(model: Model, dtype: str) -> int:
    """Bytes of a resumable checkpoint: weights in the working precision, float32 master weights, two Adam moments.

    14 bytes per parameter in bfloat16 [mixed-precision Adam, ZeRO, arXiv:1910.02054, section 3.1, without the
    gradients, which a checkpoint does not hold]: 207 GB for 14.77e9 parameters.
    """
    working = BYTES[dtype] if dtype != "float32" else 0
    return model.parameters * (working + MASTER_AND_MOMENTS)


def weight_bytes(model: Model, dtype: str) -> int:
    """Bytes of the weights alone, as exported to hf/."""
    return model.parameters * BYTES[dtype]


def cache_bytes_per_token(model: Model, dtype: str) -> int:
    """Key-value cache of one token over all layers: 2 x layers x key-value heads x head size x bytes.

    192 KiB for the 14B model in bfloat16 [arXiv:2309.06180, section 3, with grouped key-value heads].
    """
    return 2 * model.layers * model.key_value_heads * model.head_dim * BYTES[dtype]


def trainer_memory(model: Model, trainer: Trainer, stage: Stage) -> TrainerMemory:
    """Peak on one GPU in the backward pass of a full micro-batch.

    States follow ZeRO (arXiv:1910.02054, section 5): stage 1 shards the optimizer over all ranks, 2 the gradients
    too, 3 the weights too; Ulysses' sequence parallelism shards over the same ranks [arXiv:2309.14509, section 3].
    Stage 3 also holds the gathered weights of two layers and of the output head. With checkpointing a layer keeps
    its input and one layer is recomputed [arXiv:2205.05198, section 4 and table 2]; attention is flash, so no
    score matrix is kept. `max_tokens_per_gpu` is what one rank holds of a micro-batch, which is packed: none of it
    is padding. Gradients of micro-batches are added in float32.
    """
    size, ranks = BYTES[trainer.dtype], trainer.ranks
    working = size if trainer.dtype != "float32" else 0  # float32 training has no second copy
    sharded = {part: ranks if trainer.zero_stage >= level else 1 for part, level in (("o", 1), ("g", 2), ("w", 3))}
    tokens = stage.max_tokens_per_gpu
    kept = tokens * model.hidden * size
    inside = tokens * size * layer_activation_width(model)
    layers = kept * model.layers + inside if trainer.gradient_checkpointing else (kept + inside) * model.layers
    gathered = 0.0
    if trainer.zero_stage >= 3:
        gathered = size * (2 * layer_parameters(model) + model.vocabulary * model.hidden)
    return TrainerMemory(
        weights=model.parameters * working / sharded["w"],
        gradients=model.parameters * BYTES["float32"] / sharded["g"],
        optimizer=model.parameters * MASTER_AND_MOMENTS / sharded["o"],
        activations=layers,
        head=head_bytes(model, trainer.dtype),
        gathered=gathered,
    )


def layer_activation_width(model: Model) -> int:
    """Values kept per token inside one layer for its backward pass, by counting the tensors of a Qwen2 block.

    Two normalised inputs, two residual sums, the attention's output (hidden each); queries, keys, values and the
    attended values; gate, up, activated gate and their product (intermediate each).
    """
    attention = model.head_dim * (2 * model.heads + 2 * model.key_value_heads)
    return 5 * model.hidden + attention + 4 * model.intermediate


def layer_parameters(model: Model) -> int:
    """Weights of one layer: attention projections and a gated feed-forward block."""
    attention = 2 * model.hidden * model.head_dim * (model.heads + model.key_value_heads)
    return attention + 3 * model.hidden * model.intermediate


def head_bytes(model: Model, dtype: str) -> float:
    """Output head in its backward pass, whatever the length: the logits of one chunk and the head's gradient.

    Logits and their exponentials are float32, as is the sum of the chunks' gradients; in bfloat16 the logits exist in
    that precision too, and so does one chunk's part of the gradient.
    """
    working = 0 if dtype == "float32" else BYTES[dtype]
    chunk = LOGIT_POSITIONS * (2 * BYTES["float32"] + working)
    return model.vocabulary * (chunk + model.hidden * (BYTES["float32"] + working))


def sampler_memory(model: Model, rollout: Rollout, stage: Stage, gpu_bytes: float, mean_tokens: float) -> SamplerMemory:
    """Weights over the tensor-parallel GPUs; the rest of the claimed memory, or kv_cache_mb where given, is cache.

    `sequences_*` count whole sequences (prompt and response) per engine, at the limit and at the mean length.
    """
    ways = rollout.engine.tensor_parallel
    weights = weight_bytes(model, rollout.engine.dtype) / ways
    claimed = rollout.engine.memory_utilization * gpu_bytes - weights - RUNTIME_BYTES
    cache = max(0.0, claimed if rollout.engine.kv_cache_mb is None else rollout.engine.kv_cache_mb * 1e6)
    per_token = cache_bytes_per_token(model, rollout.engine.dtype) / min(ways, model.key_value_heads)
    tokens = int(cache / per_token)
    longest = stage.max_prompt_tokens + stage.max_response_tokens
    return SamplerMemory(
        weights,
        cache,
        per_token,
        tokens,
        min(rollout.engine.max_sequences, tokens // longest),
        min(rollout.engine.max_sequences, int(tokens // mean_tokens)),
    )
