# Functions only: paths, identities and resources of the rules.
import atexit
import functools
import json
import socket
import time

from deepcoder.config import compose_config, subset
from deepcoder.config.load import fill_keys
from deepcoder.errors import UserError
from deepcoder.files import sha256_text
from deepcoder.locks import HeldError, hold
from deepcoder.provenance.freeze import git_state
from deepcoder.provenance.identity import environment_lock

try:
    CONFIG = compose_config(config)
except UserError as error:
    # The one line that a user needs; Snakemake would print a traceback instead.
    sys.exit(f"error: {error}")

OUT = f"results/{CONFIG.scale}"
TABLE_NAMES = ["benchmarks", "contexts", "funnel", "curves", "grader"]
TABLES = [f"{OUT}/report/{name}.csv" for name in TABLE_NAMES]
ACCOUNT_NAMES = ["systems", "cost"]
ACCOUNTS = [f"{OUT}/report/{name}.csv" for name in ACCOUNT_NAMES]
FIGURES = ["reward", "response_length", "validation", "contexts", "funnel", "systems"]
SVG = [f"{OUT}/report/figures/{name}.svg" for name in FIGURES]
PUBLISHED = sorted(str(path) for path in Path("config/published").glob("*.csv"))
PAGE = f"{OUT}/report/index.html"
PROBLEMS_PAGE = f"{OUT}/report/problems.html"
COMPARISON = f"{OUT}/data/comparison/manifest.json"
COMPARISONS = f"{OUT}/report/comparisons.csv"
SHOWN_TABLES = [*TABLES, *ACCOUNTS, COMPARISONS]
PAPER = f"{OUT}/paper.pdf"
RELEASE = f"{OUT}/release/model.json"
TEMPLATE = sorted(str(path) for path in Path("config/paper").glob("*.typ"))
# Tables of other targets by their rules: in the paper where they are there, and made from what is there now.
ON_REQUEST = {"recipes": "compare_recipes"}
PRINTED = ["main", "contexts", "published", "funnel", "training", "recipe", "stages"]
PRINTED += [
    "comparisons",
    *ACCOUNT_NAMES,
    *ON_REQUEST,
    *(n for n in TABLE_NAMES if n not in (*PRINTED, "benchmarks", "curves")),
]
TESTS = f"{OUT}/data/tests"
PYTHON = sys.executable
LOCK = environment_lock(Path(CODE), CONFIG.environment)

os.environ.update(
    DEEPCODER_OVERRIDES=json.dumps(config),
    DEEPCODER_RUN_PID=str(os.getpid()),
)
os.environ.setdefault("DEEPCODER_GIT", json.dumps(git_state(Path(workflow.basedir))))


wildcard_constraints:
    scale=CONFIG.scale,
    source="|".join(CONFIG.sources),
    curation="|".join(CONFIG.curations),
    recipe="|".join(CONFIG.recipes),
    model="|".join(CONFIG.models),
    stage="|".join(CONFIG.stages),
    benchmark="|".join(CONFIG.benchmarks),
    context="|".join(CONFIG.evaluation.contexts),
    shard="[0-9]+",
    responses="|".join(CONFIG.responses),
    subject="models/base/[^/]+|[^/]+/[^/]+/[^/]+",


def command_of(name):
    """Digest of a rule's command as written, without layout."""
    return sha256_text(" ".join(workflow.get_rule(name).shellcmd.split()))[:16]


def door(name, block=None):
    """Param with a door's command, which is told the digest of its rule's own command for its record.

    On a cluster a launcher comes before it, which has it run as a SLURM job; `block` are its resources in config/.
    """

    def command(wildcards, input, output):
        told = f"DEEPCODER_COMMAND={command_of(name)}"
        script = f"{CODE}/scripts/{name}.py"
        if not is_launched(name):
            return f"{told} {PYTHON} {script}"
        return (
            f"{told} {PYTHON} {CODE}/scripts/launch.py {name} {output[0]} --block {block_of(block or name)}"
            f" --identity {digest_of(name, wildcards, input)} --jobs {OUT}/work/jobs"
            f" -- {CONFIG.site.python or PYTHON} {script}"
        )

    return command


def is_launched(name):
    """Whether a rule's command becomes a SLURM job."""
    return CONFIG.site is not None and name not in CONFIG.site.on_login


def be_the_only_run():
    """Keep other runs out of this folder until this process ends, however it ends."""
    global run_lock
    try:
        run_lock = hold(Path(".snakemake/run"))
    except HeldError as holder:
        sys.exit(f"error: {holder} is running this workflow here; let it end")


# Resources: one block of config/ per rule, `default` where a rule has none.


def block_of(name):
    return name if name in CONFIG.resources else "default"


