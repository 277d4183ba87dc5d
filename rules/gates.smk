# Gates: a checkpoint that reran and wrote the same manifest spares everything below it, but only if every
# rule below asks for it. From nothing no gate is asked, so that a dry run of a fresh checkout is complete.


from snakemake.exceptions import IncompleteCheckpointException
from snakemake.io import checkpoint_target


@functools.cache
def existed(path):
    """Whether a file was there when this run first asked: what a run makes itself needs no gate.

    To ask a gate whose manifest is written but whose job Snakemake does not yet know to be done lets the asking job
    start at once, before its other inputs are made.
    """
    return os.path.exists(path)


@functools.cache
def forced():
    """Whether Snakemake was told to run jobs, whatever the records say."""
    asked = workflow.dag_settings
    return bool(asked.forceall or asked.forcerun or asked.forcetargets)


def ask(gates, made=False):
    """Wait for every gate whose manifest was there; where the asking job's outputs were `made` before, for all.

    Gates come in an order in which each is below those before it. The records say first whether one is settled:
    Snakemake lets a checkpoint pass that it did not yet know to be stale when it looked, and is slow to ask.
    """
    for name, words, manifest in gates:
        if manifest in _settled or not (made or existed(manifest)):
            continue
        found = settled(name, words)
        if not found or manifest in _to_run or forced():
            gate = getattr(checkpoints, name)
            gate.get(scale=CONFIG.scale, **words)
            if not found:
                raise IncompleteCheckpointException(
                    gate.rule, checkpoint_target(manifest)
                )
        _settled.add(manifest)


def all_settled(gates):
    """Whether nothing behind some gates is to be made."""
    for name, words, manifest in gates:
        if manifest not in _settled:
            if not settled(name, words):
                return False
            _settled.add(manifest)
    return True


def target(gates, *files, done=lambda: True):
    """Input of a target: the artifact of every gate, so that one that was deleted is made again before others are
    judged by it, and some files more.

    To plan thousands of jobs costs Snakemake minutes: where a run has none to do, it gets none to plan. `done` says so
    of the files.
    """

    @functools.cache
    def nothing_to_do():
        runs = workflow.execution_settings is not None  # and does not draw or list
        return runs and not forced() and all_settled(gates()) and done()

    return lambda w: (FRESH if nothing_to_do() else [*manifests(gates()), *files])


def manifests(gates):
    return list(dict.fromkeys(manifest for _, _, manifest in gates))


def below(subject):
    """A subject's folder as its gates name it."""
    return subject.removeprefix(f"{OUT}/")


@functools.cache
def source_gates(source):
    revision = CONFIG.sources[source].revision
    return [
        ("fetch", {"source": source, "revision": revision}, raw_manifest(source)),
        ("normalise", {"source": source}, problems_manifest(source)),
    ]


def benchmark_gates(benchmark):
    words = {"benchmark": benchmark}
    return [
        *source_gates(CONFIG.benchmarks[benchmark].source),
        ("prepare_benchmark", words, benchmark_manifest(benchmark)),
    ]


@functools.cache
def benchmarks_gates():
    """Gates of all benchmarks."""
    names = CONFIG.report_benchmarks
    return [gate for name in names for gate in benchmark_gates(name)]


def tokenizer_sources(model):
    """The tiny model's tokenizer is trained on generated problems; every other model brings its own."""
    return ["easy"] if CONFIG.models[model].kind == "warm_start" else []


@functools.cache
def tokenizer_gates(model):
    gate = (
        "tokenizer",
        {"model": model},
        f"{OUT}/models/tokenizers/{model}/manifest.json",
    )
    return [
        *(gate for source in tokenizer_sources(model) for gate in source_gates(source)),
        gate,
    ]


@functools.cache
def verify_gates(source, curation):
    words = {"source": source, "curation": curation}
    return [
        *source_gates(source),
        ("verify", words, verified_manifest(source, curation)),
    ]


@functools.cache
def verified_gates(curation):
    """Gates of all training sources down to the verdicts on their references."""
    return [
        gate
        for source in CONFIG.train_sources
        for gate in verify_gates(source, curation)
    ]


def difficulty_gates(curation, model):
    words = {"curation": curation, "model": model}
    shards = difficulty_shards(curation, model).items()
    return [
        *measured_gates(curation, model),
        *(("measure_difficulty", {**words, "shard": n}, path) for n, path in shards),
        ("gather_difficulty", words, difficulty_manifest(curation, model)),
    ]


def measured_gates(curation, model):
    """Gates of what a model's pass rates are measured on."""
    return [*verified_gates(curation), *base_gates(model)]


@functools.cache
def curation_gates(curation):
    if CONFIG.curations[curation].difficulty.enabled:
        references = difficulty_gates(curation, CONFIG.model)
    else:
        references = verified_gates(curation)
    return [
        *references,
        *benchmarks_gates(),
        *tokenizer_gates(CONFIG.model),
        ("curate", {"curation": curation}, curated_manifest(curation)),
    ]


@functools.cache
def comparison_gates():
    """Gates of both training sets and what sets them side by side."""
    curated = [
        gate for curation in CONFIG.curation_table for gate in curation_gates(curation)
    ]
    return [*curated, ("compare_curations", {}, COMPARISON)]


@functools.cache
def dataset_gates(curation):
    words = {"curation": curation}
    gate = ("export_dataset", words, dataset_manifest(curation))
    return [*curation_gates(curation), gate]


@functools.cache
def product_gates():
    """Gates of everything that is made of the recipe's training set beside the training."""
    curation = CONFIG.recipes[CONFIG.recipe].curation
    return [
        *comparison_gates(),
        *dataset_gates(curation),
        ("render_problems", {}, PROBLEMS_PAGE),
    ]


