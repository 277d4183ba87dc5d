# make smoke and make test do all the set-up on a fresh machine: python3.11, make, gcc; no GPU, no model hub.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
TORCH_INDEX := https://download.pytorch.org/whl/cpu
CORES ?= all
SCALE ?= smoke
# A progress bar for each rule on a terminal, plain lines in a file; what a job prints is in results/SCALE/logs.
DISPLAY_OF_A_RUN := $(shell [ -t 2 ] && echo --logger rich)
# Python loads no user site, and a library must not reach for a hub at smoke scale.
export PYTHONNOUSERSITE := 1
# Imports of torch and vLLM without cached bytecode cost minutes over a run.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help smoke test lint unit test-slurm slurm-lab bench plan check-cluster status paper-detached paper-stop
.PHONY: why adopt audit crate pin carry clean locks

help: ## list these verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

smoke: .venv/run.stamp ## install, then run the whole paper at smoke scale and print its table
	@$(BIN)/snakemake --cores $(CORES) $(DISPLAY_OF_A_RUN) all \
	  || { echo "make smoke stopped; run it again to go on from here" >&2; exit 1; }
	@$(BIN)/python scripts/show.py results/smoke/report/benchmarks.csv
	@echo "report: results/smoke/report/index.html, as a paper: results/smoke/paper.pdf"

test: lint unit ## install, then lint and run the tests

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

unit: .venv/dev.stamp .venv/crate.stamp .venv/wandb.stamp .venv/validator.stamp
	$(BIN)/pytest tests/unit --numprocesses 2 --dist loadfile
	$(BIN)/pytest tests/workflow --numprocesses 2

test-slurm: .venv/dev.stamp ## install, then run the tests that need SLURM (Debian's packages; .ci/run installs them)
	$(BIN)/pytest tests/slurm

slurm-lab: .venv/run.stamp ## a shell in a SLURM cluster on this host: four nodes, each with eight GPUs that are none
	@$(BIN)/python -m tests.slurm.lab shell .slurm-lab --nodes 4 --gpus 8

bench: smoke .venv/dev.stamp ## run the benchmarks against their peers (ratios; see tests/benchmarks)
	@for bench in tests/benchmarks/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

plan: .venv/run.stamp ## GPU-hours, wall time and memory of the paper, from the config, before anyone runs it
	@$(BIN)/python scripts/plan.py scale=$(if $(filter smoke,$(SCALE)),paper,$(SCALE))

check-cluster: .venv/run.stamp ## try out profiles/slurm/site.yaml: a one-minute SLURM job of each kind (SITE=file, WAIT=seconds)
	@$(BIN)/python scripts/check_cluster.py $(if $(SITE),--site $(SITE)) $(if $(WAIT),--wait $(WAIT))

status: .venv/run.stamp ## how far a run is, from files alone (SCALE=smoke; PAGE=file.html, WATCH=seconds)
	@$(BIN)/python scripts/status.py results/$(SCALE) $(if $(PAGE),--page $(PAGE)) $(if $(WATCH),--watch $(WATCH))

paper-detached: .venv/run.stamp ## run the paper where nobody has to stay, as a job that follows itself (WORDS=--local)
	@$(BIN)/python scripts/detach.py $(WORDS)

paper-stop: .venv/run.stamp ## end what paper-detached runs, and the jobs that it has submitted
	@$(BIN)/python scripts/detach.py --stop

why: .venv/run.stamp ## what is stale and why, what it costs, and what may follow (SCALE=smoke); runs nothing
	@$(BIN)/python scripts/why.py $(if $(filter paper,$(SCALE)),--profile slurm) all

adopt: .venv/run.stamp ## take over a colleague's artifacts after checking them (FROM=/their/checkout/results/smoke)
	@$(BIN)/python scripts/adopt.py $(FROM)

audit: .venv/run.stamp ## re-hash every artifact of a run against its lock (SCALE=smoke; TRUSTED=lock, DEEP=yes)
	@$(BIN)/python scripts/audit.py results/$(SCALE)/provenance.lock \
	  $(if $(TRUSTED),--trusted $(TRUSTED)) $(if $(DEEP),--deep)

crate: .venv/crate.stamp ## a run as a Provenance Run RO-Crate to publish (SCALE=smoke, OUT=file.zip or a folder)
	@$(BIN)/python scripts/crate.py results/$(SCALE) $(OUT)

pin: .venv/run.stamp ## with network: resolve hub revisions and hashes into config/
	@$(BIN)/python scripts/pin.py

carry: .venv/run.stamp ## files of the hub for a cluster without network: the list (TO=folder fetches, CHECK=folder checks)
	@$(BIN)/python scripts/carry.py scale=$(if $(filter smoke,$(SCALE)),paper,$(SCALE)) \
	  $(if $(TO),--to $(TO)) $(if $(CHECK),--check $(CHECK))

locks: ## with network: renew envs/*.lock from envs/*.in
	envs/renew

clean: ## delete results/smoke (the environment stays)
	rm -rf results/smoke results/code .snakemake

.venv/run.stamp: envs/cpu.lock envs/torch-cpu.lock envs/uv.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r envs/uv.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r envs/torch-cpu.lock \
	  || $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes \
	       --extra-index-url $(TORCH_INDEX) -r envs/torch-cpu.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r envs/cpu.lock
	touch $@

.venv/dev.stamp: .venv/run.stamp envs/dev.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r envs/dev.lock
	touch $@

.venv/crate.stamp: .venv/run.stamp envs/crate.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r envs/crate.lock
	touch $@

.venv/wandb.stamp: .venv/run.stamp envs/wandb.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r envs/wandb.lock
	touch $@

.venv/validator.stamp: .venv/run.stamp envs/validator.lock
	$(BIN)/uv venv -q --clear --python $(BIN)/python .venv/validator
	$(BIN)/uv pip install -q --python .venv/validator/bin/python --no-deps --require-hashes -r envs/validator.lock
	touch $@
