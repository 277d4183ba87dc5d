"""Sampling engines: a sample depends on its own request alone, and weights handed over are the weights used."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from deepcoder.config.schema import Config
from deepcoder.rl.policy import load_model
from deepcoder.rl.rollout import Request, Rollout, Sample
from deepcoder.rl.sampler import SamplingOptions, make_sampler
from deepcoder.rl.sampler_hf import HfSampler, _filtered_log_probs, _pick

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


@pytest.fixture
def sampler(tiny_model: Path, config: Config) -> HfSampler:
    config.rollout.engine.name = "hf"
    found = make_sampler(tiny_model, config.rollout.engine, 64)
    assert isinstance(found, HfSampler)
    return found


def requests_for(rollouts: list[Rollout]) -> list[Request]:
    return [Request(str(i), r.prompt_ids, seed=i, max_tokens=4 + i % 5) for i, r in enumerate(rollouts)]


def by_key(samples: object) -> dict[str, Sample]:
    return {sample.key: sample for sample in samples}  # type: ignore[attr-defined]


def test_a_sample_depends_neither_on_its_neighbours_nor_on_their_order(
    sampler: HfSampler, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    requests = requests_for(make_rollouts(12))
    together = by_key(sampler.generate(requests, SamplingOptions(1.0)))
    sampler.max_sequences = 5
    reversed_ = by_key(sampler.generate(requests[::-1], SamplingOptions(1.0)))
    assert {k: s.token_ids for k, s in together.items()} == {k: s.token_ids for k, s in reversed_.items()}
    assert all(len(together[r.key].token_ids) <= r.max_tokens for r in requests)


def test_reported_log_probs_are_those_of_the_sampled_distribution(
    sampler: HfSampler, make_rollouts: Callable[..., list[Rollout]]
) -> None:
    request = requests_for(make_rollouts(1))[0]
    sample = next(iter(sampler.generate([request], SamplingOptions(0.6))))
    whole = torch.tensor([[*request.prompt_ids, *sample.token_ids]])
    logits = sampler.model(whole).logits[0, len(request.prompt_ids) - 1 : -1] / 0.6
    expected = logits.log_softmax(-1).gather(-1, torch.tensor(sample.token_ids)[:, None]).squeeze(-1)
    assert torch.allclose(torch.tensor(sample.log_probs), expected, atol=1e-5)


def test_handed_over_weights_are_used(sampler: HfSampler, tiny_model: Path) -> None:
    other = load_model(tiny_model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    before = sampler.score([[5, 6, 7, 8]])[0]
    sampler.load_weights(other.named_parameters())
    after = sampler.score([[5, 6, 7, 8]])[0]
    expected = other(torch.tensor([[5, 6, 7, 8]])).logits.log_softmax(-1)[0, [0, 1, 2], [6, 7, 8]]
    assert torch.allclose(torch.tensor(after[0]), expected, atol=1e-6)
    assert before != after


def test_weights_of_another_model_are_refused(sampler: HfSampler) -> None:
    embedding = ("model.embed_tokens.weight", sampler.model.get_input_embeddings().weight)
    for weights in ([embedding], [embedding, embedding], [("other", embedding[1])]):
        with pytest.raises(ValueError, match="do not fit"):
            sampler.load_weights(weights)


def test_top_p_and_top_k_keep_only_the_likeliest_tokens() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]]))
    assert _filtered_log_probs(logits, SamplingOptions(1.0, top_p=0.7)).exp()[0].tolist() == pytest.approx(
        [0.625, 0.375, 0, 0]
    )
    assert _filtered_log_probs(logits, SamplingOptions(1.0, top_k=1)).exp()[0].tolist() == pytest.approx([1, 0, 0, 0])


def test_draws_follow_the_distribution_and_never_pick_an_excluded_token() -> None:
    log_p = torch.log(torch.tensor([[0.5, 0.0, 0.5]])).repeat(1000, 1)
    picks = _pick(log_p, torch.linspace(0, 1, 1001, dtype=torch.float64)[:-1])
    assert torch.bincount(picks, minlength=3).tolist() == pytest.approx([500, 0, 500], abs=1)


VLLM = """
import json, sys, torch
from pathlib import Path
from omegaconf import OmegaConf
from deepcoder.config import compose_config
from deepcoder.rl.policy import Policy, load_model, pad_sequences
from deepcoder.rl.rollout import Request
from deepcoder.rl.sampler import SamplingOptions, make_sampler

folder = Path(sys.argv[1])
rollout = OmegaConf.to_object(compose_config({})).rollout
rollout.engine.max_sequences, rollout.engine.kv_cache_mb = 8, 64
engine, model = make_sampler(folder, rollout.engine, 64), load_model(folder)
assert model.config.tie_word_embeddings
prompts = [[5 + i, 9, 30 + i, 7] * 3 for i in range(24)]  # more than one batch: some requests wait
requests = [Request(str(i), p, i, 4 + i % 3) for i, p in enumerate(prompts)]
options = SamplingOptions(1.0)
first = {s.key: s for s in engine.generate(requests, options)}
second = {s.key: s for s in engine.generate(requests[::-1], options)}
gaps = []
for update in range(3):
    with torch.no_grad():
        if update:
            for parameter in model.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
            engine.load_weights(model.named_parameters())
        ours, _ = Policy(model)(pad_sequences([p[:1] for p in prompts], [p[1:] for p in prompts]), 1.0)
    theirs = torch.tensor([v for row in engine.score(prompts)[0] for v in row])
    gaps.append(float((ours - theirs).abs().max()))
with torch.no_grad():
    sampled = {s.key: s for s in engine.generate(requests, SamplingOptions(0.6))}
    answers = [sampled[r.key].token_ids for r in requests]
    ours, _ = Policy(model)(pad_sequences(prompts, answers), 0.6)
theirs = torch.tensor([v for r in requests for v in sampled[r.key].log_probs])
same = sum(first[k].token_ids == second[k].token_ids for k in first)
print(json.dumps({"same": same, "gaps": gaps, "sampled_gap": float((ours - theirs).abs().max())}))
"""


def test_vllm_samples_by_seed_and_uses_new_weights_of_a_tied_model(tiny_model: Path) -> None:
    """vLLM on a CPU keeps a packed copy of a tied head, which its own reload leaves stale."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(SCRIPTS)!r})\n{VLLM}", str(tiny_model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["same"] == 24, "tokens do not depend on the order of submission"
    assert max(found["gaps"]) < 1e-4
    assert found["sampled_gap"] < 1e-4
