# The whole paper as one DAG. This file only finds the code of the run and includes the rules from it:
# a run executes a content-addressed copy of the checkout, so that editing files changes nothing that runs.
import os
import sys
from pathlib import Path

CODE = os.getenv("DEEPCODER_CODE")
sys.path.insert(0, f"{CODE or workflow.basedir}/scripts")
if not CODE:
    from deepcoder.errors import UserError
    from deepcoder.provenance.freeze import freeze

    try:
        CODE = str(freeze(Path(workflow.basedir), Path("results/code").resolve()))
    except UserError as error:
        sys.exit(f"error: {error}")
    os.environ.update(DEEPCODER_CODE=CODE)


# Used only with --software-deployment-method apptainer; built from envs/apptainer.def.
container: "deepcoder.sif"


include: f"{CODE}/rules/common.smk"
include: f"{CODE}/rules/inputs.smk"
include: f"{CODE}/rules/gates.smk"
include: f"{CODE}/rules/stale.smk"
include: f"{CODE}/rules/data.smk"
include: f"{CODE}/rules/train.smk"
include: f"{CODE}/rules/evaluate.smk"
include: f"{CODE}/rules/report.smk"
include: f"{CODE}/rules/provenance.smk"
include: f"{CODE}/rules/progress.smk"


onstart:
    be_the_only_run()
    declare_run()


onsuccess:
    note_end(0)


onerror:
    note_end(1)


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
        target(
            document_gates,
            *SHOWN_TABLES,
            *SVG,
            LOCK_FILE,
            done=lambda: is_current(Path(OUT)),
        ),


rule data:
    input:
        target(
            lambda: [
                *product_gates(),
                *benchmarks_gates(),
            ]
        ),


rule train:
    input:
        target(
            lambda: [
                gate
                for subject in trained_subjects(CONFIG.recipe)
                for gate in subject_gates(below(subject))
            ]
        ),


rule evaluate:
    input:
        target(report_gates),


rule report:
    input:
        target(document_gates, *SHOWN_TABLES, *SVG),


rule recipes:
    input:
        target(recipes_table_gates),
