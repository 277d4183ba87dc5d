# Tables, figures, the page and the paper; every cell points into a scores file. `report` is for snakemake --report.


checkpoint summarise:
    input:
        **tracked(
            "summarise",
            ["scores", "stages", "curation", "comparison", "published"],
            summary_inputs,
            lambda w: [*report_gates(), *comparison_gates()],
        ),
    output:
        report(
            expand("results/{{scale}}/report/{table}.csv", table=TABLE_NAMES),
            category="Tables",
        ),
    log:
        "results/{scale}/logs/summarise.log",
    benchmark:
        "results/{scale}/logs/summarise.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("summarise", "report"),
    shell:
        "{params.door} --scores {input.scores} --stages {input.stages} --curation {input.curation}"
        " --comparison {input.comparison} --published {input.published} --output {output} &> {log}"


checkpoint account:
    input:
        **tracked(
            "account", ["stages", "published"], account_inputs, lambda w: work_gates()
        ),
        work=accounted_work,
    output:
        report(
            expand("results/{{scale}}/report/{table}.csv", table=ACCOUNT_NAMES),
            category="Tables",
        ),
    log:
        "results/{scale}/logs/account.log",
    benchmark:
        "results/{scale}/logs/account.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("account", "report"),
        records=lambda w: account_inputs(w)["records"],
    shell:
        "{params.door} --records {params.records} --stages {input.stages} --published {input.published}"
        " --output {output} &> {log}"


checkpoint plot:
    input:
        **tracked(
            "plot",
            ["curves", "contexts", "funnel", "systems", "published"],
            plot_inputs,
            lambda w: table_gates(),
        ),
    output:
        svg=report(
            expand("results/{{scale}}/report/figures/{figure}.svg", figure=FIGURES),
            category="Figures",
        ),
        png=expand("results/{{scale}}/report/figures/{figure}.png", figure=FIGURES),
    log:
        "results/{scale}/logs/plot.log",
    benchmark:
        "results/{scale}/logs/plot.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("plot", "report"),
    shell:
        "{params.door} --curves {input.curves} --contexts {input.contexts} --funnel {input.funnel}"
        " --systems {input.systems} --published {input.published} --output {output.svg} {output.png} &> {log}"


checkpoint render_problems:
    input:
        **tracked(
            "render_problems",
            ["curated", "problems", "verified"],
            problems_page_inputs,
            lambda w: curation_gates(CONFIG.recipes[CONFIG.recipe].curation),
        ),
    output:
        report("results/{scale}/report/problems.html", category="Documents"),
    log:
        "results/{scale}/logs/render_problems.log",
    benchmark:
        "results/{scale}/logs/render_problems.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("render_problems", "report"),
        tests=TESTS,
    shell:
        "{params.door} {output} --curated {input.curated} --problems {input.problems} --verified {input.verified}"
        " --tests-store {params.tests} &> {log}"


checkpoint render:
    input:
        **tracked(
            "render",
            [
                "tables",
                "figures",
                "scores",
                "stages",
                "curation",
                "comparison",
                "dataset",
                "problems",
                "published",
            ],
            render_inputs,
            lambda w: figure_gates(),
            recipe=CONFIG.recipe,
        ),
    output:
        report("results/{scale}/report/index.html", category="Documents"),
    log:
        "results/{scale}/logs/render.log",
    benchmark:
        "results/{scale}/logs/render.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("render", "report"),
        recipe=CONFIG.recipe,
        requested=lambda w: render_inputs(w)["requested"],
    shell:
        "{params.door} {output} --recipe {params.recipe} --tables {input.tables} {params.requested}"
        " --figures {input.figures} --scores {input.scores} --stages {input.stages} --curation {input.curation}"
        " --comparison {input.comparison} --dataset {input.dataset} --problems {input.problems} --published {input.published} &> {log}"


checkpoint compare_models:
    input:
        **tracked(
            "compare_models", ["scores"], comparison_inputs, lambda w: report_gates()
        ),
    output:
        report("results/{scale}/report/comparisons.csv", category="Tables"),
    log:
        "results/{scale}/logs/compare_models.log",
    benchmark:
        "results/{scale}/logs/compare_models.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("compare_models", "report"),
    shell:
        "{params.door} {output} --scores {input.scores} &> {log}"


checkpoint typeset:
    input:
        **tracked(
            "typeset",
            [
                "template",
                "tables",
                "figures",
                "scores",
                "stages",
                "curation",
                "published",
            ],
            paper_inputs,
            lambda w: figure_gates(),
            recipe=CONFIG.recipe,
            model=CONFIG.model,
        ),
    output:
        paper=report("results/{scale}/paper.pdf", category="Documents"),
        values="results/{scale}/report/paper.json",
        tables=expand(
            "results/{{scale}}/report/tables/{table}.{kind}",
            table=PRINTED,
            kind=["md", "tex"],
        ),
    log:
        "results/{scale}/logs/typeset.log",
    benchmark:
        "results/{scale}/logs/typeset.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("typeset", "report"),
        recipe=CONFIG.recipe,
        model=CONFIG.model,
        requested=lambda w: paper_inputs(w)["requested"],
    shell:
        "{params.door} {output.paper} --values {output.values} --written {output.tables} --recipe {params.recipe}"
        " --model {params.model} --template {input.template} --tables {input.tables} {params.requested}"
        " --figures {input.figures} --scores {input.scores} --stages {input.stages} --curation {input.curation}"
        " --published {input.published} &> {log}"


checkpoint compare_recipes:
    input:
        **tracked(
            "compare_recipes", ["scores"], recipes_inputs, lambda w: recipes_gates()
        ),
    output:
        report("results/{scale}/report/recipes.csv", category="Tables"),
    log:
        "results/{scale}/logs/compare_recipes.log",
    benchmark:
        "results/{scale}/logs/compare_recipes.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("compare_recipes", "report"),
    shell:
        "{params.door} {output} --scores {input.scores} &> {log}"


checkpoint export_release:
    input:
        **tracked(
            "export_release",
            ["exported", "tables", "scores", "stages", "curation", "published"],
            release_inputs,
            lambda w: table_gates(),
            recipe=CONFIG.recipe,
            model=CONFIG.model,
        ),
    output:
        "results/{scale}/release/model.json",
    log:
        "results/{scale}/logs/export_release.log",
    benchmark:
        "results/{scale}/logs/export_release.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("export_release", "report"),
        recipe=CONFIG.recipe,
        model=CONFIG.model,
    shell:
        "{params.door} {output} --recipe {params.recipe} --model {params.model} --exported {input.exported}"
        " --tables {input.tables} --scores {input.scores} --stages {input.stages} --curation {input.curation}"
        " --published {input.published} &> {log}"
