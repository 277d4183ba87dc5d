# (model x benchmark x context) -> shards -> samples -> verdicts -> scores. One engine start per model and shard.


checkpoint sample:
    input:
        **tracked(
            "sample",
            ["model", "benchmarks"],
            sample_inputs,
            lambda w: evaluation_gates(w.subject),
            model=model_of,
            benchmark=list(CONFIG.report_benchmarks),
            context=own_context,
        ),
    output:
        f"results/{{scale}}/{{subject}}/eval/shards/{OWN_CONTEXT}{{shard}}/manifest.json",
    log:
        f"results/{{scale}}/logs/sample/{{subject}}/{OWN_CONTEXT}{{shard}}.log",
    benchmark:
        f"results/{{scale}}/logs/sample/{{subject}}/{OWN_CONTEXT}{{shard}}.tsv"
    threads: cpus("sample")
    resources:
        **needs("sample"),
    params:
        door=door("sample"),
        model=model_of,
        benchmark=list(CONFIG.report_benchmarks),
        context=own_context,
        work=lambda w, input: f"{OUT}/work/samples",
    shell:
        "{params.door} {input.model} {output} --model {params.model} --shard {wildcards.shard}"
        " --benchmark {params.benchmark} --problems {input.benchmarks}"
        " --context {params.context} --work {params.work} &> {log}"


checkpoint gather_samples:
    input:
        **tracked(
            "gather_samples",
            ["shards", "benchmarks"],
            gather_samples_inputs,
            lambda w: shard_gates(w.subject, w.get("context")),
            benchmark=list(CONFIG.report_benchmarks),
        ),
    output:
        [
            f"results/{{scale}}/{{subject}}/eval/{benchmark}/{OWN_CONTEXT}samples.json"
            for benchmark in CONFIG.report_benchmarks
        ],
    log:
        f"results/{{scale}}/logs/gather_samples/{{subject}}/{OWN_CONTEXT}samples.log",
    benchmark:
        f"results/{{scale}}/logs/gather_samples/{{subject}}/{OWN_CONTEXT}samples.tsv"
    threads: cpus("gather")
    resources:
        **needs("gather"),
    params:
        door=door("gather_samples", "gather"),
        benchmark=list(CONFIG.report_benchmarks),
        context=own_context,
    shell:
        "{params.door} --shards {input.shards} --benchmark {params.benchmark}"
        " --problems {input.benchmarks} --context {params.context} --output {output} &> {log}"


ruleorder: import_responses > sample


checkpoint import_responses:
    input:
        **tracked(
            "import_responses",
            ["file", "problems", "tokenizer"],
            import_inputs,
            lambda w: import_gates(w.responses, w.benchmark)[:-1],
        ),
    output:
        "results/{scale}/models/base/{responses}/eval/{benchmark}/samples.json",
    log:
        "results/{scale}/logs/import_responses/{responses}-{benchmark}.log",
    benchmark:
        "results/{scale}/logs/import_responses/{responses}-{benchmark}.tsv"
    threads: cpus("import_responses")
    resources:
        **needs("import_responses"),
    params:
        door=door("import_responses"),
        tokenizer=lambda w, input: (
            f"--tokenizer {input.tokenizer}" if input.tokenizer else ""
        ),
    shell:
        "{params.door} {input.file} {output} --responses {wildcards.responses}"
        " --benchmark {wildcards.benchmark} --problems {input.problems}"
        " {params.tokenizer} &> {log}"


checkpoint grade:
    input:
        **tracked(
            "grade",
            ["samples", "problems", "model"],
            grade_inputs,
            lambda w: sampled_gates(w.subject, w.benchmark, w.context),
            model=model_of,
        ),
    output:
        "results/{scale}/{subject}/eval/{benchmark}/{context}/verdicts.json",
    log:
        "results/{scale}/logs/grade/{subject}/{benchmark}-{context}.log",
    benchmark:
        "results/{scale}/logs/grade/{subject}/{benchmark}-{context}.tsv"
    threads: cpus("grade")
    resources:
        **needs("grade"),
    params:
        door=door("grade"),
        model=model_of,
        tests=TESTS,
        manifest=lambda w, input: (
            f"--model-manifest {input.model}" if input.model else ""
        ),
    shell:
        "{params.door} {input.samples} {output} --benchmark {wildcards.benchmark}"
        " --context {wildcards.context} --problems {input.problems} --tests-store {params.tests}"
        " --model {params.model} {params.manifest} &> {log}"


checkpoint score:
    input:
        **tracked(
            "score",
            ["verdicts", "problems", "standings"],
            score_inputs,
            lambda w: scored_from_gates(w.subject, w.benchmark, w.context),
            model=model_of,
        ),
    output:
        "results/{scale}/{subject}/eval/{benchmark}/{context}/scores.json",
    log:
        "results/{scale}/logs/score/{subject}/{benchmark}-{context}.log",
    benchmark:
        "results/{scale}/logs/score/{subject}/{benchmark}-{context}.tsv"
    threads: cpus("score")
    resources:
        **needs("score"),
    params:
        door=door("score"),
        standings=lambda w, input: (
            f"--standings {input.standings}" if input.standings else ""
        ),
    shell:
        "{params.door} {input.verdicts} {output} --benchmark {wildcards.benchmark}"
        " --context {wildcards.context} --problems {input.problems}"
        " {params.standings} &> {log}"
