"""The RO-Crate of a run: the validator of its profile accepts it, and nothing private or large goes with it.

The validator runs as it is, offline, on its own cache of JSON-LD contexts. Those two contexts are restated in
contexts.json for the terms that are used, since no test may fetch them; the validator refuses any other term.
"""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rocrate import vocabs

from deepcoder.files import sha256_file, write_json, write_text
from deepcoder.manifest import write_manifest
from deepcoder.provenance.crate import LARGEST_BYTES, export
from deepcoder.provenance.identity import Identity, environment_lock, module_digests
from deepcoder.provenance.lockfile import collect, to_text
from deepcoder.provenance.record import Recorder

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
VALIDATOR = Path(sys.prefix, "validator/bin")
RESULTS = Path("results/smoke")
CONFIG = {"seed": 0, "judge": {"time_limit_s": 4.0, "isolation": None}, "stages.16k": {"steps": 10, "start": "base"}}


def job(
    door: str,
    output: Path,
    inputs: list[Path],
    write: Callable[[], object],
    *,
    config: Mapping[str, Any] = CONFIG,
    command: tuple[str, ...] = (),
    error: str | None = None,
) -> None:
    script = ROOT / "scripts" / door
    arguments = {"out": str(output), "problems": [str(path) for path in inputs], "recipe": "strict", "window": None}
    recorder = Recorder(script, args=arguments, inputs=inputs, outputs=[output], command=[door, str(output), *command])
    recorder.start(config, Identity(config, module_digests(script), environment_lock(ROOT, "cpu")))
    if error is not None:
        recorder.failed(error)
        return
    write()
    recorder.finish()


def lock() -> None:
    path = RESULTS / "provenance.lock"
    job("lock.py", path, [RESULTS], lambda: write_text(path, to_text(collect(RESULTS))))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """fetch -> train_stage -> score, with real scripts, a large payload, a failed job and the lock."""
    monkeypatch.chdir(tmp_path)
    raw, model, scores = RESULTS / "data/raw/easy==1/manifest.json", RESULTS / "model/manifest.json", RESULTS / "s.json"
    published = Path("config/published/main.csv")
    write_text(published, "benchmark,value\n")

    def write_model() -> None:
        write_text(model.parent / "weights", "w" * (LARGEST_BYTES + 1))
        write_manifest(model, "checkpoint", [model.parent / "weights"])

    job("fetch.py", raw, [], lambda: write_manifest(raw, "raw"))
    job("train_stage.py", model, [raw], write_model)
    job("score.py", scores, [model, published], lambda: write_json(scores, {"value": 0.75}))
    job("grade.py", RESULTS / "v.json", [model], lambda: None, error="the sandbox is gone")
    lock()
    return RESULTS


@pytest.fixture
def crate(run: Path) -> Path:
    export(run, Path("crate"), ROOT)
    return Path("crate")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The validator's HTTP cache with the two contexts in it."""
    path = tmp_path_factory.mktemp("contexts") / "cache"
    command = [VALIDATOR / "python", HERE / "warm_contexts.py", HERE / "contexts.json", path]
    subprocess.run(command, check=True)
    return path


