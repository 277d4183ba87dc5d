# What reruns. Snakemake is told by one file among a job's inputs: an old one where the records say that its outputs
# are what they should be, a new one where they are stale. No other time counts, and none of Snakemake's own triggers.
from snakemake.iocontainers import Wildcards

from deepcoder.files import sha256_json, write_text
from deepcoder.plan.cost import gpu_hours_of
from deepcoder.provenance.hashes import Hashes
from deepcoder.provenance.identity import Identity, declared, module_digests
from deepcoder.provenance.lockfile import is_current
from deepcoder.provenance.record import record_path
from deepcoder.provenance.staleness import stale_because, state_of

FRESH, STALE = f"{OUT}/.fresh", f"{OUT}/.stale"
LOCK_FILE = f"{OUT}/provenance.lock"
HASHES = Hashes(Path(OUT, ".hashes.json"))
WHY = os.getenv("DEEPCODER_WHY")  # file for the reasons, a line of JSON each
CONSENT = os.getenv("RERUN") == "yes"

if workflow.is_main_process:
    # Whether an output is whole is known by its record, which is written last.
    for unfinished in Path(".snakemake/incomplete").glob("*"):
        unfinished.unlink(missing_ok=True)
    try:
        for mark in (FRESH, STALE):
            # New text each time: Snakemake compares the checksum with that of the last run.
            write_text(Path(mark), f"{os.getpid()} {time.time_ns()}\n")
    except UserError as error:
        sys.exit(f"error: {error}")
    os.utime(FRESH, (0, 0))
    atexit.register(HASHES.save)


@functools.cache
def science_of(keys):
    """Values of some configuration keys, settings of how a job runs left out."""
    return subset(CONFIG, keys, identity=True)


@functools.cache
def code_of(script, loaded):
    """Digest of each module of a door, with those that it loads by name."""
    return module_digests(script, loaded)


def identity_of(door, words):
    """What the outputs of a door depend on beside its inputs."""
    script = Path(CODE, "scripts", f"{door}.py")
    return Identity(
        config=science_of(tuple(fill_keys(declared(script, "READS"), words))),
        code=code_of(script, tuple(fill_keys(declared(script, "LOADS"), words))),
        environment=LOCK,
        command=command_of(door),
    )


def digest_of(door, wildcards, inputs):
    """Digest of all that a job's outputs are made from, by which a later run knows the job that makes them."""
    _, words = _tracked[door]
    identity = identity_of(door, known_words(wildcards, words))
    files = [Path(path) for path in inputs if path not in (FRESH, STALE)]
    hashes = HASHES.of_all(path for path in files if path.exists())
    return sha256_json([vars(identity), hashes])[:16]


def known_words(wildcards, words):
    """Wildcards of a job, and what else its rule fills into configuration keys."""
    values = {
        name: value(wildcards) if callable(value) else value
        for name, value in words.items()
    }
    return {**dict(wildcards.items()), **values}


_marked = {}  # first output -> state of the inputs, and the mark
_to_run = set()  # outputs of the jobs that this run makes
_settled = set()  # manifests that are what the records say, and stay so in this run
_tracked = {}  # door -> its function of the inputs, and its words


def outputs_of(door, wildcards):
    expanded, _ = workflow.get_rule(door).expand_output(dict(wildcards.items()))
    return [Path(path) for path in expanded]


def mark_of(door, wildcards, inputs, words):
    """FRESH or STALE for one job; ends the run where an output was tampered with, or much would be paid unasked."""
    outputs = outputs_of(door, wildcards)
    if str(outputs[0]) in _settled:
        return FRESH
    known, mark = _marked.get(outputs[0], (None, None))
    # What this run makes is decided once: while a job is at work its output may be there and its record not yet.
    if mark == STALE or known == "missing":
        return mark
    if missing := [str(path) for path in outputs if not existed(path)]:
        reasons = [f"{path} is missing" for path in missing]
        tell(door, outputs, inputs, reasons, known_words(wildcards, words))
        # Snakemake sees for itself that it must be made, but not of an output that nobody asks for.
        alone = len(missing) < len(outputs)
        _marked[outputs[0]] = "missing", STALE if alone else FRESH
        _to_run.update(map(str, outputs))
    elif (state := state_of(inputs)) != known:
        reasons = reasons_of(door, wildcards, outputs, inputs, words)
        _marked[outputs[0]] = state, STALE if reasons else FRESH
        if reasons:
            _to_run.update(map(str, outputs))
    return _marked[outputs[0]][1]


