"""The entities of a Provenance Run Crate: the workflow, its steps, its jobs, their files and parameter values.

Profile: https://w3id.org/ro/wfrun/provenance/0.5, on RO-Crate 1.1. A file that is not in the crate is an entity whose
id begins with `#`: known by path, sha256 and size, to be asked of whoever has the run.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from deepcoder.files import sha256_json
from deepcoder.provenance.private import REDACTED

Entity = Any  # of rocrate, which has no types
WORKFLOW, README = "Snakefile", "README.md"
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/ro/wfrun/provenance/0.5": "Provenance Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
LICENCE = "https://spdx.org/licenses/Apache-2.0"
ENGINE = "https://snakemake.github.io"
COMPLETED, FAILED = "http://schema.org/CompletedActionStatus", "http://schema.org/FailedActionStatus"
TYPES = {bool: "Boolean", int: "Integer", float: "Float", str: "Text"}
MEDIA = {
    ".smk": "text/plain",
    ".lock": "text/plain",
    ".py": "text/x-python",
    ".csv": "text/csv",
    ".md": "text/markdown",
}


@dataclass
class Graph:
    """A crate that grows; every entity is added once.

    Attributes:
        embedded: path in the crate -> file that is copied there.
    """

    embedded: Mapping[str, Path]
    crate: Any = field(default_factory=lambda: ROCrate(version="1.1"))

    def once(self, identifier: str, kind: str | list[str], **properties: Any) -> Entity:
        """The entity of that id, made now if there is none."""
        known = self.crate.get(identifier)
        return known or self.crate.add(ContextEntity(self.crate, identifier, {"@type": kind, **properties}))

    def file(self, path: str, item: Mapping[str, Any] | None = None) -> Entity:
        """A file, inside the crate or known by its hash alone; `item` has "sha256" and "bytes" as in a record."""
        inside, item = path in self.embedded, item or {}
        shown = f"#sha256/{item.get('sha256')}" if REDACTED in path else f"#{quote(path)}"
        identifier = quote(path) if inside else shown
        known = self.crate.get(identifier)
        if known is not None:
            return known
        properties = {"name": path, "encodingFormat": media_type(path)}
        properties |= {"sha256": item["sha256"], "contentSize": str(item["bytes"])} if item else {}
        if not inside:
            return self.once(identifier, "File", **properties)
        return self.crate.add_file(self.embedded[path], path, properties=properties)

    def parameter(self, name: str, kind: str) -> Entity:
        """A FormalParameter: a configuration key, or an argument of a script."""
        profile = {"@id": "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"}
        properties = {"name": name.rpartition("/")[2], "additionalType": kind, "conformsTo": profile}
        return self.once(f"#parameter/{quote(name)}", "FormalParameter", **properties)

    def value(self, name: str, value: Any) -> Entity:
        """A PropertyValue with its FormalParameter, shared by all jobs that read the same value."""
        identifier = f"#value/{quote(name)}/{sha256_json(value)[:12]}"
        parameter = self.parameter(name, TYPES[type(value)])
        return self.once(
            identifier, "PropertyValue", name=name.rpartition("/")[2], value=value, exampleOfWork=parameter
        )


def media_type(path: str) -> str:
    """IANA media type by suffix."""
    suffix = Path(path).suffix
    return MEDIA.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"


def leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Dotted keys and scalars of a configuration; lists become text, null and empty groups are left out."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value))
    elif value is not None:
        yield name, value


def describe(
    embedded: Mapping[str, Path],
    jobs: Sequence[Mapping[str, Any]],
    payload: Mapping[str, Mapping[str, Mapping[str, Any]]],
    *,
    title: str,
    agent: str,
    licence: str,
) -> Any:
    """The crate of a run, ready to be written.

    Args:
        jobs: records without anything private; a failed one may lack inputs and outputs.
        payload: of an output that is a manifest: path -> {"sha256", "bytes"}.
        agent: who has run it, as the repository names its authors.
    """
    graph = Graph(embedded)
    crate = graph.crate
    workflow = _workflow(graph, jobs)
    author = graph.once("#authors", "Organization", name=agent)
    actions = [_job(graph, job, payload, author) for job in jobs]
    for path in embedded:
        graph.file(path)
    run = _run(graph, jobs, workflow, author)
    _steps(graph, jobs, actions, workflow, run)
    profiles = [graph.once(uri, "CreativeWork", name=name, version=uri[-3:]) for uri, name in PROFILES.items()]
    crate.metadata.extra_contexts.append(TERMS)
    root = crate.root_dataset
    root["conformsTo"] = profiles
    root["name"], root["description"] = title, f"{len(jobs)} recorded jobs of one run, with their parameters and files."
    root["license"] = graph.once(LICENCE, "CreativeWork", name=licence)
    root["author"] = root["publisher"] = author
    root["datePublished"] = run["endTime"]
    root["mentions"] = [run, *actions]
    if README in embedded:
        graph.file(README)["about"] = root
    _compact(crate)
    return crate


def _workflow(graph: Graph, jobs: Sequence[Mapping[str, Any]]) -> Entity:
    version = _one(job["environment"]["versions"].get("snakemake") for job in jobs if "environment" in job)
    commit = _one(job["git"]["commit"] for job in jobs if "git" in job)
    workflow = graph.crate.add_workflow(
        graph.embedded[WORKFLOW], WORKFLOW, main=True, lang="snakemake", lang_version=version
    )
    workflow._jsonld["@type"] = [*workflow.type, "HowTo"]
    workflow["name"], workflow["version"] = "The DeepCoder paper as one Snakemake DAG", commit
    workflow["encodingFormat"] = "text/plain"  # it has no suffix
    workflow["license"] = {"@id": LICENCE}
    locks = [graph.file(path) for path in graph.embedded if path.startswith("envs/")]
    if locks:
        workflow["softwareRequirements"] = locks
    return workflow


def _one(values: Iterable[Any]) -> str:
    """All different values in one text; `unknown` if there is none."""
    return ", ".join(sorted({str(value) for value in values if value})) or "unknown"


def _job(graph: Graph, job: Mapping[str, Any], payload: Mapping[str, Any], author: Entity) -> Entity:
    tool = _tool(graph, job)
    made = list(job.get("outputs", []))
    read = [item for item in job.get("inputs", []) if "sha256" in item]
    files = {item["path"]: graph.file(item["path"], item) for item in [*read, *made]}
    values = [graph.value(*item) for item in parameters(job, files)]
    for name, item in job["arguments"].items():
        for path in item if isinstance(item, list) else [item]:
            if isinstance(path, str) and path in files:
                parameter = graph.parameter(f"{job['door']}/{name}", "File")
                _append(files[path], "exampleOfWork", parameter)
                _append(tool, "output" if any(path == output["path"] for output in made) else "input", parameter)
    for value in values:
        _append(tool, "input", value["exampleOfWork"])
    kept = [graph.file(path, of) for item in made for path, of in payload.get(item["path"], {}).items()]
    status = {"actionStatus": FAILED, "error": job.get("error", "")} if job.get("exit") else {"actionStatus": COMPLETED}
    accepted = [f"; accepted: {item['reason']}" for item in job.get("accepted", []) if "reason" in item]
    return graph.once(
        action_id(job),
        "CreateAction",
        name=f"{rule_of(job)}: {_subject(job)}",
        description=" ".join(job["command"]) + "".join(accepted),
        instrument=tool,
        agent=author,
        startTime=job["start"],
        endTime=job["end"],
        object=[*(files[item["path"]] for item in read), *values],
        result=[*(files[item["path"]] for item in made), *kept],
        **status,
    )


def parameters(job: Mapping[str, Any], files: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Names and values of all that a job was told beside files: configuration, arguments, code, environment."""
    for name, value in leaves(job.get("config", {}), ""):
        yield f"config/{name}", value
    for name, value in leaves(job["arguments"], ""):
        if not any(path in files for path in str(value).split(", ")):
            yield f"{job['door']}/{name}", value
    known = {
        "code": job.get("code_digest"),
        "environment": job.get("environment", {}).get("lock"),
        "python": job.get("environment", {}).get("python"),
        "git": job.get("git"),
    }
    for name, value in leaves(known, ""):
        yield f"identity/{name}", value