def validate(crate: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    words = ["--disable-color", "-y", "validate", crate, "--profile-identifier", "provenance-run-crate"]
    words += ["--requirement-severity", "required", "--offline", "--cache-path", cache, "--no-paging", "--verbose"]
    return subprocess.run([VALIDATOR / "rocrate-validator", *words], capture_output=True, text=True, check=False)


def metadata(crate: Path) -> dict[str, Any]:
    return {entity["@id"]: entity for entity in json.loads((crate / "ro-crate-metadata.json").read_text())["@graph"]}


def rewrite(crate: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = crate / "ro-crate-metadata.json"
    value = json.loads(path.read_text())
    for entity in value["@graph"]:
        change(entity)
    path.write_text(json.dumps(value))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in which one script is not what has run."""
    folder = tmp_path / "checkout"
    for name in ("scripts", "rules", "envs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "CITATION.cff"):
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "scripts/score.py").write_text("print('other')\n")
    return folder


def test_the_validator_of_the_profile_accepts_the_crate_of_a_run(run: Path, checkout: Path, cache: Path) -> None:
    done = export(run, Path("crate.zip"), checkout)
    assert done.left_out == {"scripts/score.py": "not what the record says it was"}
    said = validate(Path("crate.zip"), cache)
    assert said.returncode == 0, said.stdout
    assert "RO-Crate is a valid provenance-run-crate" in said.stdout


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda e: e["@id"] == "#job/results/smoke/s.json" and e.pop("instrument"), "MUST have an instrument"),
        (lambda e: e["@type"] == "HowToStep" and e.update(colour="red"), "colour"),
    ],
)
def test_the_validator_refuses_a_broken_crate(
    crate: Path, cache: Path, change: Callable[[dict[str, Any]], object], named: str
) -> None:
    rewrite(crate, change)
    done = validate(crate, cache)
    assert done.returncode == 1, done.stdout
    assert named in " ".join(done.stdout.split())


def test_the_contexts_of_the_test_say_what_the_librarys_own_says() -> None:
    terms = json.loads((HERE / "contexts.json").read_text())["https://w3id.org/ro/crate/1.1/context"]
    later = vocabs.RO_CRATE["@context"]
    # Bioschemas moved its terms after RO-Crate 1.1, for which the profile's shapes are written.
    moved = {"ComputationalWorkflow", "FormalParameter", "input", "output"}
    assert {term for term, uri in terms.items() if later.get(term) != uri} == moved


def test_every_job_has_its_inputs_outputs_parameters_and_times(crate: Path) -> None:
    graph = metadata(crate)
    action = graph["#job/results/smoke/model/manifest.json"]
    assert action["instrument"] == {"@id": "scripts/train_stage.py"}
    assert {"@id": "results/smoke/data/raw/easy%3D%3D1/manifest.json"} in action["object"]
    assert {"@id": "results/smoke/model/manifest.json"} in action["result"]
    assert action["startTime"] <= action["endTime"] <= graph["#run"]["endTime"]
    values = {graph[item["@id"]]["name"]: graph[item["@id"]].get("value") for item in action["object"]}
    assert graph["#run"]["object"] == {"@id": "config/published/main.csv"}
    assert values["stages.16k.steps"] == 10
    assert values["judge.time_limit_s"] == 4.0
    assert values["recipe"] == "strict"
    assert "judge.isolation" not in values
    steps = {entity["name"]: int(entity["position"]) for entity in graph.values() if entity["@type"] == "HowToStep"}
    assert steps == {"fetch": 1, "train_stage": 2, "grade": 3, "score": 4, "lock": 5}


def test_records_go_with_it_without_what_only_their_machine_can_use(crate: Path) -> None:
    whole = json.loads((RESULTS / "s.record.json").read_text())
    assert json.loads((crate / "results/smoke/s.record.json").read_text()) == {
        name: value for name, value in whole.items() if name not in {"host", "stats"}
    }


def test_a_given_file_that_has_changed_since_is_left_out(run: Path) -> None:
    write_text(Path("config/published/main.csv"), "benchmark,value\neasy,1\n")
    done = export(run, Path("crate"), ROOT)
    assert done.left_out == {"config/published/main.csv": "has changed since a job read it"}
    assert "sha256" in metadata(Path("crate"))["#config/published/main.csv"]


def test_a_failed_job_is_in_it_as_failed(crate: Path) -> None:
    graph = metadata(crate)
    (failed,) = [entity for name, entity in graph.items() if name.startswith("#job/failed/")]
    assert failed["actionStatus"].endswith("FailedActionStatus")
    assert failed["error"] == "the sandbox is gone"
    assert failed["instrument"] == {"@id": "scripts/grade.py"}
    assert graph["#run"]["actionStatus"].endswith("FailedActionStatus")


def test_large_payload_is_known_by_hash_and_not_embedded(crate: Path) -> None:
    weights = metadata(crate)["#results/smoke/model/weights"]
    assert weights["sha256"] == sha256_file(RESULTS / "model/weights")
    assert weights["contentSize"] == str(LARGEST_BYTES + 1)
    assert not list(crate.rglob("weights"))
    assert (crate / "results/smoke/model/manifest.json").read_bytes() == (RESULTS / "model/manifest.json").read_bytes()


def test_the_same_run_makes_the_same_bytes(run: Path) -> None:
    for name in ("one.zip", "two.zip"):
        export(run, Path(name), ROOT)
    assert Path("one.zip").read_bytes() == Path("two.zip").read_bytes()


def test_the_copy_of_the_code_that_has_run_is_preferred_to_an_edited_checkout(run: Path, checkout: Path) -> None:
    (checkout / "scripts/deepcoder").rename(checkout / "deepcoder")
    frozen = run.parent / "code/0123456789abcdef"
    shutil.copytree(checkout, frozen)
    shutil.copyfile(ROOT / "scripts/score.py", frozen / "scripts/score.py")
    done = export(run, Path("crate"), checkout)
    assert done.left_out == {}
    assert Path("crate/scripts/score.py").read_bytes() == (ROOT / "scripts/score.py").read_bytes()


def test_a_lock_that_is_older_than_the_records_is_left_out(run: Path) -> None:
    job("verify.py", RESULTS / "more.json", [], lambda: write_json(RESULTS / "more.json", {}))
    assert "differs from the records" in export(run, Path("crate"), ROOT).left_out["results/smoke/provenance.lock"]
    assert not Path("crate/results/smoke/provenance.lock").exists()


def damage(run: Path) -> None:
    write_json(run / "s.json", {"value": 1.0})


@pytest.mark.parametrize(
    ("prepare", "named"),
    [
        (shutil.rmtree, "results/smoke: no such folder"),
        (lambda run: [path.unlink() for path in run.rglob("*.record.json")], "no records below it"),
        (damage, "s.json: is not what its record says"),
        (lambda run: (run / "s.json").unlink(), "s.json is gone"),
        (lambda run: (run / "s.record.json").write_text("{"), "s.record.json: not valid JSON"),
        (lambda run: write_text(Path("crate.zip"), "mine"), "crate.zip: exists"),
    ],
)
def test_what_cannot_be_exported_is_one_error_and_nothing_is_written(
    run: Path, prepare: Callable[[Path], object], named: str
) -> None:
    prepare(run)
    before = sorted(Path().glob("*"))
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/crate.py", run, "crate.zip"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert named in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(Path().glob("*")) == before


HUB, PASSWORD, KEY = "hf_" + "AbCdEfGh12345678", "hunter2-hunter2", "0123abcd" * 5
HOME, LOGIN, USER, HOST = "/home/alice/deepcoder", "alice:sesame@hub.example", "malory", "node-17.cluster"
PRIVATE = (HUB, PASSWORD, KEY, HOME, LOGIN, USER, HOST, "alice")


def test_secrets_home_paths_users_and_hosts_never_leave(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: HOST)
    overrides = {"hub__token": HUB, "hub__url": f"https://{LOGIN}/x"}
    for name, value in {"HF_TOKEN": HUB, "LOGNAME": USER, "DEEPCODER_OVERRIDES": json.dumps(overrides)}.items():
        monkeypatch.setenv(name, value)
    config = {"hub": {"password": PASSWORD, "cache": f"{HOME}/cache"}, "wandb": {"api_key": KEY, "key": [KEY]}}
    words = ("--token", PASSWORD, f"--work={HOME}/work", f"hub.url=https://{LOGIN}/x", f"WANDB_API_KEY={KEY}", HUB)
    fact, log, note = RESULTS / "fact.json", RESULTS / "log.csv", RESULTS / "note.json"
    outside = Path.cwd() / "home/alice/deepcoder/x.json"
    write_json(outside, {})
    job("verify.py", fact, [outside], lambda: write_manifest(fact, "x", [], {"at": HOME}), config=config, command=words)
    job("plot.py", log, [], lambda: write_text(log, f"step,text\n1,token={PASSWORD}\n2,{HUB}\n"))
    job("render.py", note, [], lambda: write_json(note, {"by": f"{USER} on {HOST}"}))
    job("grade.py", RESULTS / "w.json", [], lambda: None, error=f"{HOME}/x: no access with password: {PASSWORD}")
    lock()
    done = export(run, Path("crate.zip"), ROOT)
    assert done.left_out.pop(str(outside)) == "lies elsewhere"
    reason = "has a secret, an absolute path or a name of this machine in it"
    assert done.left_out == dict.fromkeys(map(str, (fact, log, note, RESULTS / "provenance.lock")), reason)
    with zipfile.ZipFile("crate.zip") as archive:
        content = {name: archive.read(name).decode() for name in archive.namelist()}
        archive.extract("ro-crate-metadata.json")
    assert [(name, text) for name in content for text in PRIVATE if text in name or text in content[name]] == []
    assert metadata(Path())[f"#{fact}"]["sha256"] == sha256_file(fact)