def needs(name):
    """Resources of one job as Snakemake shows them; GPUs are per node."""
    block = CONFIG.resources[block_of(name)]
    asked = {
        "mem_mb": block.memory_mb,
        "runtime": block.runtime_min,
        "nodes": block.nodes,
        "cpus_per_task": block.cpus,
    }
    if block.gpus_per_node:
        asked["gres"] = f"gpu:{block.gpus_per_node}"
    return asked


def cpus(name):
    """Cores of this host that a job takes: a launcher only waits."""
    return 1 if CONFIG.site else CONFIG.resources[block_of(name)].cpus


# Paths of artifacts.


def raw_manifest(source):
    return f"{OUT}/data/raw/{source}/{CONFIG.sources[source].revision}/manifest.json"


def problems_manifest(source):
    return f"{OUT}/data/problems/{source}/manifest.json"


def benchmark_manifest(benchmark):
    return f"{OUT}/data/benchmarks/{benchmark}/manifest.json"


def verified_manifest(source, curation):
    return f"{OUT}/data/{curation}/verified/{source}/manifest.json"


def difficulty_manifest(curation, model):
    return f"{OUT}/data/{curation}/difficulty/{model}/manifest.json"


def curated_manifest(curation):
    return f"{OUT}/data/{curation}/manifest.json"


def dataset_manifest(curation):
    return f"{OUT}/data/{curation}/dataset.json"


def difficulty_shards(curation, model):
    """Shards of a model's pass rates by number."""
    folder = f"{OUT}/data/{curation}/difficulty/{model}/shards"
    count = CONFIG.curations[curation].difficulty.shards
    return {str(shard): f"{folder}/{shard}/manifest.json" for shard in range(count)}


# Folder of a context where each has samples of its own; none where all are cut from the same.
OWN_CONTEXT = "{context}/" if CONFIG.evaluation.resample else ""


def samples_manifest(subject, benchmark, context):
    own = "" if responses_of(subject) else OWN_CONTEXT.format(context=context)
    return f"{subject}/eval/{benchmark}/{own}samples.json"


def sample_shards(subject, context):
    """Shards of a subject's samples by number, all benchmarks in each."""
    folder = f"{subject}/eval/shards/{OWN_CONTEXT.format(context=context)}"
    count = CONFIG.evaluation.shards
    return {str(shard): f"{folder}{shard}/manifest.json" for shard in range(count)}


def first_stage():
    """The stage that starts from the base model."""
    return next(name for name in CONFIG.stages if CONFIG.stages[name].start == "base")


def base_of(model):
    return f"{OUT}/models/base/{model}"


def start_of(recipe, model, stage):
    """Folder of the subject that a stage starts from."""
    start = CONFIG.stages[stage].start
    return base_of(model) if start == "base" else f"{OUT}/{recipe}/{model}/{start}"


def model_manifest(subject):
    """Manifest of a subject's weights: a stage's own one is of its training state, which is exported beside it."""
    base = subject.startswith(f"{OUT}/models/")
    return f"{subject}/manifest.json" if base else f"{subject}/model/manifest.json"


def trained_subjects(recipe):
    return [f"{OUT}/{recipe}/{CONFIG.model}/{stage}" for stage in CONFIG.stages]


def reported_subjects():
    """Folders of every model in the tables: the base, the references, the stages of the recipe."""
    bases = [CONFIG.model, *CONFIG.reference_models, *CONFIG.reported_responses]
    return [*map(base_of, bases), *trained_subjects(CONFIG.recipe)]


def responses_of(subject):
    """The configuration of responses that were made elsewhere; None for a model that is sampled here."""
    return CONFIG.responses.get(subject.rpartition("models/base/")[2])


def benchmarks_of(subject):
    made = responses_of(subject)
    known = CONFIG.report_benchmarks
    return [name for name in known if not made or name in made.benchmarks]


def contexts_of(subject):
    """Without a tokenizer of its model a response cannot be cut to a shorter context than it was made for."""
    made, contexts = responses_of(subject), CONFIG.evaluation.contexts
    return (
        [max(contexts, key=contexts.get)] if made and not made.tokenizer else contexts
    )


def scores(subject):
    return [
        f"{subject}/eval/{benchmark}/{context}/scores.json"
        for benchmark in benchmarks_of(subject)
        for context in contexts_of(subject)
    ]


def tokenizer_manifest(model):
    return f"{OUT}/models/tokenizers/{model}/manifest.json"


def cutter_of(subject):
    """Manifest of the tokenizer by which a subject's responses are cut; nothing where none is known."""
    made = responses_of(subject)
    if made is None:
        return model_manifest(subject)
    return tokenizer_manifest(made.tokenizer) if made.tokenizer else []
