# Tables, figures and the page; every cell points into a scores file.
TABLES = ["benchmarks", "contexts", "funnel", "curves"]
FIGURES = ["reward", "response_length", "validation", "contexts", "funnel"]
PUBLISHED = sorted(str(path) for path in Path("config/published").glob("*.csv"))
REPORT = [
    *(f"{OUT}/report/{name}.csv" for name in TABLES),
    *(f"{OUT}/report/figures/{name}.svg" for name in FIGURES),
    f"{OUT}/report/index.html",
]


rule summarise:
    input:
        **gated_by_name(["scores", "stages", "curation"], report_inputs, report_gates),
        published=PUBLISHED,
    output:
        expand("results/{{scale}}/report/{table}.csv", table=TABLES),
    log:
        "results/{scale}/logs/summarise.log",
    benchmark:
        "results/{scale}/logs/summarise.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("summarise"),
        identity=identity("summarise"),
    shell:
        "{params.door} --scores {input.scores} --stages {input.stages} --curation {input.curation}"
        " --published {input.published} --output {output} &> {log}"


rule plot:
    input:
        curves="results/{scale}/report/curves.csv",
        contexts="results/{scale}/report/contexts.csv",
        funnel="results/{scale}/report/funnel.csv",
        published=PUBLISHED,
    output:
        svg=expand("results/{{scale}}/report/figures/{figure}.svg", figure=FIGURES),
        png=expand("results/{{scale}}/report/figures/{figure}.png", figure=FIGURES),
    log:
        "results/{scale}/logs/plot.log",
    benchmark:
        "results/{scale}/logs/plot.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("plot"),
        identity=identity("plot"),
    shell:
        "{params.door} --curves {input.curves} --contexts {input.contexts} --funnel {input.funnel}"
        " --published {input.published} --output {output.svg} {output.png} &> {log}"


rule render:
    input:
        **gated_by_name(["scores", "stages", "curation"], report_inputs, report_gates),
        tables=expand("results/{{scale}}/report/{table}.csv", table=TABLES),
        figures=expand("results/{{scale}}/report/figures/{figure}.svg", figure=FIGURES),
        published=PUBLISHED,
    output:
        "results/{scale}/report/index.html",
    log:
        "results/{scale}/logs/render.log",
    benchmark:
        "results/{scale}/logs/render.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("render"),
        identity=identity("render"),
    shell:
        "{params.door} {output} --tables {input.tables} --figures {input.figures} --scores {input.scores}"
        " --stages {input.stages} --curation {input.curation} --published {input.published} &> {log}"


rule compare_recipes:
    input:
        **gated_by_name(["scores"], recipes_inputs, recipes_gates),
    output:
        "results/{scale}/report/recipes.csv",
    log:
        "results/{scale}/logs/compare_recipes.log",
    benchmark:
        "results/{scale}/logs/compare_recipes.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("compare_recipes"),
        identity=identity("compare_recipes"),
    shell:
        "{params.door} {output} --scores {input.scores} &> {log}"