def settled(door, words):
    """Whether a job's outputs are there and made from what its inputs are now."""
    wildcards = Wildcards(fromdict={"scale": CONFIG.scale, **words})
    inputs, own_words = _tracked[door]
    outputs, paths = outputs_of(door, wildcards), paths_of(inputs(wildcards))
    if not all(
        path.exists() for path in [*outputs, *map(record_path, outputs), *paths]
    ):
        return False
    identity = identity_of(door, known_words(wildcards, own_words))
    return not reasons_to_rerun(outputs, paths, identity)


def reasons_to_rerun(outputs, inputs, identity):
    """See stale_because; a file that somebody wrote to ends the run."""
    try:
        return stale_because(outputs, inputs, identity, HASHES)
    except UserError as error:
        sys.exit(f"error: {error}")


def reasons_of(door, wildcards, outputs, inputs, words):
    """Why a job's outputs are stale; told to whoever asked."""
    known = known_words(wildcards, words)
    reasons = reasons_to_rerun(outputs, inputs, identity_of(door, known))
    if reasons:
        hours = tell(door, outputs, inputs, reasons, known)
        if hours and not CONSENT and not WHY and not workflow.dryrun:
            sys.exit(
                f"error: {outputs[0]} would be made again for about {hours:,.0f} GPU-hours, because of "
                f"{'; '.join(reasons)}. Look with make why; then say RERUN=yes snakemake ..., or let the old result "
                f"stand with scripts/accept.py {outputs[0]} --reason ..."
            )
    return reasons


def tell(door, outputs, inputs, reasons, known):
    """Write down a stale or missing job where somebody asked; gives its GPU-hours (0 beyond the main process)."""
    if not workflow.is_main_process:
        return 0.0
    hours = gpu_hours_of(CONFIG, door, known)
    if WHY:
        told = {
            "rule": door,
            "outputs": [str(path) for path in outputs],
            "inputs": [str(path) for path in inputs],
            "reasons": reasons,
            "gpu_hours": hours,
            "identity": vars(identity_of(door, known)),
        }
        with open(WHY, "a", encoding="utf-8") as handle:
            handle.write(json.dumps(told) + "\n")
    return hours


def as_paths(value):
    return [value] if isinstance(value, str) else list(value)


def paths_of(inputs):
    return [Path(path) for value in inputs.values() for path in as_paths(value)]


def tracked(door, names, inputs, gates, **words):
    """Inputs of a rule by name, each behind the gates above it, and the mark that says whether the job is stale.

    `inputs` gives paths by name for wildcards; `words` are what the rule fills into keys beside its wildcards.
    """
    passed = set()

    @functools.cache
    def paths_by_name(values):
        return inputs(Wildcards(fromdict=dict(values)))

    def given(wildcards):
        return paths_by_name(tuple(sorted(wildcards.items())))

    def behind_gates(value):
        def function(wildcards):
            job = tuple(sorted(wildcards.items()))
            if job not in passed:
                made = all(map(existed, outputs_of(door, wildcards)))
                ask(gates(wildcards), made)
                passed.add(job)
            return value(wildcards)

        return function

    def named(name):
        return behind_gates(
            lambda w: [ancient(path) for path in as_paths(given(w)[name])]
        )

    def mark(wildcards):
        return mark_of(door, wildcards, paths_of(given(wildcards)), words)

    _tracked[door] = given, words
    return {name: named(name) for name in names} | {"mark": behind_gates(mark)}


def accounted_work(wildcards):
    """All that jobs have made whose records an account reads, so that it waits for them."""
    ask(work_gates(), all(map(existed, ACCOUNTS)))
    return [ancient(path) for path in manifests(work_gates())]


def lock_documents(wildcards):
    ask(document_gates(), existed(LOCK_FILE))
    return [ancient(PAGE), ancient(PAPER), ancient(COMPARISONS)]


def lock_mark(wildcards):
    """The lock is stale when it does not say what the records say; a missing one Snakemake sees for itself."""
    lock_documents(wildcards)
    return FRESH if not existed(LOCK_FILE) or is_current(Path(OUT)) else STALE
