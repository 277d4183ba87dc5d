"""The typed configuration: one dataclass per block of config/, unknown keys and wrong types are errors.

This module imports neither torch nor Hydra. `field(metadata={"choices": ...})` limits a field to named values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from deepcoder.config.fields import choice, setting
from deepcoder.config.machine import Hardware, Logging, Resources, Site


@dataclass
class Source:
    """A raw dataset: where it comes from and how its rows are read."""

    kind: str = choice("hub", "wheel", "generated", "api")
    role: str = choice("train", "benchmark", "both")
    hub_id: str | None = None
    hub_config: str | None = None
    split: str | None = None
    revision: str = MISSING  # commit of the hub, version of the wheel, or version of the generator
    files: dict[str, str] = field(default_factory=dict)  # path inside the source -> sha256
    licence: str = MISSING
    rows_expected: int | None = None
    after: str | None = None  # keep problems dated on or after this day (YYYY-MM-DD)
    before: str | None = None  # and strictly before this one
    limit: int | None = None  # first rows only (smoke scale)
    options: dict[str, Any] = field(default_factory=dict)  # read by this source's parser only


@dataclass
class Verification:
    comparator: str = choice("tokens", "as_released")
    max_tests: int = 0  # 0: every test; n: the n with the longest input
    solutions: str = choice("any", "majority", "first", default="any")
    runs: int = 2  # two runs that differ mark a flaky problem
    several_answers: str = choice("keep", "drop", "checker", default="keep")  # checker: keep what a checker decides
    compare_references: int = 1  # policy any: references judged also after one has passed, to see whether they agree
    mutants: int = 0  # wrong programs made of an accepted reference, which the tests should fail
    weak_share: float = 0.5  # tests that fail fewer of them are flagged as weak


@dataclass
class SharedTests:
    """When the tests of two problems say that they are one; ours, tried on CodeContests against TACO."""

    least: int = 3  # tests with different outputs that both have
    output_bytes: int = 24  # of these outputs together: fewer coincide by chance
    share: float = 0.8  # of the tests of both problems; of one alone if the statements support it
    supporting: float = 0.3  # Jaccard similarity of statements that supports it


@dataclass
class Deduplication:
    enabled: bool = True
    threshold: float = 0.7  # exact Jaccard similarity of word shingles at or above which two statements are one
    shingle_words: int = 3
    permutations: int = 128  # of the signatures by which duplicates are looked for
    bands: int = 32
    containment: float = 0.95  # share of the smaller statement's shingles in the larger one that makes them one
    containment_shingles: int = 20  # of the smaller statement, at least
    tests: SharedTests = field(default_factory=SharedTests)


@dataclass
class Difficulty:
    enabled: bool = False
    samples: int = 8
    low: float = 0.0  # keep low < pass rate < high
    high: float = 1.0
    shards: int = 1  # jobs that measure side by side


@dataclass
class Filters:
    """What a problem must be like whatever its references do; the released set has none of these filters."""

    english: bool = False  # statements in English only
    min_latin_letters: float = 0.8  # share of the letters that are Latin
    min_english_words: float = 0.1  # share of the words that are English function words
    min_words_to_judge: int = 12  # shorter statements are judged by their letters alone
    without_images: bool = False  # no picture in the task
    without_interaction: bool = False
    max_test_bytes: int | None = None  # of one test as the store holds it; null: any
    max_tests_bytes: int | None = None  # of all tests of a problem


@dataclass
class Curation:
    """Rules that turn the normalised problems into a training set; named by a recipe."""

    min_tests: int = MISSING
    max_prompt_tokens: int = MISSING
    filters: Filters = field(default_factory=Filters)
    verification: Verification = field(default_factory=Verification)
    deduplication: Deduplication = field(default_factory=Deduplication)
    decontamination: Deduplication = field(default_factory=Deduplication)
    difficulty: Difficulty = field(default_factory=Difficulty)
    drop_weak: bool = False  # problems whose tests fail none of verification.mutants
    validation_fraction: float = MISSING  # of the problem families, held back from training


@dataclass
class Batch:
    prompts: int = MISSING  # prompts per step
    minibatch: int = MISSING  # prompts per optimizer update


@dataclass
class Recipe:
    """Named switches in which the description, the released code and a correct implementation differ."""

    title: str = MISSING
    curation: str = choice("strict", "as_released")
    # reward
    comparator: str = choice("tokens", "as_released")
    max_tests: int = MISSING  # tests judged per sample in training, those with the longest input
    call_tests_beyond_max: str = choice("keep_function_name", "lose_function_name")
    time_limit_s: dict[str, float] = field(default_factory=dict)  # by source; other sources use judge.time_limit_s
    code_extraction: str = choice("after_thinking", "response", "prompt_and_response")
    # advantage
    advantage: str = choice("mean_std", "mean", default="mean_std")
    groups_without_signal: str = choice("keep", "drop", "resample", default="keep")
    # loss
    loss: str = choice("grpo", "gspo", "cispo", default="grpo")  # Dr. GRPO: advantage mean, aggregation constant_length
    clip_low: float = MISSING
    clip_high: float = MISSING
    sequence_clip_low: float = 3e-4  # gspo's own bounds [arXiv 2507.18071 section 5.1]
    sequence_clip_high: float = 4e-4
    apply_clip: bool = MISSING
    truncated: str = choice("leave_loss", "zero_advantage_if_failed", "keep")
    truncated_in_denominator: bool = MISSING
    truncated_in_statistics: bool = True
    aggregation: str = choice("global_token_mean", "micro_batch_token_mean", "sequence_mean", "constant_length")
    importance_correction: str = choice("none", "truncated")
    importance_cap: float = 2.0
    kl_coefficient: float = 0.0
    entropy_coefficient: float = 0.0
    # stage
    stage_checkpoint: str = choice("last", "best_on_test_window")
    batch: dict[str, Batch] = field(default_factory=dict)  # by stage; other stages use the stage's own


@dataclass
class Model:
    kind: str = choice("warm_start", "gguf_wheel", "hub")
    title: str = MISSING
    hub_id: str | None = None
    revision: str | None = None
    files: dict[str, str] = field(default_factory=dict)  # sha256 by path, where pinned
    licence: str = MISSING
    thinking: bool = MISSING  # writes <think> ... </think> before the answer
    prompt: str = choice("plain", "chat")
    # shape: what `make plan` estimates memory and time from
    parameters: int = MISSING
    layers: int = MISSING
    hidden: int = MISSING
    intermediate: int = MISSING
    heads: int = MISSING
    key_value_heads: int = MISSING
    head_dim: int = MISSING
    vocabulary: int = MISSING
    tied_embeddings: bool = MISSING


@dataclass
class WarmStart:
    """Noisy supervised start of the tiny model (smoke scale only)."""

    steps: int = MISSING
    batch: int = MISSING
    learning_rate: float = MISSING
    noise: float = MISSING  # probability that a component of a reference solution is replaced by a wrong one
    lazy: float = (
        0.0  # probability of a program that answers with a fixed word (tests/benchmarks/learning.py --graders)
    )


@dataclass
class Stage:
    """One context length of the training: limits, steps and the checkpoint it starts from."""

    start: str = MISSING  # "base" or the name of another stage
    max_prompt_tokens: int = MISSING
    max_response_tokens: int = MISSING
    steps: int = MISSING
    batch: Batch = field(default_factory=Batch)
    save_every: int = setting()
    validate_every: int = MISSING
    max_tokens_per_gpu: int = MISSING  # packing budget of one micro-batch
    seconds_per_step: float = setting()  # for `make plan` only: measured or published


@dataclass
class Engine:
    """How a copy of the model samples, in training and in evaluation."""

    name: str = choice("vllm", "hf")
    tensor_parallel: int = MISSING
    dtype: str = choice("float32", "bfloat16")
    memory_utilization: float = setting()  # fraction of the GPU's (CPU build: of the host's) memory
    kv_cache_mb: int | None = setting(None)  # CPU build only
    max_sequences: int = MISSING


@dataclass
class Rollout:
    """Sampling in training; evaluation shares the engine alone."""

    engine: Engine = field(default_factory=Engine)
    engines: int = MISSING  # copies of the model, each on engine.tensor_parallel devices
    samples_per_prompt: int = MISSING
    temperature: float = MISSING
    top_p: float = MISSING
    top_k: int = -1
    logprob_tolerance: float = MISSING  # largest mean gap sampler - trainer after a weight sync
    shuffle_rewards: bool = False  # control experiment: the reward carries no signal


@dataclass
class Trainer:
    learning_rate: float = MISSING
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = MISSING
    grad_clip: float = MISSING
    zero_stage: int = choice(1, 2, 3)  # DeepSpeed without ZeRO refuses to add up float32 gradients of bfloat16 weights
    dtype: str = choice("float32", "bfloat16")
    ranks: int = MISSING  # data-parallel x sequence-parallel processes
    sequence_parallel: int = MISSING
    gradient_checkpointing: bool = MISSING
    schedule: str = choice("sync", "minibatch_pipeline", "one_off", "async", default="sync")
    max_staleness: int = 1  # async: policy versions that a token may be behind the trained one
    reuse_part_of_a_batch: bool = False  # after an interruption: saves sampling, costs equality to the last bit
    keep_checkpoints: int = setting(2)
    validation_samples: int = 2


@dataclass
class Judge:
    workers: int = setting()  # sandboxes on each node
    isolation: str = choice("auto", "bwrap", "landlock", "process", default="auto")
    time_limit_s: float = MISSING  # CPU seconds per test where neither problem nor recipe says
    memory_limit_mb: int = MISSING


@dataclass
class Benchmark:
    title: str = MISSING
    source: str = MISSING
    standings: str | None = None  # codeforces_rating: the source of the frozen standings
    metric: str = choice("pass_at_1", "codeforces_rating", "answer_accuracy")
    comparator: str = choice("tokens", "livecodebench", "evalplus", "exact_answer")
    comparators_beside: list[str] = field(default_factory=list)  # whose verdicts stand beside, for comparison
    samples: int = MISSING  # per problem
    after: str | None = None
    before: str | None = None
    subset: list[str] = field(default_factory=list)  # the source's own ids; empty: all
    errata: dict[str, list[str]] = field(default_factory=dict)  # fault -> the source's own ids of problems that have it
    errata_policy: str = choice("count", "exclude", default="count")  # count: scored, and once more without them
    prompt: str = choice(
        "plain", "livecodebench", "livecodebench_r1", "livecodebench_released", "humaneval", "mathematics"
    )
    rows_expected: int | None = None
    decontaminate: bool = True
    time_limit_s: float | None = None


@dataclass
class Sampling:
    """How benchmarks are sampled."""

    temperature: float = MISSING
    top_p: float = MISSING
    max_response_tokens: int = MISSING


@dataclass
class Evaluation:
    sampling: Sampling = field(default_factory=Sampling)
    shards: int = MISSING  # jobs that sample a model side by side
    resample: bool = False  # sample at each context's own length; else once, and cut the same samples to each
    contexts: dict[str, int] = field(default_factory=dict)  # label -> response tokens to which samples are cut
    confidence: float = 0.95
    power: float = 0.8  # of the numbers of problems and samples that would tell two models apart
    bootstrap: int = 2000


@dataclass
class Responses:
    """Responses of a model that is served elsewhere."""

    title: str = MISSING
    folder: str = MISSING  # <benchmark>.jsonl for each benchmark
    benchmarks: list[str] = field(default_factory=list)
    tokenizer: str | None = None  # a model by whose tokenizer shorter contexts cut; null: only the longest is scored
    thinking: bool = MISSING
    prompt: str | None = None  # the style of a benchmark by which the model was asked; null: not known
    sampling: dict[str, Any] = field(default_factory=dict)  # as whoever made them says


@dataclass
class Config:
    """The root: everything any rule may read."""

    scale: str = MISSING
    environment: str = choice("cpu", "cuda")  # the lock in envs/ that this scale runs with
    seed: int = MISSING
    model: str = MISSING
    recipe: str = MISSING
    recipe_table: list[str] = MISSING  # the trainings that `snakemake recipes` compares
    curation_table: list[str] = MISSING  # the two training sets that compare_curations sets side by side
    reference_models: list[str] = MISSING  # evaluated by the same rules, not trained
    train_sources: list[str] = MISSING
    report_benchmarks: list[str] = MISSING
    reported_responses: list[str] = field(default_factory=list)  # made elsewhere, in the tables beside our models
    sources: dict[str, Source] = field(default_factory=dict)
    curations: dict[str, Curation] = field(default_factory=dict)
    recipes: dict[str, Recipe] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    stages: dict[str, Stage] = field(default_factory=dict)
    benchmarks: dict[str, Benchmark] = field(default_factory=dict)
    responses: dict[str, Responses] = field(default_factory=dict)
    warm_start: WarmStart = field(default_factory=WarmStart)
    rollout: Rollout = field(default_factory=Rollout)
    trainer: Trainer = field(default_factory=Trainer)
    logging: Logging = field(default_factory=Logging)
    judge: Judge = field(default_factory=Judge)
    evaluation: Evaluation = field(default_factory=Evaluation)
    resources: dict[str, Resources] = field(default_factory=dict)
    site: Site | None = None
    hardware: Hardware = field(default_factory=Hardware)
