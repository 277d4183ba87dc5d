"""The plan against numbers worked out by hand, and its warnings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deepcoder.config import compose_config, parse_overrides
from deepcoder.config.schema import Config
from deepcoder.plan.cost import gpu_hours_of
from deepcoder.plan.estimate import Estimate, estimate
from deepcoder.plan.memory import (
    LOGIT_POSITIONS,
    cache_bytes_per_token,
    layer_parameters,
    state_bytes,
    trainer_memory,
    weight_bytes,
)
from deepcoder.plan.time import decode_tokens_per_s, flops_per_token, longest_sequence_s

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
KIB, GB = 1024, 1e9


@pytest.fixture(scope="module")
def paper() -> Config:
    return compose_config({"scale": "paper"})


def planned(*words: str) -> Estimate:
    return estimate(compose_config({"scale": "paper"} | parse_overrides(words)))


def test_key_value_cache_of_the_14b_is_192_kib_a_token(paper: Config) -> None:
    assert cache_bytes_per_token(paper.models["r1-distill-qwen-14b"], "bfloat16") == 192 * KIB


def test_resumable_state_of_the_14b_is_207_gb(paper: Config) -> None:
    model = paper.models["r1-distill-qwen-14b"]
    assert state_bytes(model, "bfloat16") / GB == pytest.approx(206.8, abs=0.1)
    assert weight_bytes(model, "bfloat16") / GB == pytest.approx(29.5, abs=0.1)


def test_layers_and_embeddings_add_up_to_the_declared_parameters(paper: Config) -> None:
    model = paper.models["r1-distill-qwen-14b"]
    counted = model.layers * layer_parameters(model) + 2 * model.vocabulary * model.hidden
    assert counted == pytest.approx(model.parameters, rel=1e-3)  # biases and norms are the rest


def test_the_published_650_steps_take_about_13000_gpu_hours() -> None:
    found = planned()
    assert found.training_gpu_hours == pytest.approx(13_440, rel=0.02)  # 17.5 days x 24 x 32
    assert sum(stage.time.wall_s for stage in found.stages) / 86400 == pytest.approx(17.5, abs=0.1)


def test_zero_stage_3_shards_everything_over_the_ranks(paper: Config) -> None:
    model, stage = paper.models["r1-distill-qwen-14b"], paper.stages["16k"]
    third = trainer_memory(model, paper.trainer, stage)
    assert (third.weights + third.gradients + third.optimizer) * 32 / model.parameters == pytest.approx(18)
    config = compose_config({"scale": "paper", "trainer": {"zero_stage": 1}})
    first = trainer_memory(model, config.trainer, stage)
    assert first.optimizer == third.optimizer
    assert first.weights == 32 * third.weights
    assert first.gathered == 0


def test_the_output_head_costs_the_same_at_any_length(paper: Config) -> None:
    model, (short, long) = paper.models["r1-distill-qwen-14b"], paper.stages.values()
    heads = [trainer_memory(model, paper.trainer, stage).head for stage in (short, long)]
    # 256 positions x 152,064 x (4 + 4 + 2) bytes, and 152,064 x 5,120 x (4 + 2) bytes of gradient
    assert heads == [pytest.approx(0.39e9 + 4.67e9, rel=0.01)] * 2


def test_the_plan_counts_the_chunk_that_the_trainer_takes() -> None:
    from deepcoder.rl.log_probs import CHUNK

    assert LOGIT_POSITIONS == CHUNK


def test_decoding_is_bound_by_memory_traffic(paper: Config) -> None:
    # 40 GB of cache at 8K tokens each: 25 sequences, (29.5 + 40) GB / 3.35 TB/s = 20.8 ms, about 1200 tokens/s
    rate = decode_tokens_per_s(paper.models["r1-distill-qwen-14b"], paper.hardware, "bfloat16", 40e9, 8192)
    assert rate == pytest.approx(1200, rel=0.03)
    # 32K tokens one after the other, reading half of the weights each: not under 145 s
    assert longest_sequence_s(paper.models["r1-distill-qwen-14b"], paper.hardware, "bfloat16", 2, 32768) == (
        pytest.approx(145, rel=0.01)
    )


def test_training_costs_six_flop_per_parameter_and_eight_with_recomputation(paper: Config) -> None:
    model = paper.models["r1-distill-qwen-14b"]
    assert flops_per_token(model, 0, recompute=False) == pytest.approx(6 * model.parameters)
    assert flops_per_token(model, 0, recompute=True) == pytest.approx(8 * model.parameters)


def test_no_step_is_planned_faster_than_its_arithmetic() -> None:
    for stage in planned().stages:
        assert 0 < stage.time.bound_s < stage.time.wall_s


def test_the_paper_fits_and_says_how_many_segments_it_takes() -> None:
    found = planned()
    assert [stage.peak < 80 * GB for stage in found.stages] == [True, True]
    assert all("segments" in text for text in found.warnings)


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("stages__32k__max_tokens_per_gpu=100000", "lower stages"),
        ("trainer.gradient_checkpointing=false", "lower stages"),
        ("hardware.memory_gb=24", "not one sequence"),
        ("trainer.ranks=16", "16 engines x 2 GPUs do not fit on 32"),
        ("rollout.engines=8", "16 of 32 GPUs stay without work"),
        ("trainer.schedule=one_off", "set trainer__ranks=16 rollout__engines=8"),
        ("trainer.sequence_parallel=3", "does not divide 40 heads"),
        ("trainer.sequence_parallel=5", "8 key-value heads"),
        ("trainer.sequence_parallel=20", "does not divide 32 ranks"),
        ("rollout.engine.tensor_parallel=3", "16 engines x 3 GPUs do not fit on 32"),
        ("resources.sample.gpus_per_node=8", "a job has 8 GPUs and one engine of 2"),
        ("stages__32k__max_tokens_per_gpu=8000", "a micro-batch holds 16000 tokens"),
    ],
)
def test_what_does_not_fit_is_named(override: str, text: str) -> None:
    assert any(text in warning for warning in planned(override).warnings)


def test_sequence_lengths_decide_how_many_run_at_once() -> None:
    short, long = planned().stages
    assert short.sampler.sequences_at_limit > long.sampler.sequences_at_limit > 0
    assert short.sampler.tokens == long.sampler.tokens


def test_more_shards_take_less_time_and_the_same_gpu_hours() -> None:
    few, many = planned("evaluation.shards=4"), planned("evaluation.shards=8")
    assert many.sampling_gpu_hours == pytest.approx(few.sampling_gpu_hours)
    assert sum(item.wall_s for item in many.sampling) == pytest.approx(sum(item.wall_s for item in few.sampling) / 2)
    config = compose_config({"scale": "paper"})
    words = {"subject": "models/base/any", "shard": "0"}
    jobs = 4 * config.evaluation.shards  # of the base model, a reference and two stages
    assert jobs * gpu_hours_of(config, "sample", words) == pytest.approx(many.sampling_gpu_hours)


def test_what_difficulty_may_take_is_told_where_it_is_asked_for() -> None:
    assert planned().difficulty is None
    found = planned("curations.strict.difficulty.enabled=true").difficulty
    assert found is not None
    # 8 samples of 8,192 tokens of each raw row of the three sources
    assert found.tokens == (12898 + 144169 + 880) * 8 * 8192
    config = compose_config({"scale": "paper", "curations": {"strict": {"difficulty": {"enabled": True}}}})
    assert 16 * gpu_hours_of(config, "measure_difficulty", {"curation": "strict"}) == pytest.approx(found.gpu_hours)


def test_each_context_sampled_anew_costs_its_own_tokens() -> None:
    once, anew = planned().sampling[0], planned("evaluation.resample=true").sampling[0]
    assert anew.tokens == once.tokens * (16 + 32 + 64) / 64


def test_a_scale_without_gpus_is_planned_on_its_host() -> None:
    found = estimate(compose_config({"scale": "smoke"}))
    assert found.training_gpu_hours == 0
    assert found.stages[0].gpus == 0
    assert found.stages[0].sampler.sequences_at_limit > 0


def test_the_door_prints_the_paper_by_default_and_imports_no_torch() -> None:
    code = "import sys, runpy; sys.argv = ['plan.py']; runpy.run_path('plan.py', run_name='__main__'); "
    code += "assert 'torch' not in sys.modules"
    run = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "13,4" in run.stdout
    assert "H100" in run.stdout


def test_a_wrong_key_is_one_clear_error() -> None:
    command = [sys.executable, str(SCRIPTS / "plan.py"), "trainer.rank=3"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith("error: ")
    assert "Traceback" not in run.stderr
