# From raw datasets to the training set and the benchmarks.


checkpoint fetch:
    input:
        **tracked("fetch", [], lambda w: {}, lambda w: []),
    output:
        "results/{scale}/data/raw/{source}/{revision}/manifest.json",
    log:
        "results/{scale}/logs/fetch/{source}-{revision}.log",
    benchmark:
        "results/{scale}/logs/fetch/{source}-{revision}.tsv"
    threads: cpus("fetch")
    resources:
        **needs("fetch"),
    params:
        door=door("fetch"),
    shell:
        "{params.door} {output} --source {wildcards.source} &> {log}"


checkpoint normalise:
    input:
        **tracked(
            "normalise",
            ["raw"],
            lambda w: {"raw": raw_manifest(w.source)},
            lambda w: source_gates(w.source)[:1],
        ),
    output:
        "results/{scale}/data/problems/{source}/manifest.json",
    log:
        "results/{scale}/logs/normalise/{source}.log",
    benchmark:
        "results/{scale}/logs/normalise/{source}.tsv"
    threads: cpus("normalise")
    resources:
        **needs("normalise"),
    params:
        door=door("normalise"),
        tests=TESTS,
    shell:
        "{params.door} {input.raw} {output} --source {wildcards.source}"
        " --tests-store {params.tests} &> {log}"


checkpoint prepare_benchmark:
    input:
        **tracked(
            "prepare_benchmark",
            ["problems"],
            lambda w: {
                "problems": problems_manifest(CONFIG.benchmarks[w.benchmark].source)
            },
            lambda w: source_gates(CONFIG.benchmarks[w.benchmark].source),
        ),
    output:
        "results/{scale}/data/benchmarks/{benchmark}/manifest.json",
    log:
        "results/{scale}/logs/prepare_benchmark/{benchmark}.log",
    benchmark:
        "results/{scale}/logs/prepare_benchmark/{benchmark}.tsv"
    threads: cpus("prepare_benchmark")
    resources:
        **needs("prepare_benchmark"),
    params:
        door=door("prepare_benchmark"),
    shell:
        "{params.door} {input.problems} {output}"
        " --benchmark {wildcards.benchmark} &> {log}"


checkpoint verify:
    input:
        **tracked(
            "verify",
            ["problems"],
            lambda w: {"problems": problems_manifest(w.source)},
            lambda w: source_gates(w.source),
        ),
    output:
        "results/{scale}/data/{curation}/verified/{source}/manifest.json",
    log:
        "results/{scale}/logs/verify/{curation}-{source}.log",
    benchmark:
        "results/{scale}/logs/verify/{curation}-{source}.tsv"
    threads: cpus("verify")
    resources:
        **needs("verify"),
    params:
        door=door("verify"),
        tests=TESTS,
        work=lambda w, input: f"{OUT}/work/verify/{w.curation}/{w.source}",
    shell:
        "{params.door} {input.problems} {output} --source {wildcards.source}"
        " --curation {wildcards.curation} --tests-store {params.tests} --work {params.work} &> {log}"


checkpoint measure_difficulty:
    input:
        **tracked(
            "measure_difficulty",
            ["model", "problems", "verified"],
            difficulty_inputs,
            lambda w: measured_gates(w.curation, w.model),
            stage=first_stage(),
        ),
    output:
        "results/{scale}/data/{curation}/difficulty/{model}/shards/{shard}/manifest.json",
    log:
        "results/{scale}/logs/measure_difficulty/{curation}-{model}-{shard}.log",
    benchmark:
        "results/{scale}/logs/measure_difficulty/{curation}-{model}-{shard}.tsv"
    threads: cpus("difficulty")
    resources:
        **needs("difficulty"),
    params:
        door=door("measure_difficulty", "difficulty"),
        stage=first_stage(),
        tests=TESTS,
        work=lambda w, input: f"{OUT}/work/difficulty",
    shell:
        "{params.door} {input.model} {output} --model {wildcards.model}"
        " --curation {wildcards.curation} --shard {wildcards.shard}"
        " --stage {params.stage} --problems {input.problems}"
        " --verified {input.verified} --tests-store {params.tests} --work {params.work} &> {log}"


checkpoint gather_difficulty:
    input:
        **tracked(
            "gather_difficulty",
            ["shards"],
            gather_difficulty_inputs,
            lambda w: difficulty_gates(w.curation, w.model)[:-1],
        ),
    output:
        "results/{scale}/data/{curation}/difficulty/{model}/manifest.json",
    log:
        "results/{scale}/logs/gather_difficulty/{curation}-{model}.log",
    benchmark:
        "results/{scale}/logs/gather_difficulty/{curation}-{model}.tsv"
    threads: cpus("gather")
    resources:
        **needs("gather"),
    params:
        door=door("gather_difficulty", "gather"),
    shell:
        "{params.door} {output} --shards {input.shards} &> {log}"


checkpoint curate:
    input:
        **tracked(
            "curate",
            ["problems", "verified", "benchmarks", "tokenizer", "pass_rates"],
            curate_inputs,
            lambda w: curation_gates(w.curation)[:-1],
        ),
    output:
        "results/{scale}/data/{curation}/manifest.json",
    log:
        "results/{scale}/logs/curate/{curation}.log",
    benchmark:
        "results/{scale}/logs/curate/{curation}.tsv"
    threads: cpus("curate")
    resources:
        **needs("curate"),
    params:
        door=door("curate"),
        pass_rates=lambda w, input: (
            f"--pass-rates {input.pass_rates}" if input.pass_rates else ""
        ),
    shell:
        "{params.door} {output} --curation {wildcards.curation}"
        " --problems {input.problems} --verified {input.verified} --benchmarks {input.benchmarks}"
        " --tokenizer {input.tokenizer} {params.pass_rates} &> {log}"


checkpoint compare_curations:
    input:
        **tracked(
            "compare_curations",
            ["curations"],
            lambda w: {
                "curations": [curated_manifest(name) for name in CONFIG.curation_table]
            },
            lambda w: comparison_gates()[:-1],
        ),
    output:
        "results/{scale}/data/comparison/manifest.json",
    log:
        "results/{scale}/logs/compare_curations.log",
    benchmark:
        "results/{scale}/logs/compare_curations.tsv"
    threads: cpus("compare_curations")
    resources:
        **needs("compare_curations"),
    params:
        door=door("compare_curations"),
    shell:
        "{params.door} {output} --curations {input.curations} &> {log}"


checkpoint export_dataset:
    input:
        **tracked(
            "export_dataset",
            ["curated", "verified", "benchmarks"],
            dataset_inputs,
            lambda w: curation_gates(w.curation),
        ),
    output:
        "results/{scale}/data/{curation}/dataset.json",
    log:
        "results/{scale}/logs/export_dataset/{curation}.log",
    benchmark:
        "results/{scale}/logs/export_dataset/{curation}.tsv"
    threads: cpus("export_dataset")
    resources:
        **needs("export_dataset"),
    params:
        door=door("export_dataset"),
        tests=TESTS,
    shell:
        "{params.door} {output} --curation {wildcards.curation} --curated {input.curated} --verified {input.verified}"
        " --benchmarks {input.benchmarks} --tests-store {params.tests} &> {log}"