def _tool(graph: Graph, job: Mapping[str, Any]) -> Entity:
    path = f"scripts/{job['door']}"
    inside = path in graph.embedded
    tool = graph.file(path)
    tool._jsonld["@type"] = ["File", "SoftwareSourceCode"] if inside else "SoftwareSourceCode"
    tool["version"] = _one(job.get("git", {}).values())
    if not inside:
        tool["description"] = "Left out: no copy of it here is what the record says it was."
    return tool


def _run(graph: Graph, jobs: Sequence[Mapping[str, Any]], workflow: Entity, author: Entity) -> Entity:
    """The run as a whole: from what no job has made to what no job has read."""
    made = {item["path"]: item for job in jobs for item in job.get("outputs", [])}
    read = {item["path"]: item for job in jobs for item in job.get("inputs", []) if "sha256" in item}
    given = [(f"override/{name}", value) for job in jobs for name, value in leaves(job.get("overrides", {}), "")]
    values = list({value.id: value for value in (graph.value(*item) for item in given)}.values())
    for value in values:
        _append(workflow, "input", value["exampleOfWork"])
    failed = any(job.get("exit") for job in jobs)
    ends = {path: item for path, item in made.items() if path not in read}
    return graph.once(
        "#run",
        "CreateAction",
        name="the whole run",
        description=f"{len(jobs)} jobs in the order of their needs; times from the first start to the last end.",
        instrument=workflow,
        agent=author,
        startTime=min(job["start"] for job in jobs),
        endTime=max(job["end"] for job in jobs),
        object=[*(graph.file(path, item) for path, item in read.items() if path not in made), *values],
        result=[graph.file(path, item) for path, item in ends.items()],
        actionStatus=FAILED if failed else COMPLETED,
        **({"error": "some jobs failed"} if failed else {}),
    )


