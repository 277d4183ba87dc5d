# Functions only: paths, identities, gates and resources of the rules.
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
TABLE_NAMES = ["benchmarks", "contexts", "funnel", "curves"]
TABLES = [f"{OUT}/report/{name}.csv" for name in TABLE_NAMES]
FIGURES = ["reward", "response_length", "validation", "contexts", "funnel"]
SVG = [f"{OUT}/report/figures/{name}.svg" for name in FIGURES]
PUBLISHED = sorted(str(path) for path in Path("config/published").glob("*.csv"))
PAGE = f"{OUT}/report/index.html"
PAPER = f"{OUT}/paper.pdf"
TEMPLATE = sorted(str(path) for path in Path("config/paper").glob("*.typ"))
# Tables of other targets by their rules: in the paper where they are there, and made from what is there now.
ON_REQUEST = {"recipes": "compare_recipes"}
PRINTED = ["main", "contexts", "published", "funnel", "training", "recipe", "stages"]
PRINTED += [
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
    bases = [base_of(model) for model in [CONFIG.model, *CONFIG.reference_models]]
    return [*bases, *trained_subjects(CONFIG.recipe)]


def scores(subject, benchmarks=None, contexts=None):
    return [
        f"{subject}/eval/{benchmark}/{context}/scores.json"
        for benchmark in benchmarks or CONFIG.report_benchmarks
        for context in contexts or CONFIG.evaluation.contexts
    ]


# Inputs of the rules that have several.


def training_inputs(curation):
    """Problems of the training sources, and the verdicts on their references."""
    return {
        "problems": [problems_manifest(source) for source in CONFIG.train_sources],
        "verified": [
            verified_manifest(source, curation) for source in CONFIG.train_sources
        ],
    }


def difficulty_inputs(wildcards):
    return {
        **training_inputs(wildcards.curation),
        "model": f"{base_of(wildcards.model)}/manifest.json",
    }


def curate_inputs(wildcards):
    asked = CONFIG.curations[wildcards.curation].difficulty.enabled
    return {
        **training_inputs(wildcards.curation),
        "benchmarks": [benchmark_manifest(name) for name in CONFIG.report_benchmarks],
        "tokenizer": f"{OUT}/models/tokenizers/{CONFIG.model}/manifest.json",
        "pass_rates": (
            difficulty_manifest(wildcards.curation, CONFIG.model) if asked else []
        ),
    }


def train_inputs(wildcards):
    recipe = CONFIG.recipes[wildcards.recipe]
    best = recipe.stage_checkpoint == "best_on_test_window"
    return {
        "problems": f"{OUT}/data/{recipe.curation}/manifest.json",
        "start": model_manifest(
            start_of(wildcards.recipe, wildcards.model, wildcards.stage)
        ),
        "test_window": benchmark_manifest(CONFIG.report_benchmarks[0]) if best else [],
    }


def export_inputs(wildcards):
    words = (wildcards.recipe, wildcards.model, wildcards.stage)
    return {
        "state": f"{OUT}/{'/'.join(words)}/manifest.json",
        "start": model_manifest(start_of(*words)),
    }


def warm_start_inputs(wildcards):
    return {
        "problems": problems_manifest("easy"),
        "tokenizer": f"{OUT}/models/tokenizers/{wildcards.model}/manifest.json",
    }


def grade_inputs(wildcards):
    subject = f"{OUT}/{wildcards.subject}"
    return {
        "samples": f"{subject}/eval/{wildcards.benchmark}/samples.json",
        "problems": benchmark_manifest(wildcards.benchmark),
        "model": model_manifest(subject),
    }


def score_inputs(wildcards):
    folder = f"{OUT}/{wildcards.subject}/eval/{wildcards.benchmark}"
    return {
        "verdicts": f"{folder}/{wildcards.context}/verdicts.json",
        "problems": benchmark_manifest(wildcards.benchmark),
    }


def sample_inputs(wildcards):
    return {
        "model": model_manifest(f"{OUT}/{wildcards.subject}"),
        "benchmarks": [benchmark_manifest(name) for name in CONFIG.report_benchmarks],
    }


def model_of(wildcards):
    """Name of the model behind a subject: models/base/<model> or <recipe>/<model>/<stage>."""
    first, second, third = wildcards.subject.split("/")
    return third if first == "models" else second


def report_inputs(wildcards):
    recipe = CONFIG.recipes[CONFIG.recipe]
    return {
        "scores": [path for subject in reported_subjects() for path in scores(subject)],
        "stages": [
            f"{subject}/manifest.json" for subject in trained_subjects(CONFIG.recipe)
        ],
        "curation": f"{OUT}/data/{recipe.curation}/manifest.json",
        "published": PUBLISHED,
    }


def plot_inputs(wildcards):
    tables = {Path(path).stem: path for path in TABLES if "benchmarks" not in path}
    return {**tables, "published": PUBLISHED}


def render_inputs(wildcards):
    return {**report_inputs(wildcards), "tables": TABLES, "figures": SVG}


def paper_inputs(wildcards):
    """As those of the page; `requested` is no input in Snakemake's eyes, which would make it."""
    return {**render_inputs(wildcards), "template": TEMPLATE, "requested": requested()}


def requested():
    """Tables of other targets that are there and current."""
    return [
        f"{OUT}/report/{table}.csv"
        for table, rule_name in ON_REQUEST.items()
        if settled(rule_name, {})
    ]


def recipes_inputs(wildcards):
    subjects = [
        subject
        for recipe in CONFIG.recipe_table
        for subject in trained_subjects(recipe)
    ]
    return {
        "scores": [
            path
            for subject in [base_of(CONFIG.model), *subjects]
            for path in scores(subject)
        ]
    }
