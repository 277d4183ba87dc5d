"""Add up what the shards of measure_difficulty.py have counted: the pass rates that curate.py filters by."""

from argparse import ArgumentParser

from deepcoder.door import InputPath, Job, OutputPath, run_door
from deepcoder.errors import UserError
from deepcoder.evaluation.gather import add_up
from deepcoder.manifest import read_manifest, write_manifest
from deepcoder.schemas.curated import PASS_RATE
from deepcoder.schemas.table import read_table, write_table

READS = ()


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("out", type=OutputPath, help="manifest of the pass rates")
    parser.add_argument("--shards", type=InputPath, nargs="+", required=True, help="manifests of measure_difficulty.py")


def work(job: Job) -> None:
    shards = [read_manifest(path, "pass_rates_shard") for path in job.args.shards]
    if [(shard.facts["shard"], shard.facts["of"]) for shard in shards] != [
        (n, len(shards)) for n in range(len(shards))
    ]:
        raise UserError(f"{job.args.shards[0].parent.parent}: not every shard once, in order; give each to --shards")
    table = job.args.out.parent / "pass_rates.parquet"
    parts = (read_table(shard.file(table.name), PASS_RATE) for shard in shards)
    count = write_table(table, add_up(parts), PASS_RATE)
    facts = {name: shards[0].facts[name] for name in ("model", "samples", "max_tokens")}
    write_manifest(job.args.out, "pass_rates", [table], {**facts, "problems": count})


if __name__ == "__main__":
    run_door(work, reads=READS, arguments=arguments)
