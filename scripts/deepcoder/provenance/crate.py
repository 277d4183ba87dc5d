"""Export a run as a Provenance Run RO-Crate that may be published: no large file, no secret, no path of a machine."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from deepcoder.errors import UserError
from deepcoder.files import atomic_path, read_json, sha256_file, write_json, write_text
from deepcoder.manifest import read_manifest
from deepcoder.provenance.checks import compare_locks
from deepcoder.provenance.crate_graph import README, WORKFLOW, describe
from deepcoder.provenance.identity import environment_lock, syntax_digest
from deepcoder.provenance.lockfile import LOCK, collect, read_lock
from deepcoder.provenance.private import Private
from deepcoder.provenance.record import RECORD, payload_of, record_path
from deepcoder.provenance.why import jobs_below

# Only text can be searched for what is private, so nothing else is embedded: no table of samples, no weights.
TEXT = {".json", ".csv", ".svg", ".html", ".lock", ".md", ".tex", ".typ"}
# The page of a run with all its figures has half a megabyte; a crate should fit into a mail or a paper's supplement.
LARGEST_BYTES = 2 << 20
# Of a record: what says more of the machine than of the result.
OF_THE_MACHINE = {"host", "stats"}
NEEDED = {"door", "command", "arguments", "start", "end"}
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in a zip, so that the same run makes the same bytes


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        left_out: path -> why it is known by its hash alone.
    """

    jobs: int
    entities: int
    embedded: int
    left_out: Mapping[str, str]


def export(results: Path, target: Path, checkout: Path) -> Exported:
    """Write the crate of a scale as a zip or, where `target` has no such suffix, as a folder.

    Embedded bytes are compared with their records; what stays outside is taken from records and manifests as it is
    (`make audit` hashes that).

    Args:
        results: folder of one scale, as its records name it.
        checkout: where Snakefile, rules, scripts and locks are; a frozen copy beside `results` that fits is preferred.

    Raises:
        UserError: `results` has no records or damaged ones, an artifact is not what its record says, or `target`
            exists; nothing is written then.
    """
    if target.exists():
        raise UserError(f"{target}: exists; move it away or name another file")
    jobs, failures = recorded(results)
    code = code_of([*jobs, *failures], [checkout, *sorted(results.parent.glob("code/*"))])
    public = "".join(path.read_text(encoding="utf-8") for path in [code / WORKFLOW, *(code / "rules").glob("*.smk")])
    private = Private((job["host"]["name"] for job in [*jobs, *failures] if "host" in job), public)
    with TemporaryDirectory() as folder:
        collected = Collected(private, Path(folder))
        collected.results(results, jobs)
        collected.code(code, [*jobs, *failures])
        collected.readme(results.name)
        payload = {item["path"]: listed(Path(item["path"])) for job in jobs for item in job["outputs"]}
        citation = yaml.safe_load((checkout / "CITATION.cff").read_text(encoding="utf-8"))
        crate = describe(
            collected.files,
            [private.clean(of_the_result(job)) for job in [*jobs, *failures]],
            private.clean(payload),
            title=f"{citation['title']}: {results.name}",
            agent=", ".join(author["name"] for author in citation["authors"]),
            licence=citation["license"],
        )
        made = Path(folder, "crate")
        crate.write(made)
        _refuse_what_is_private(made, private)
        _publish(made, target)
    entities = len(list(crate.get_entities()))
    return Exported(len(jobs) + len(failures), entities, len(collected.files), collected.left_out)