@functools.cache
def base_gates(model):
    rule_name = (
        "warm_start" if CONFIG.models[model].kind == "warm_start" else "fetch_model"
    )
    above = tokenizer_gates(model) if rule_name == "warm_start" else []
    return [*above, (rule_name, {"model": model}, f"{base_of(model)}/manifest.json")]


@functools.cache
def stage_gates(recipe, model, stage):
    """Gates down to the training state of a stage."""
    start = CONFIG.stages[stage].start
    above = base_gates(model) if start == "base" else model_gates(recipe, model, start)
    words = {"recipe": recipe, "model": model, "stage": stage}
    gate = ("train_stage", words, f"{OUT}/{recipe}/{model}/{stage}/manifest.json")
    return [*curation_gates(CONFIG.recipes[recipe].curation), *above, gate]


@functools.cache
def model_gates(recipe, model, stage):
    """Gates down to the weights that a stage yields."""
    words = {"recipe": recipe, "model": model, "stage": stage}
    manifest = model_manifest(f"{OUT}/{recipe}/{model}/{stage}")
    return [*stage_gates(recipe, model, stage), ("export_model", words, manifest)]


def subject_gates(subject):
    """Gates down to the weights of a subject (its folder below `OUT`)."""
    first, second, third = subject.split("/")
    return base_gates(third) if first == "models" else model_gates(first, second, third)


@functools.cache
def evaluation_gates(subject):
    return [*subject_gates(subject), *benchmarks_gates()]


@functools.cache
def import_gates(responses, benchmark):
    """Gates down to samples that were made elsewhere."""
    tokenizer = CONFIG.responses[responses].tokenizer
    words = {"responses": responses, "benchmark": benchmark}
    manifest = f"{base_of(responses)}/eval/{benchmark}/samples.json"
    return [
        *(tokenizer_gates(tokenizer) if tokenizer else []),
        *benchmark_gates(benchmark),
        ("import_responses", words, manifest),
    ]


def sampled_words(subject, context):
    """Wildcards of a subject's samples at a context."""
    own = {"context": context} if CONFIG.evaluation.resample else {}
    return {"subject": subject, **own}


def shard_gates(subject, context):
    """Gates down to the shards of the samples that a context is graded on."""
    words = sampled_words(subject, context)
    shards = sample_shards(f"{OUT}/{subject}", context).items()
    gates = [("sample", {**words, "shard": n}, path) for n, path in shards]
    return [*evaluation_gates(subject), *gates]


def sampled_gates(subject, benchmark, context):
    """Gates down to the samples of a benchmark that a context is graded on."""
    if responses_of(subject):
        return import_gates(subject.rpartition("/")[2], benchmark)
    manifest = samples_manifest(f"{OUT}/{subject}", benchmark, context)
    gate = ("gather_samples", sampled_words(subject, context), manifest)
    return [*shard_gates(subject, context), gate]


def graded_gates(subject, benchmark, context):
    """Gates down to the verdicts."""
    words = {"subject": subject, "benchmark": benchmark, "context": context}
    manifest = f"{OUT}/{subject}/eval/{benchmark}/{context}/verdicts.json"
    return [*sampled_gates(subject, benchmark, context), ("grade", words, manifest)]


def scored_from_gates(subject, benchmark, context):
    """Gates down to all that a score is made from."""
    standings = CONFIG.benchmarks[benchmark].standings
    return [
        *(source_gates(standings)[:1] if standings else []),
        *graded_gates(subject, benchmark, context),
    ]


@functools.cache
def score_gates(subject, benchmark, context):
    words = {"subject": subject, "benchmark": benchmark, "context": context}
    manifest = f"{OUT}/{subject}/eval/{benchmark}/{context}/scores.json"
    return [
        *scored_from_gates(subject, benchmark, context),
        ("score", words, manifest),
    ]


def scored_subjects_gates(subjects):
    """Every gate down to the scores of some models, each once."""
    gates = [
        gate
        for subject in subjects
        for benchmark in benchmarks_of(subject)
        for context in contexts_of(subject)
        for gate in score_gates(below(subject), benchmark, context)
    ]
    return list({gate[2]: gate for gate in gates}.values())


@functools.cache
def report_gates():
    return scored_subjects_gates(reported_subjects())


@functools.cache
def work_gates():
    """Gates of everything that is made before the tables of the report, each once."""
    gates = [*product_gates(), *report_gates()]
    return list({gate[2]: gate for gate in gates}.values())


@functools.cache
def table_gates():
    return [
        *work_gates(),
        ("summarise", {}, TABLES[0]),
        ("compare_models", {}, COMPARISONS),
        ("account", {}, ACCOUNTS[0]),
    ]


@functools.cache
def figure_gates():
    return [*table_gates(), ("plot", {}, SVG[0])]


@functools.cache
def page_gates():
    return [*figure_gates(), ("render", {}, PAGE)]


@functools.cache
def document_gates():
    """Gates of everything that is read: the page, the paper and the model with its card."""
    return [*page_gates(), ("typeset", {}, PAPER), ("export_release", {}, RELEASE)]


def recipes_gates():
    subjects = [
        subject
        for recipe in CONFIG.recipe_table
        for subject in trained_subjects(recipe)
    ]
    return scored_subjects_gates([base_of(CONFIG.model), *subjects])


def recipes_table_gates():
    table = f"{OUT}/report/recipes.csv"
    return [*recipes_gates(), ("compare_recipes", {}, table)]
