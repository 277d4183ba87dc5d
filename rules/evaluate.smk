# (model x benchmark x context) -> samples -> verdicts -> scores. One engine start per model.


checkpoint sample:
    input:
        **tracked(
            "sample",
            ["model", "benchmarks"],
            sample_inputs,
            lambda w: evaluation_gates(w.subject),
            model=model_of,
            benchmark=list(CONFIG.report_benchmarks),
        ),
    output:
        expand(
            "results/{{scale}}/{{subject}}/eval/{benchmark}/samples.json",
            benchmark=CONFIG.report_benchmarks,
        ),
    log:
        "results/{scale}/logs/sample/{subject}.log",
    benchmark:
        "results/{scale}/logs/sample/{subject}.tsv"
    threads: cpus("sample")
    resources:
        **needs("sample"),
    params:
        door=door("sample"),
        model=model_of,
        benchmark=list(CONFIG.report_benchmarks),
        work=lambda w, input: f"{OUT}/work/samples",
    shell:
        "{params.door} {input.model} --model {params.model}"
        " --benchmark {params.benchmark} --problems {input.benchmarks} --output {output}"
        " --work {params.work} &> {log}"


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
            lambda w: graded_gates(w.subject, w.benchmark),
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
