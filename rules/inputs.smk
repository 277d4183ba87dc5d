# Functions only: inputs of the rules that have several.


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


def gather_difficulty_inputs(wildcards):
    return {
        "shards": list(difficulty_shards(wildcards.curation, wildcards.model).values())
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


def dataset_inputs(wildcards):
    return {
        "curated": curated_manifest(wildcards.curation),
        "verified": training_inputs(wildcards.curation)["verified"],
        "benchmarks": [benchmark_manifest(name) for name in CONFIG.report_benchmarks],
    }


def problems_page_inputs(wildcards):
    curation = CONFIG.recipes[CONFIG.recipe].curation
    return {**training_inputs(curation), "curated": curated_manifest(curation)}


def train_inputs(wildcards):
    recipe = CONFIG.recipes[wildcards.recipe]
    best = recipe.stage_checkpoint == "best_on_test_window"
    return {
        "problems": curated_manifest(recipe.curation),
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
        "samples": samples_manifest(subject, wildcards.benchmark, wildcards.context),
        "problems": benchmark_manifest(wildcards.benchmark),
        "model": cutter_of(subject),
    }


def import_inputs(wildcards):
    made = CONFIG.responses[wildcards.responses]
    return {
        "file": f"{made.folder}/{wildcards.benchmark}.jsonl",
        "problems": benchmark_manifest(wildcards.benchmark),
        "tokenizer": tokenizer_manifest(made.tokenizer) if made.tokenizer else [],
    }


def score_inputs(wildcards):
    folder = f"{OUT}/{wildcards.subject}/eval/{wildcards.benchmark}"
    standings = CONFIG.benchmarks[wildcards.benchmark].standings
    return {
        "verdicts": f"{folder}/{wildcards.context}/verdicts.json",
        "problems": benchmark_manifest(wildcards.benchmark),
        "standings": raw_manifest(standings) if standings else [],
    }


def sample_inputs(wildcards):
    return {
        "model": model_manifest(f"{OUT}/{wildcards.subject}"),
        "benchmarks": [benchmark_manifest(name) for name in CONFIG.report_benchmarks],
    }


def own_context(wildcards):
    """The context that samples are made for; none where all share them."""
    return [wildcards.context] if CONFIG.evaluation.resample else []


def gather_samples_inputs(wildcards):
    subject = f"{OUT}/{wildcards.subject}"
    shards = sample_shards(subject, wildcards.get("context"))
    return {
        "shards": list(shards.values()),
        "benchmarks": [benchmark_manifest(name) for name in CONFIG.report_benchmarks],
    }


def model_of(wildcards):
    """Name of the model behind a subject: models/base/<model> or <recipe>/<model>/<stage>."""
    if made := responses_of(wildcards.subject):
        return made.tokenizer or CONFIG.model
    first, second, third = wildcards.subject.split("/")
    return third if first == "models" else second


def report_inputs(wildcards):
    recipe = CONFIG.recipes[CONFIG.recipe]
    return {
        "scores": [path for subject in reported_subjects() for path in scores(subject)],
        "stages": [
            f"{subject}/manifest.json" for subject in trained_subjects(CONFIG.recipe)
        ],
        "curation": curated_manifest(recipe.curation),
        "published": PUBLISHED,
    }


def summary_inputs(wildcards):
    return {**report_inputs(wildcards), "comparison": COMPARISON}


def comparison_inputs(wildcards):
    return {"scores": report_inputs(wildcards)["scores"]}


def account_inputs(wildcards):
    """`records` are no inputs in the eyes of Snakemake, which does not know that they come with the artifacts."""
    records = {
        (rule_name, *words.values()): path for rule_name, words, path in work_gates()
    }
    return {
        "records": [str(record_path(Path(path))) for path in records.values()],
        "stages": report_inputs(wildcards)["stages"],
        "published": PUBLISHED,
    }


def plot_inputs(wildcards):
    tables = {Path(path).stem: path for path in [*TABLES, *ACCOUNTS]}
    drawn = {name: tables[name] for name in ("curves", "contexts", "funnel", "systems")}
    return {**drawn, "published": PUBLISHED}


def render_inputs(wildcards):
    return {
        **report_inputs(wildcards),
        "tables": SHOWN_TABLES,
        "figures": SVG,
        "comparison": COMPARISON,
        "dataset": dataset_manifest(CONFIG.recipes[CONFIG.recipe].curation),
        "problems": PROBLEMS_PAGE,
        "requested": requested(),
    }


def release_inputs(wildcards):
    """The last stage of the recipe is released."""
    last = trained_subjects(CONFIG.recipe)[-1]
    return {
        **report_inputs(wildcards),
        "exported": model_manifest(last),
        "tables": TABLES,
    }


def paper_inputs(wildcards):
    return {
        **report_inputs(wildcards),
        "tables": SHOWN_TABLES,
        "figures": SVG,
        "template": TEMPLATE,
        "requested": requested(),
    }


def requested():
    """Tables of other targets that are there and current: no inputs in Snakemake's eyes, which would make them."""
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
