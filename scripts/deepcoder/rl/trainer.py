"""One rank of the trainer: a DeepSpeed engine that turns judged rollouts into optimizer updates.

Every rank is handed the whole batch, plans the same micro-batches and works on its share, so that the loss is
the same for any number of ranks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deepcoder.config.schema import Recipe
from deepcoder.config.schema import Trainer as TrainerConfig
from deepcoder.errors import UserError
from deepcoder.rl.losses import denominator, loss_scale, policy_loss
from deepcoder.rl.micro_batches import plan_micro_batches, share_of
from deepcoder.rl.policy import Policy, Sequences, load_model, pad_sequences
from deepcoder.rl.rollout import Rollout, UpdateReport


@dataclass(frozen=True)
class Place:
    """Where a rank stands among the trainer's processes."""

    rank: int = 0
    ranks: int = 1
    address: str = "127.0.0.1"
    port: int = 0


class Trainer:
    """A rank: owns a shard of the optimizer state, and under ZeRO-3 of the weights."""

    def __init__(
        self,
        model_folder: Path,
        config: TrainerConfig,
        recipe: Recipe,
        temperature: float,
        max_tokens: int,
        place: Place | None = None,
        response_limit: int = 0,
    ) -> None:
        """Load the model and start the engine.

        Args:
            model_folder: Hugging Face format.
            temperature: the sampler's; log-probabilities are taken at it.
            max_tokens: token budget of a micro-batch, padding included.
            response_limit: most tokens of a response; needed for aggregation "constant_length".
        """
        if config.sequence_parallel > 1:
            raise UserError("trainer: sequence_parallel above 1 is not built yet; set trainer__sequence_parallel=1")
        self.place = place or Place()
        self.recipe, self.temperature, self.max_tokens = recipe, temperature, max_tokens
        self.response_limit = response_limit
        model = load_model(model_folder, config.dtype)
        if config.gradient_checkpointing:
            model.gradient_checkpointing_enable()
        self.engine = start_engine(Policy(model), config, self.place)
        self.device = self.engine.device

    def update(self, rollouts: Sequence[Rollout], minibatch: int) -> UpdateReport:
        """One optimizer update for each mini-batch of `minibatch` rollouts, in the order given."""
        start = time.monotonic()
        report = UpdateReport()
        old, entropy = self._log_probs(rollouts)
        report.entropy = float(entropy)
        report.log_prob_gap = _mean_gap(old, rollouts)
        report.seconds["log_probs"] = time.monotonic() - start
        parts = [range(i, min(i + minibatch, len(rollouts))) for i in range(0, len(rollouts), minibatch)]
        totals = [self._update_minibatch(rollouts, old, part) for part in parts]
        tokens = max(sum(t["tokens"] for t in totals), 1.0)
        report.clip_fraction_low = sum(t["low"] for t in totals) / tokens
        report.clip_fraction_high = sum(t["high"] for t in totals) / tokens
        report.grad_norm = sum(t["grad_norm"] for t in totals) / len(totals)
        report.loss = sum(t["loss"] for t in totals) / len(totals)
        report.seconds["update"] = time.monotonic() - start - report.seconds["log_probs"]
        return report

    def score(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probabilities of the response tokens at temperature 1; every rank must call."""
        with torch.no_grad():
            values, _ = self.engine(pad_sequences(prompts, responses), 1.0)
        return [part.tolist() for part in values.float().split([len(r) for r in responses])]

    def weights(self) -> dict[str, Tensor]:
        """All weights on the host by their Hugging Face names; under ZeRO-3 gathered one by one. All ranks call."""
        return dict(self._named_weights())

    def save(self, folder: Path, state: Mapping[str, Any]) -> None:
        """Write this rank's share of model and optimizer, and `state`, below `folder`; all ranks call."""
        self.engine.save_checkpoint(str(folder), tag="state", client_state=dict(state), save_latest=False)

    def load(self, folder: Path) -> dict[str, Any]:
        """Restore what `save` wrote and return its `state`; all ranks call."""
        path, state = self.engine.load_checkpoint(str(folder), tag="state")
        if path is None:
            raise UserError(f"{folder}: not a checkpoint of this trainer; delete it and run again")
        return state

    def export(self, folder: Path) -> None:
        """Write the model in Hugging Face format (rank 0 writes, all ranks call)."""
        weights = self.weights()
        if self.place.rank == 0:
            model = self.engine.module.model
            if model.config.tie_word_embeddings:
                weights.pop("lm_head.weight", None)
            model.save_pretrained(folder, state_dict=weights)

    def _named_weights(self) -> Iterator[tuple[str, Tensor]]:
        import deepspeed

        for name, parameter in self.engine.module.model.named_parameters():
            with deepspeed.zero.GatheredParameters([parameter], enabled=hasattr(parameter, "ds_id")):
                yield name, parameter.detach().to("cpu", copy=True)

    def _log_probs(self, rollouts: Sequence[Rollout]) -> tuple[list[Tensor], Tensor]:
        """Log-probabilities of each rollout under the current weights, and the mean entropy of all tokens."""
        plan = plan_micro_batches([r.length for r in rollouts], self.max_tokens)
        found: dict[int, Tensor] = {}
        entropy = torch.zeros((), device=self.device)
        with torch.no_grad():
            for part in share_of(plan, self.place.rank, self.place.ranks):
                values, entropies = self.engine(self._sequences(rollouts, part), self.temperature)
                if part:
                    pieces = values.split([len(rollouts[i].response_ids) for i in part])
                    found.update(zip(part, (piece.cpu() for piece in pieces), strict=True))
                    entropy += entropies.sum()
        everything = self._gather(found)
        tokens = sum(len(r.response_ids) for r in rollouts)
        return [everything[i] for i in range(len(rollouts))], self._sum(entropy) / max(tokens, 1)

    def _update_minibatch(
        self, rollouts: Sequence[Rollout], old: Sequence[Tensor], part: Sequence[int]
    ) -> dict[str, float]:
        """Accumulate the gradient of one mini-batch over this rank's micro-batches and step the optimizer."""
        plan = [
            [part[i] for i in micro]
            for micro in plan_micro_batches([rollouts[i].length for i in part], self.max_tokens)
        ]
        whole = self._denominator(rollouts, part)
        mine = share_of(plan, self.place.rank, self.place.ranks)
        sums = torch.zeros(4, dtype=torch.float64)
        for number, micro in enumerate(mine):
            log_probs, entropy = self.engine(self._sequences(rollouts, micro), self.temperature)
            loss = policy_loss(log_probs, *self._columns(rollouts, old, micro), self.recipe, entropy)
            scale = loss_scale(self.recipe.aggregation, self._denominator(rollouts, micro), whole, len(plan))
            # The engine averages gradients over ranks; ours are parts of a sum.
            total = loss.total * (scale * self.place.ranks) if micro else log_probs.sum() * 0.0
            self.engine.set_gradient_accumulation_boundary(number == len(mine) - 1)
            self.engine.backward(total)
            self.engine.step()
            if micro:
                sums += torch.tensor([loss.total.item() * scale, loss.clipped_low, loss.clipped_high, loss.tokens])
        value, low, high, tokens = self._sum(sums).tolist()
        if value != value:
            raise UserError("trainer: the loss is not a number; lower trainer__learning_rate and run again")
        norm = self.engine.get_global_grad_norm()
        return {"loss": value, "low": low, "high": high, "tokens": tokens, "grad_norm": float(norm or 0.0)}

    def _sequences(self, rollouts: Sequence[Rollout], part: Sequence[int]) -> Sequences:
        """The sequences of a micro-batch; an empty one is a dummy that every rank can run a forward pass on."""
        chosen = [rollouts[i] for i in part]
        block = pad_sequences([r.prompt_ids for r in chosen] or [[0]], [r.response_ids for r in chosen] or [[0]])
        return Sequences(*(field.to(self.device) for field in vars(block).values()))

    def _columns(
        self, rollouts: Sequence[Rollout], old: Sequence[Tensor], part: Sequence[int]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Per token: old log-probabilities, the sampler's, advantages, whether it is in the loss, its sequence."""
        lengths = torch.tensor([len(rollouts[i].response_ids) for i in part], dtype=torch.int64)
        if not part:
            empty = torch.zeros(1, device=self.device)
            return empty, empty, empty, empty.bool(), empty.long()
        sampler = torch.tensor([value for i in part for value in rollouts[i].log_probs])
        advantages = torch.tensor([rollouts[i].advantage for i in part]).repeat_interleave(lengths)
        mask = torch.tensor([rollouts[i].in_loss for i in part]).repeat_interleave(lengths)
        sequence = torch.arange(len(part)).repeat_interleave(lengths)
        columns = (torch.cat([old[i] for i in part]), sampler, advantages, mask, sequence)
        return tuple(column.to(self.device) for column in columns)

    def _denominator(self, rollouts: Sequence[Rollout], part: Sequence[int]) -> int:
        lengths = [len(rollouts[i].response_ids) for i in part if rollouts[i].in_denominator]
        return denominator(self.recipe.aggregation, lengths, self.response_limit)

    def _sum(self, value: Tensor) -> Tensor:
        if self.place.ranks > 1:
            torch.distributed.all_reduce(value)
        return value

    def _gather(self, found: dict[int, Tensor]) -> dict[int, Tensor]:
        if self.place.ranks == 1:
            return found
        parts: list[Any] = [None] * self.place.ranks
        torch.distributed.all_gather_object(parts, found)
        return {index: value for part in parts for index, value in part.items()}


def start_engine(policy: Policy, config: TrainerConfig, place: Place) -> Any:
    """Initialise DeepSpeed around a policy: ZeRO, AdamW with a constant rate, gradient clipping.

    On a CPU the shared-memory operator is switched off first: it would be compiled at first use, for minutes, and
    a killed build leaves a lock on which every later run hangs.
    """
    os.environ.update(RANK=str(place.rank), LOCAL_RANK=str(place.rank), WORLD_SIZE=str(place.ranks))
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
    settings = {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": config.grad_clip,
        "zero_optimization": {"stage": config.zero_stage},
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "bf16": {"enabled": config.dtype == "bfloat16"},
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


def _mean_gap(old: Sequence[Tensor], rollouts: Sequence[Rollout]) -> float:
    sampler = torch.tensor([value for r in rollouts for value in r.log_probs])
    return float((torch.cat(list(old)) - sampler).abs().mean()) if len(sampler) else 0.0
