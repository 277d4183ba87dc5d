"""Say what is stale and why, what running it costs, and what may follow; runs nothing.

scripts/why.py [TARGET ...] [--config key=value ...] [any other option of snakemake]
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from deepcoder.config import compose_config, parse_overrides
from deepcoder.errors import UserError
from deepcoder.plan.cost import gpu_hours_of
from deepcoder.provenance.why import ask_workflow, following, jobs_below, report


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/why.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", nargs="*", default=[], metavar="key=value", help="as on snakemake")
    args, words = parser.parse_known_args()
    try:
        stale = ask_workflow([*words, *(["--config", *args.config] if args.config else [])])
        scale = {"scale": Path(stale[0].outputs[0]).parts[1]} if stale else {}  # --profile may have chosen it
        config: Any = compose_config(scale | parse_overrides(args.config))
        after = following(stale, jobs_below(Path("results", config.scale)))
    except UserError as error:
        sys.exit(f"error: {error}")
    print("\n".join(report(stale, after, lambda rule, given: gpu_hours_of(config, rule, given))))


if __name__ == "__main__":
    main()
