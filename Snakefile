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


rule all:
    default_target: True
    input:
        REPORT,
        f"{OUT}/provenance.lock",


rule data:
    input:
        f"{OUT}/data/{CONFIG.recipes[CONFIG.recipe].curation}/manifest.json",
        [benchmark_manifest(name) for name in CONFIG.report_benchmarks],


rule train:
    input:
        [model_manifest(subject) for subject in trained_subjects(CONFIG.recipe)],


rule evaluate:
    input:
        [path for subject in reported_subjects() for path in scores(subject)],


rule report:
    input:
        REPORT,


rule recipes:
    input:
        f"{OUT}/report/recipes.csv",
