"""Grade sampled responses at one context length: truncate, extract the program or answer, judge.

scripts/grade.py SAMPLES_MANIFEST VERDICTS_MANIFEST --benchmark B --context C --model M \
    --problems BENCHMARK_MANIFEST --tests-store DIR [--model-manifest MODEL_MANIFEST]
"""

import argparse
from pathlib import Path

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.evaluation.grade import Grading, grade
from deepcoder.evaluation.measurement import judge_modules, prompts_digest
from deepcoder.evaluation.truncation import load_decoder, no_decoder
from deepcoder.files import sha256_json
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.prompts import prompt_id
from deepcoder.provenance.identity import module_digests
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.sample import SAMPLE, SAMPLE_VERDICT
from deepcoder.schemas.table import read_table, write_table
from deepcoder.schemas.tests_store import TestsStore

READS = (
    "judge",
    "benchmarks.{benchmark}",
    "evaluation.contexts.{context}",
    "evaluation.sampling",
    "models.{model}.thinking",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("samples", type=InputPath, help="manifest of the samples")
    parser.add_argument("out", type=OutputPath, help="manifest of the verdicts")
    parser.add_argument("--benchmark", required=True)
    parser.add_argument("--context", required=True, help="label of evaluation.contexts")
    parser.add_argument("--model", required=True, help="base model, whose tokenizer and habits the responses have")
    parser.add_argument("--problems", type=InputPath, required=True, help="manifest of the benchmark")
    parser.add_argument("--model-manifest", type=InputPath, help="manifest that lists tokenizer.json")
    parser.add_argument("--tests-store", type=Path, required=True, help="folder of the tests by content")


def work(job: Job) -> None:
    args = job.args
    benchmark = job.read("benchmarks.{benchmark}")
    context_tokens = job.read("evaluation.contexts.{context}")
    judge = job.read("judge")
    samples = read_manifest(args.samples)
    drawn = read_table(samples.file("samples.parquet"), SAMPLE)
    # Samples that were drawn elsewhere bring their model's name, its habits and the sampling parameters.
    told = dict(samples.facts)
    name = told.pop("model", args.model)
    thinking = told.pop("thinking", job.read("models.{model}.thinking"))
    prompt = told.pop("prompt", benchmark.prompt)
    sampling = told.pop("sampling", vars(job.read("evaluation.sampling")))
    longest = job.read("evaluation.sampling.max_response_tokens")
    if context_tokens < longest and any(row["token_ids"] is None for row in drawn):
        raise UserError(
            f"{args.samples}: no tokenizer is known for {name}, so that its responses cannot be cut to {args.context}; "
            f"name one in config/responses/{name}.yaml, or score the longest context only"
        )
    graded = grade(
        drawn,
        read_table(read_manifest(args.problems).file("problems.parquet"), PROBLEM),
        TestsStore(args.tests_store),
        load_decoder(read_manifest(args.model_manifest)) if args.model_manifest else no_decoder,
        Grading(benchmark, judge, context_tokens, thinking),
    )
    table = args.out.parent / "verdicts.parquet"
    write_table(table, graded.rows, SAMPLE_VERDICT)
    facts = {
        "benchmark": args.benchmark,
        "title": benchmark.title,
        "model": name,
        "context": {"label": args.context, "tokens": context_tokens},
        "comparator": benchmark.comparator,
        "comparators_beside": list(benchmark.comparators_beside),
        "extraction": "after_thinking" if thinking else "response",
        "isolation": graded.isolation,
        "judge": {
            "code": sha256_json(judge_modules(module_digests(Path(__file__)))),
            "time_limit_s": benchmark.time_limit_s or judge.time_limit_s,
            "memory_limit_mb": judge.memory_limit_mb,
        },
        "prompt": prompt_id(prompt) if prompt else None,
        "prompts_sha256": prompts_digest(drawn),
        "window": {"after": benchmark.after, "before": benchmark.before},
        "sampling": sampling,
        "samples": told,
    }
    write_manifest(args.out, "sample_verdicts", [table], facts)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
