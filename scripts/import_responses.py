"""Take over responses that were made elsewhere as the samples of a benchmark, to be scored by the same rules.

scripts/import_responses.py RESPONSES_JSONL SAMPLES_MANIFEST --responses NAME --benchmark B
    --problems BENCHMARK_MANIFEST [--tokenizer TOKENIZER_MANIFEST]

Without a tokenizer nothing can be cut to a shorter context: only the longest one is scored.
"""

from argparse import ArgumentParser

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.evaluation.responses import load_encoder, read_responses
from deepcoder.evaluation.truncation import tokenizer_file
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.sample import SAMPLE
from deepcoder.schemas.table import read_table, write_table

READS = ("responses.{responses}", "benchmarks.{benchmark}.samples")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", type=InputPath, help="a line of JSON for each response")
    parser.add_argument("out", type=OutputPath, help="manifest of the samples")
    parser.add_argument("--responses", required=True, help="their name in the configuration")
    parser.add_argument("--benchmark", required=True)
    parser.add_argument("--problems", type=InputPath, required=True, help="manifest of the benchmark")
    parser.add_argument("--tokenizer", type=InputPath, help="manifest that lists tokenizer.json")


def work(job: Job) -> None:
    args = job.args
    told = job.read("responses.{responses}")
    problems = read_table(read_manifest(args.problems, "problems").file("problems.parquet"), PROBLEM)
    encode = load_encoder(tokenizer_file(read_manifest(args.tokenizer))) if args.tokenizer else None
    rows = read_responses(args.file, problems, job.read("benchmarks.{benchmark}.samples"), encode)
    table = args.out.parent / "samples.parquet"
    count = write_table(table, rows, SAMPLE)
    facts = {
        "benchmark": args.benchmark,
        "samples": count,
        "model": args.responses,
        "thinking": told.thinking,
        "prompt": told.prompt,
        "sampling": {**told.sampling, "made": "elsewhere"},
        "tokenizer": told.tokenizer,
    }
    write_manifest(args.out, "samples", [table], facts)


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
