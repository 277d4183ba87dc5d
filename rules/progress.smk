# What a run tells of itself, for whoever asks how far it is (scripts/status.py) on another host or after it.
from deepcoder.files import write_json
from deepcoder.plan.estimate import estimate_sampling

RUN_FILE = Path(OUT, "work/run.json")


def declare_run():
    """Write down what this process is to make; a dry run never comes here."""
    sampling = estimate_sampling(CONFIG)
    write_json(
        RUN_FILE,
        {
            "start": time.time(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "artifacts": declared_artifacts(),
            "stages": declared_stages(),
            "sampling_seconds": sum(
                item.wall_s for item in sampling if item.subject == sampling[0].subject
            ),
            "status": None,
        },
    )


def asked():
    """Whether this run makes the documents, and whether it compares the recipes."""
    targets = set(workflow.dag_settings.targets or ["all"])
    return bool(targets - {"recipes"}), "recipes" in targets


def declared_artifacts():
    """Manifests with the rules that make them."""
    documents, recipes = asked()
    gates = [
        *(document_gates() if documents else []),
        *(recipes_table_gates() if recipes else []),
    ]
    found = {manifest: rule_name for rule_name, _, manifest in gates}
    return {**found, LOCK_FILE: "lock"} if documents else found


def declared_stages():
    """Steps of each stage and what else its files do not say."""
    documents, recipes = asked()
    names = [CONFIG.recipe] if documents else []
    names += CONFIG.recipe_table if recipes else []
    return {
        f"{recipe}/{CONFIG.model}/{name}": declared_stage(recipe, name)
        for recipe in dict.fromkeys(names)
        for name in CONFIG.stages
    }


def declared_stage(recipe, name):
    stage = CONFIG.stages[name]
    prompts = CONFIG.recipes[recipe].batch.get(name, stage.batch).prompts
    return {
        "steps": stage.steps,
        "seconds_per_step": stage.seconds_per_step,
        "samples": prompts * CONFIG.rollout.samples_per_prompt,
        "schedule": CONFIG.trainer.schedule,
    }


def note_end(status):
    """Write down how this run ended; of one that is killed nobody does."""
    write_json(
        RUN_FILE,
        {**json.loads(RUN_FILE.read_text()), "status": status, "end": time.time()},
    )
