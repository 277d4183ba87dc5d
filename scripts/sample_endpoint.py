"""Ask a model behind an OpenAI-compatible endpoint the problems of a benchmark; its responses become a file to score.

scripts/sample_endpoint.py responses/NAME/BENCHMARK.jsonl --url http://127.0.0.1:8000/v1 --served MODEL --benchmark B
    --problems results/<scale>/data/benchmarks/B/manifest.json

The key is read from OPENAI_API_KEY. No rule runs this: an endpoint gives other responses each time, so the file is an
input. Declare its folder in config/responses/NAME.yaml; import_responses.py makes the samples of it.
"""

import json
from argparse import ArgumentParser

from deepcoder import prompts
from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.evaluation.endpoint import Ask, Endpoint, collect
from deepcoder.files import write_text
from deepcoder.journal import Journal
from deepcoder.manifest import read_manifest
from deepcoder.rl.seeds import seed_of
from deepcoder.schemas.problem import PROBLEM
from deepcoder.schemas.table import read_table

READS = ("seed", "benchmarks.{benchmark}", "evaluation.sampling")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath, help="a line of JSON for each response")
    parser.add_argument("--url", required=True, help="of the endpoint, with its version")
    parser.add_argument("--served", required=True, help="name of the model there")
    parser.add_argument("--benchmark", required=True)
    parser.add_argument("--problems", type=InputPath, required=True, help="manifest of the benchmark")
    parser.add_argument("--parallel", type=int, default=Endpoint.parallel, help="requests at a time")


def work(job: Job) -> None:
    args = job.args
    benchmark = job.read("benchmarks.{benchmark}")
    problems = read_table(read_manifest(args.problems, "problems").file("problems.parquet"), PROBLEM)
    system = prompts.system_message(benchmark.prompt)
    asks = [
        Ask(
            problem["source_id"],
            number,
            seed_of(job.read("seed"), "evaluation", problem["id"], number),
            prompts.turns(prompts.message(problem, benchmark.prompt), system),
        )
        for problem in problems
        for number in range(benchmark.samples)
    ]
    journal = Journal(args.out.with_name(f".{args.out.name}.part"))
    endpoint = Endpoint(args.url, args.served, args.parallel)
    lines = collect(endpoint, asks, job.read("evaluation.sampling"), journal)
    write_text(args.out, "".join(json.dumps(line) + "\n" for line in lines))
    journal.forget()


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
