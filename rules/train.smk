# From the base model through the context stages. Resumable state lives under work/, never a declared output.
WARM_STARTED = [
    name for name in CONFIG.models if CONFIG.models[name].kind == "warm_start"
]
FETCHED = [name for name in CONFIG.models if name not in WARM_STARTED]


checkpoint tokenizer:
    input:
        **tracked(
            "tokenizer",
            ["problems"],
            lambda w: {
                "problems": [
                    problems_manifest(source) for source in tokenizer_sources(w.model)
                ]
            },
            lambda w: tokenizer_gates(w.model)[:-1],
        ),
    output:
        "results/{scale}/models/tokenizers/{model}/manifest.json",
    log:
        "results/{scale}/logs/tokenizer/{model}.log",
    benchmark:
        "results/{scale}/logs/tokenizer/{model}.tsv"
    threads: cpus("tokenizer")
    resources:
        **needs("tokenizer"),
    params:
        door=door("tokenizer"),
        problems=lambda w: "--problems" if tokenizer_sources(w.model) else "",
    shell:
        "{params.door} {output} --model {wildcards.model}"
        " {params.problems} {input.problems} &> {log}"


checkpoint warm_start:
    input:
        **tracked(
            "warm_start",
            ["problems", "tokenizer"],
            warm_start_inputs,
            lambda w: tokenizer_gates(w.model),
        ),
    output:
        "results/{scale}/models/base/{model}/manifest.json",
    log:
        "results/{scale}/logs/warm_start/{model}.log",
    benchmark:
        "results/{scale}/logs/warm_start/{model}.tsv"
    wildcard_constraints:
        model="|".join(WARM_STARTED),
    threads: cpus("warm_start")
    resources:
        **needs("warm_start"),
    params:
        door=door("warm_start"),
    shell:
        "{params.door} {input.problems} {output} --model {wildcards.model}"
        " --tokenizer {input.tokenizer} &> {log}"


checkpoint fetch_model:
    input:
        **tracked("fetch_model", [], lambda w: {}, lambda w: []),
    output:
        "results/{scale}/models/base/{model}/manifest.json",
    log:
        "results/{scale}/logs/fetch_model/{model}.log",
    benchmark:
        "results/{scale}/logs/fetch_model/{model}.tsv"
    wildcard_constraints:
        model="|".join(FETCHED),
    threads: cpus("fetch_model")
    resources:
        **needs("fetch_model"),
    params:
        door=door("fetch_model"),
    shell:
        "{params.door} {output} --model {wildcards.model} &> {log}"


checkpoint train_stage:
    input:
        **tracked(
            "train_stage",
            ["problems", "start", "test_window"],
            train_inputs,
            lambda w: stage_gates(w.recipe, w.model, w.stage)[:-1],
        ),
    output:
        "results/{scale}/{recipe}/{model}/{stage}/manifest.json",
    log:
        "results/{scale}/logs/train_stage/{recipe}-{model}-{stage}.log",
    benchmark:
        "results/{scale}/logs/train_stage/{recipe}-{model}-{stage}.tsv"
    threads: cpus("train")
    resources:
        **needs("train"),
    params:
        door=door("train_stage", "train"),
        test_window=lambda w, input: (
            f"--test-window {input.test_window}" if input.test_window else ""
        ),
        tests=TESTS,
        work=lambda w, input: f"{OUT}/work/{w.recipe}/{w.model}/{w.stage}",
    shell:
        "{params.door} {input.problems} {input.start} {output}"
        " --recipe {wildcards.recipe} --model {wildcards.model} --stage {wildcards.stage}"
        " --tests-store {params.tests} --work {params.work}"
        " {params.test_window} &> {log}"


checkpoint export_model:
    input:
        **tracked(
            "export_model",
            ["state", "start"],
            export_inputs,
            lambda w: stage_gates(w.recipe, w.model, w.stage),
        ),
    output:
        "results/{scale}/{recipe}/{model}/{stage}/model/manifest.json",
    log:
        "results/{scale}/logs/export_model/{recipe}-{model}-{stage}.log",
    benchmark:
        "results/{scale}/logs/export_model/{recipe}-{model}-{stage}.tsv"
    threads: cpus("export_model")
    resources:
        **needs("export_model"),
    params:
        door=door("export_model"),
    shell:
        "{params.door} {input.state} {input.start} {output} &> {log}"