def _steps(graph: Graph, jobs: Sequence[Mapping[str, Any]], actions: list[Any], workflow: Entity, run: Entity) -> None:
    """One HowToStep with its ControlAction for each rule, and the OrganizeAction of the engine over them."""
    controls = []
    for position, rule in enumerate(order(jobs), 1):
        own = [action for job, action in zip(jobs, actions, strict=True) if rule_of(job) == rule]
        tool = own[0]["instrument"]
        step = graph.once(f"#step/{rule}", "HowToStep", name=rule, position=str(position), workExample={"@id": tool.id})
        _append(workflow, "step", step)
        _append(workflow, "hasPart", tool)
        controls.append(
            graph.once(f"#control/{rule}", "ControlAction", name=f"jobs of {rule}", instrument=step, object=own)
        )
    version = workflow["programmingLanguage"]["version"]
    engine = graph.once(ENGINE, "SoftwareApplication", name="Snakemake", url=ENGINE, softwareVersion=version)
    graph.once(
        "#engine",
        "OrganizeAction",
        name="Snakemake's part",
        instrument=engine,
        object=controls,
        result=run,
        agent=run["agent"],
        startTime=run["startTime"],
        endTime=run["endTime"],
    )


def order(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rules, each after those whose outputs it reads."""
    maker = {item["path"]: rule_of(job) for job in jobs for item in job.get("outputs", [])}
    needs: dict[str, set[str]] = {rule_of(job): set() for job in jobs}
    for job in jobs:
        for item in job.get("inputs", []):
            if item.get("kind") == "folder":
                needs[rule_of(job)] |= {rule for path, rule in maker.items() if path.startswith(f"{item['path']}/")}
            elif item["path"] in maker:
                needs[rule_of(job)].add(maker[item["path"]])
    found: list[str] = []
    while len(found) < len(needs):
        left = sorted(rule for rule in needs if rule not in found)
        # A stage starts from another stage: a rule does not wait for itself, nor for ever.
        ready = [rule for rule in left if needs[rule] - {rule} <= set(found)] or left[:1]
        found += ready
    return found


def rule_of(job: Mapping[str, Any]) -> str:
    """A rule is named as its script."""
    return Path(job["door"]).stem


def action_id(job: Mapping[str, Any]) -> str:
    """One id for each job, of a failed one by what it was told."""
    failed = f"failed/{sha256_json([job['command'], job['start']])[:12]}/" if job.get("exit") else ""
    return f"#job/{failed}{quote(_subject(job))}"


def _subject(job: Mapping[str, Any]) -> str:
    return job["outputs"][0]["path"] if job.get("outputs") else job["door"]


def _compact(crate: Any) -> None:
    """RO-Crate 1.1 wants one value to stand alone, not in a list of one."""
    for entity in crate.get_entities():
        for name, value in entity._jsonld.items():
            if isinstance(value, list) and len(value) == 1:
                entity._jsonld[name] = value[0]


def _append(entity: Entity, name: str, value: Entity) -> None:
    known = entity._jsonld.get(name, [])
    if {"@id": value.id} not in (known if isinstance(known, list) else [known]):
        entity.append_to(name, value, compact=True)
