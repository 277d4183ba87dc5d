# The whole paper as one DAG. This file only finds the code of the run and includes the rules from it:
# a run executes a content-addressed copy of the checkout, so that editing files changes nothing that runs.
import os
import sys
from pathlib import Path

CODE = os.getenv("DEEPCODER_CODE")
sys.path.insert(0, f"{CODE or workflow.basedir}/scripts")
if not CODE:
    from deepcoder.provenance.freeze import freeze

    CODE = str(freeze(Path(workflow.basedir), Path("results/code").resolve()))
    os.environ.update(DEEPCODER_CODE=CODE)


# Used only with --software-deployment-method apptainer; built from envs/apptainer.def.
container: "deepcoder.sif"


include: f"{CODE}/rules/common.smk"
include: f"{CODE}/rules/gates.smk"
include: f"{CODE}/rules/stale.smk"
include: f"{CODE}/rules/data.smk"
include: f"{CODE}/rules/train.smk"
include: f"{CODE}/rules/evaluate.smk"
include: f"{CODE}/rules/report.smk"
include: f"{CODE}/rules/provenance.smk"


localrules:
    all,
    data,
    train,
    evaluate,
    report,
    recipes,


# A target names every artifact behind it, so that one that was deleted is made again before others are judged by it.
rule all:
    default_target: True
    input:
        manifests(page_gates()),
        TABLES,
        SVG,
        PAGE,
        f"{OUT}/provenance.lock",


rule data:
    input:
        manifests(curation_gates(CONFIG.recipes[CONFIG.recipe].curation)),
        [benchmark_manifest(name) for name in CONFIG.report_benchmarks],


rule train:
    input:
        [manifests(subject_gates(below(s))) for s in trained_subjects(CONFIG.recipe)],


rule evaluate:
    input:
        manifests(report_gates()),


rule report:
    input:
        manifests(page_gates()),
        TABLES,
        SVG,


rule recipes:
    input:
        manifests(recipes_gates()),
        f"{OUT}/report/recipes.csv",
