"""One rank of the trainer: a DeepSpeed engine that turns judged rollouts into optimizer updates.

Every rank is handed the whole batch, plans the same micro-batches and works on its share (with sequence parallelism
a group of ranks shares each micro-batch), so that the loss is the same for any number of ranks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deepcoder.config.schema import Recipe
from deepcoder.config.schema import Trainer as TrainerConfig
from deepcoder.errors import UserError
from deepcoder.files import writing
from deepcoder.rl.checkpoints import SHARDS
from deepcoder.rl.engine import Place, join_ranks, start_engine
from deepcoder.rl.losses import denominator, loss_scale, policy_loss
from deepcoder.rl.micro_batches import plan_micro_batches, share_of
from deepcoder.rl.policy import Policy, Sequences, load_model, pack_sequences
from deepcoder.rl.rollout import Rollout, UpdateReport
from deepcoder.rl.sequence_parallel import SequenceGroup
from deepcoder.rl.weights import Layout, Meeting, join, layouts

TORCH_WRITER = "inline_container.cc"  # where every failed write of torch.save is told of


@dataclass
class OldPolicy:
    """What the policy said of the rollouts before a batch's updates, by index.

    Attributes:
        log_probs: (response tokens,) float32 on the host, at the temperature asked for.
        entropies: sums over the response, in nats; only of the rollouts that this rank saw.
    """

    log_probs: dict[int, Tensor] = field(default_factory=dict)
    entropies: dict[int, float] = field(default_factory=dict)

    def add(self, rollouts: Sequence[Rollout], micro: Sequence[int], log_probs: Tensor, entropies: Tensor) -> None:
        """Keep the flat values of a micro-batch."""
        if not micro:
            return
        lengths = [len(rollouts[i].response_ids) for i in micro]
        self.log_probs.update(zip(micro, log_probs.detach().cpu().split(lengths), strict=True))
        sums = [part.sum().item() for part in entropies.detach().cpu().split(lengths)]
        self.entropies.update(zip(micro, sums, strict=True))


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
            max_tokens: token budget of a micro-batch for each rank that shares it.
            response_limit: most tokens of a response; needed for aggregation "constant_length".

        Raises:
            UserError: the folder is not a model, or ranks or attention heads cannot be dealt to groups of
                config.sequence_parallel.
        """
        self.place, size = place or Place(), config.sequence_parallel
        if self.place.ranks % size:
            raise UserError(
                f"trainer: sequence_parallel {size} does not divide {self.place.ranks} ranks; set "
                f"trainer__sequence_parallel to a divisor of trainer__ranks"
            )
        self.recipe, self.temperature, self.max_tokens = recipe, temperature, max_tokens * size
        self.sequence_parallel, self.response_limit = size, response_limit
        model = load_model(model_folder, config.dtype, packed=True)
        join_ranks(self.place)
        group = SequenceGroup(self.place.rank, self.place.ranks, size, model.config) if size > 1 else None
        if config.gradient_checkpointing:
            model.gradient_checkpointing_enable()
        self.engine = start_engine(Policy(model, group), config, model.config.hidden_size)
        self.device = self.engine.device

    def update(self, rollouts: Sequence[Rollout], minibatch: int) -> UpdateReport:
        """One optimizer update for each mini-batch of `minibatch` rollouts, in the order given."""
        start = time.monotonic()
        report = UpdateReport()
        parts = [range(i, min(i + minibatch, len(rollouts))) for i in range(0, len(rollouts), minibatch)]
        # The first mini-batch is updated from the weights that the old log-probabilities belong to: its own
        # forward pass yields them.
        old = self._log_probs(rollouts, range(len(parts[0]), len(rollouts)), self.temperature)
        report.seconds["log_probs"] = time.monotonic() - start
        totals = [self._update_minibatch(rollouts, old, part) for part in parts]
        report.entropy, report.log_prob_gap = self._mean_entropy_and_gap(rollouts, old)
        tokens = max(sum(t["tokens"] for t in totals), 1.0)
        report.clip_fraction_low = sum(t["low"] for t in totals) / tokens
        report.clip_fraction_high = sum(t["high"] for t in totals) / tokens
        report.grad_norm = sum(t["grad_norm"] for t in totals) / len(totals)
        report.loss = sum(t["loss"] for t in totals) / len(totals)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()  # a sampler may share the device
        report.seconds["update"] = time.monotonic() - start - report.seconds["log_probs"]
        return report

    def score(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> list[list[float]]:
        """Log-probabilities of the response tokens at temperature 1; every rank must call."""
        pairs = zip(prompts, responses, strict=True)
        texts = [Rollout("", 0, list(p), list(r), [], truncated=False, policy_version=0) for p, r in pairs]
        found = self._log_probs(texts, range(len(texts)), 1.0)
        return [found.log_probs[i].tolist() for i in range(len(texts))]

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """All weights by their Hugging Face names, one after the other, each whole until the next; all ranks call."""
        import deepspeed

        for name, parameter in self.engine.module.model.named_parameters():
            with deepspeed.zero.GatheredParameters([parameter], enabled=hasattr(parameter, "ds_id")):
                yield name, parameter.detach()

    def weight_layouts(self) -> list[Layout]:
        """Names, shapes and types of `weights`; all ranks call."""
        return layouts(self.weights())

    def join_weights(self, meeting: Meeting) -> None:
        """Rank 0 joins the group over which samplers get the weights."""
        self.weights_group = join(meeting, 0, self.device)

    def send_weights(self) -> None:
        """Gather all weights, and from rank 0 send them to whoever receives; all ranks call."""
        if self.place.rank == 0:
            self.weights_group.send(self.weights())
        else:
            for _ in self.weights():
                pass

    def save(self, folder: Path, state: Mapping[str, Any]) -> None:
        """Write this rank's share of model and optimizer, and `state`, below `folder`; all ranks call.

        Raises:
            UserError: the disk is full or refuses.
        """
        with writing(folder):
            try:
                self.engine.save_checkpoint(str(folder), tag=SHARDS, client_state=dict(state), save_latest=False)
            except RuntimeError as error:
                if TORCH_WRITER in str(error):  # torch keeps the system's reason to itself
                    raise OSError("the disk is full or refuses") from error
                raise

    def load(self, folder: Path) -> dict[str, Any]:
        """Restore what `save` wrote and return its `state`; all ranks call."""
        path, state = self.engine.load_checkpoint(str(folder), tag=SHARDS)
        if path is None:
            raise UserError(f"{folder}: not a checkpoint of this trainer; delete it and run again")
        return state

    def _log_probs(self, rollouts: Sequence[Rollout], part: Sequence[int], temperature: float) -> OldPolicy:
        """Log-probabilities and entropies of some rollouts under the current weights, the same on every rank."""
        found = OldPolicy()
        with torch.no_grad():
            for micro in self._my_micro_batches(rollouts, part)[0]:
                values, entropies = self.engine(self._sequences(rollouts, micro), temperature)
                found.add(rollouts, micro, values, entropies)
        if self.place.ranks > 1:
            parts: list[Any] = [None] * self.place.ranks
            torch.distributed.all_gather_object(parts, found.log_probs)
            found.log_probs = {index: value for part in parts for index, value in part.items()}
        return found

    def _update_minibatch(self, rollouts: Sequence[Rollout], old: OldPolicy, part: Sequence[int]) -> dict[str, float]:
        """Accumulate the gradient of one mini-batch over this rank's micro-batches and step the optimizer.

        Where `old` lacks the mini-batch, its log-probabilities are those of this forward pass and are added.
        """
        mine, micro_batches = self._my_micro_batches(rollouts, part)
        whole = self._denominator(rollouts, part)
        sums = torch.zeros(4, dtype=torch.float64)
        for number, micro in enumerate(mine):
            log_probs, entropy = self.engine(self._sequences(rollouts, micro), self.temperature)
            if any(index not in old.log_probs for index in micro):
                old.add(rollouts, micro, log_probs, entropy)
            loss = policy_loss(log_probs, *self._columns(rollouts, old.log_probs, micro), self.recipe, entropy)
            scale = loss_scale(self.recipe.aggregation, self._denominator(rollouts, micro), whole, micro_batches)
            # The engine averages gradients over ranks; ours are parts of a sum.
            total = loss.total * (scale * self.place.ranks) if micro else log_probs.sum() * 0.0
            self.engine.set_gradient_accumulation_boundary(number == len(mine) - 1)
            self.engine.backward(total)
            self.engine.step()
            if micro and self._counts:
                sums += torch.tensor([loss.total.item() * scale, loss.clipped_low, loss.clipped_high, loss.tokens])
        value, low, high, tokens = self._sum(sums).tolist()
        norm = self.engine.get_global_grad_norm()
        return {"loss": value, "low": low, "high": high, "tokens": tokens, "grad_norm": float(norm or 0.0)}

    @property
    def _counts(self) -> bool:
        """Whether this rank speaks for the ranks that share its sequences."""
        return self.place.rank % self.sequence_parallel == 0

    def _my_micro_batches(self, rollouts: Sequence[Rollout], part: Sequence[int]) -> tuple[list[list[int]], int]:
        """This rank's micro-batches of some rollouts, and how many all ranks have, empty ones not counted."""
        ranks = self.place.ranks // self.sequence_parallel
        plan = plan_micro_batches([rollouts[i].length for i in part], self.max_tokens, ranks) if part else []
        mine = share_of(plan, self.place.rank // self.sequence_parallel, ranks)
        return [[part[i] for i in micro] for micro in mine], len(plan)

    def _sequences(self, rollouts: Sequence[Rollout], part: Sequence[int]) -> Sequences:
        """The sequences of a micro-batch; an empty one is a dummy that every rank can run a forward pass on."""
        chosen = [rollouts[i] for i in part]
        prompts, responses = [r.prompt_ids for r in chosen], [r.response_ids for r in chosen]
        return pack_sequences(prompts or [[0]], responses or [[0]], self.sequence_parallel).to(self.device)

    def _columns(
        self, rollouts: Sequence[Rollout], old: Mapping[int, Tensor], part: Sequence[int]
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

    def _mean_entropy_and_gap(self, rollouts: Sequence[Rollout], old: OldPolicy) -> tuple[float, float]:
        """Means over all response tokens: entropy, and |sampler's - trainer's log-probability|."""
        sums = torch.zeros(2, dtype=torch.float64)
        for index, entropy in old.entropies.items() if self._counts else ():
            gap = (old.log_probs[index] - torch.tensor(rollouts[index].log_probs)).abs().sum()
            sums += torch.tensor([entropy, gap])
        tokens = max(sum(len(r.response_ids) for r in rollouts), 1)
        entropy, gap = (self._sum(sums) / tokens).tolist()
        return entropy, gap

    def _sum(self, value: Tensor) -> Tensor:
        if self.place.ranks == 1:
            return value
        value = value.to(self.device)  # NCCL moves nothing that lies on the host
        torch.distributed.all_reduce(value)
        return value
