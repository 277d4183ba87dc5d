# One line per artifact of the run.
from deepcoder.provenance.lockfile import collect, to_text


def lock_page(wildcards):
    ask(page_gates())
    return ancient(PAGE)


def lock_mark(wildcards):
    """The lock is stale when it does not say what the records say."""
    ask(page_gates())
    lock = Path(OUT, "provenance.lock")
    if not lock.exists() or lock.read_text() == to_text(collect(Path(OUT))):
        return FRESH
    return STALE


rule lock:
    input:
        page=lock_page,
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
        door=door("lock"),
        results=lambda w, input: OUT,
    shell:
        "{params.door} {params.results} {output} &> {log}"
