# One line per artifact of the run.


rule lock:
    input:
        documents=lock_documents,
        mark=lock_mark,
    output:
        "results/{scale}/provenance.lock",
    log:
        "results/{scale}/logs/lock.log",
    benchmark:
        "results/{scale}/logs/lock.tsv"
    threads: cpus("report")
    resources:
        **needs("report"),
    params:
        door=door("lock", "report"),
        results=lambda w, input: OUT,
    shell:
        "{params.door} {params.results} {output} &> {log}"