def recorded(results: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records of a scale's jobs, the lock's included, and those of jobs that have failed.

    Raises:
        UserError: no folder, no record, a damaged record, or one whose output is gone.
    """
    if not results.is_dir():
        raise UserError(f"{results}: no such folder; give that of one scale, as results/smoke")
    if not collect(results):
        raise UserError(f"{results}: no records below it; give the folder of one scale, as results/smoke")
    lock = record_path(results / LOCK)
    jobs = [*jobs_below(results), *([read_json(lock)] if lock.exists() else [])]
    failures = [read_json(path) for path in sorted(results.rglob("*.failed.json"))]
    for job in [*jobs, *failures]:
        if missing := NEEDED - set(job):
            name = job["outputs"][0]["path"] if "outputs" in job else "a failed job"
            raise UserError(f"{results}: the record of {name} has no {', '.join(sorted(missing))}; run its rule again")
        # A job that has read records read what is left out of their copies here.
        job["inputs"] = [item for item in job.get("inputs", []) if not item["path"].endswith(RECORD)]
    return jobs, failures


def code_of(jobs: list[dict[str, Any]], candidates: list[Path]) -> Path:
    """The first folder all of whose scripts are what the records say; else the first of all."""
    digests = {(job["door"], job.get("identity", {}).get("code", {}).get(job["door"])) for job in jobs}
    fitting = (code for code in candidates if all(is_script(code, door, digest) for door, digest in digests))
    return next(fitting, candidates[0])


def is_script(code: Path, door: str, digest: str | None) -> bool:
    """Whether a folder has the script that a job has run."""
    path = code / "scripts" / door
    return path.exists() and syntax_digest(path.resolve()) == digest


def of_the_result(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record without the parts that only its machine can use."""
    return {name: value for name, value in record.items() if name not in OF_THE_MACHINE}


def listed(output: Path) -> Mapping[str, Mapping[str, Any]]:
    """Payload of a manifest: path -> {"sha256", "bytes"}; none for another output."""
    if not payload_of(output):
        return {}
    return {str(output.parent / name): entry for name, entry in read_manifest(output).files.items()}


class Collected:
    """The files that go into a crate, by their paths in it, and why others do not."""

    def __init__(self, private: Private, folder: Path) -> None:
        self.private, self.folder = private, folder
        self.files: dict[str, Path] = {}
        self.left_out: dict[str, str] = {}

    def results(self, results: Path, jobs: list[dict[str, Any]]) -> None:
        """Artifacts that are small text, and all records, these without what is private."""
        for job in jobs:
            for item in job["outputs"]:
                self._artifact(Path(item["path"]), item)
                record = str(record_path(Path(item["path"])))
                if not self.private.found(record):
                    self.files[record] = self.folder / f"{len(self.files)}.json"
                    write_json(self.files[record], self.private.clean(of_the_result(job)))
        made = {item["path"] for job in jobs for item in job["outputs"]}
        given = {item["path"]: item for job in jobs for item in job["inputs"] if "sha256" in item}
        for path in sorted(given.keys() - made):
            self._given(Path(path), given[path])
        lock = results / LOCK
        if lock.exists() and compare_locks(collect(results), read_lock(lock)):
            self.files.pop(str(lock), None)
            self.left_out[str(lock)] = "differs from the records; snakemake all writes it anew"

    def _given(self, path: Path, item: Mapping[str, Any]) -> None:
        if path.is_absolute() or ".." in path.parts:
            self.left_out[str(path)] = "lies elsewhere"
        elif not path.exists() or sha256_file(path) != item["sha256"]:
            self.left_out[str(path)] = "has changed since a job read it"
        else:
            self._artifact(path, item)

    def _artifact(self, path: Path, item: Mapping[str, Any]) -> None:
        if path.suffix not in TEXT:
            self.left_out[str(path)] = "not text"
        elif item["bytes"] > LARGEST_BYTES:
            self.left_out[str(path)] = f"{item['bytes']:,} bytes"
        elif sha256_file(path) != item["sha256"]:
            raise UserError(f"{path}: is not what its record says; make audit lists all such files")
        else:
            self._unless_private(str(path), path)

    def code(self, code: Path, jobs: list[dict[str, Any]]) -> None:
        """The workflow, the scripts that have run, and the locks of the environment they ran in."""
        self.files[WORKFLOW] = code / WORKFLOW
        locks = {job["environment"]["lock"] for job in jobs if "environment" in job}
        names = [f"rules/{path.name}" for path in sorted((code / "rules").glob("*.smk"))]
        for environment in ("cpu", "cuda"):
            if environment_lock(code, environment) in locks:
                names += [f"envs/{path.name}" for path in sorted((code / "envs").glob(f"*{environment}.lock"))]
        for job in jobs:
            name = f"scripts/{job['door']}"
            if is_script(code, job["door"], job.get("identity", {}).get("code", {}).get(job["door"])):
                names.append(name)
            else:
                self.left_out[name] = "not what the record says it was"
        for name in dict.fromkeys(names):
            self._unless_private(name, code / name)

    def readme(self, scale: str) -> None:
        """What the crate is and what it leaves out, for a reader without tools."""
        lines = [f"# One run at scale {scale}", "", "A Provenance Run RO-Crate: ro-crate-metadata.json has each job's"]
        lines += ["inputs, outputs and parameters. Files whose id begins with # are not here but known by sha256."]
        lines += ["Records are copies without host names and whatever else was private.", "", "Not here:", ""]
        lines += ["- payload that manifests list: tables of samples, weights, checkpoints"]
        lines += [f"- {self.private.clean(path)}: {reason}" for path, reason in sorted(self.left_out.items())]
        self.files[README] = self.folder / README
        write_text(self.files[README], "\n".join(lines) + "\n")

    def _unless_private(self, name: str, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            self.left_out[name] = "not text"
            return
        if self.private.found(name) or self.private.found(text):
            self.left_out[name] = "has a secret, an absolute path or a name of this machine in it"
        else:
            self.files[name] = path


def _refuse_what_is_private(crate: Path, private: Private) -> None:
    """The last look at every byte, however it came there."""
    for path in sorted(crate.rglob("*")):
        if path.is_file() and (found := private.found(path.read_text(encoding="utf-8"))):
            name = path.relative_to(crate)
            raise UserError(f"{name}: would take {found} with it; remove that and export again")


def _publish(crate: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        if target.suffix != ".zip":
            shutil.copytree(crate, temporary)
            return
        with zipfile.ZipFile(temporary, "w") as archive:
            for path in sorted(path for path in crate.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(str(path.relative_to(crate)), EPOCH)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
