# What a run tells of itself, for whoever asks how far it is (scripts/status.py) on another host or after it.
from deepcoder.files import write_json
from deepcoder.plan.estimate import estimate_sampling

RUN_FILE = Path(OUT, "work/run.json")


def declare_run():
    """Write down what this process is to make; a dry run never comes here."""
    gates = {manifest: rule_name for rule_name, _, manifest in document_gates()}
    sampling = estimate_sampling(CONFIG)
    write_json(
        RUN_FILE,
        {
            "start": time.time(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "artifacts": {**gates, LOCK_FILE: "lock"},
            "stages": declared_stages(),
            "sampling_seconds": sum(
                item.wall_s for item in sampling if item.subject == sampling[0].subject
            ),
            "status": None,
        },
    )


def declared_stages():
    """Steps of each stage and what else its files do not say."""
    recipe, found = CONFIG.recipes[CONFIG.recipe], {}
    for name, stage in CONFIG.stages.items():
        prompts = recipe.batch.get(name, stage.batch).prompts
        found[f"{CONFIG.recipe}/{CONFIG.model}/{name}"] = {
            "steps": stage.steps,
            "seconds_per_step": stage.seconds_per_step,
            "samples": prompts * CONFIG.rollout.samples_per_prompt,
            "schedule": CONFIG.trainer.schedule,
        }
    return found


def note_end(status):
    """Write down how this run ended; of one that is killed nobody does."""
    write_json(
        RUN_FILE,
        {**json.loads(RUN_FILE.read_text()), "status": status, "end": time.time()},
    )
