# Everything sets itself up on a machine with Python 3.11 or newer, make and a package index.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORES ?= all
CONFIG ?= config.yaml

# uv, Snakemake and matplotlib keep what they may need again in the home; one that can't be written to is done without.
CACHE := $(shell cache="$${XDG_CACHE_HOME:-$$HOME/.cache}"; mkdir -p "$$cache" 2>/dev/null && [ -w "$$cache" ] \
  || echo "$(CURDIR)/$(VENV)/cache")
ifneq ($(CACHE),)
export XDG_CACHE_HOME := $(CACHE)
export MPLCONFIGDIR ?= $(CACHE)/matplotlib
endif

.PHONY: help hub demo demo-detector tune bench gpu gpu-pack test test-big test-cuda test-kill test-slurm fuzz protocols lint format lock docs \
  clean

help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv

# uv, not pip: torch and torchvision must come as a matching pair. The test lock holds the run's lock and more.
$(VENV)/run.stamp: requirements.txt | $(BIN)/uv
	@start=$$(date +%s); $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $< \
	  && echo "set-up: $$(( $$(date +%s) - start )) s" && touch $@

$(VENV)/test.stamp: requirements-test.txt | $(BIN)/uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $< && touch $@

$(VENV)/hub.stamp: requirements-hub.txt $(VENV)/run.stamp
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $< && touch $@

hub: $(VENV)/hub.stamp ## Install what detectors of hub folders need besides: transformers

demo: $(VENV)/run.stamp ## Set up, then run the embedded demo: tables, figures, metrics in results/demo/
	@start=$$(date +%s); $(BIN)/snakemake --cores $(CORES) && echo "run: $$(( $$(date +%s) - start )) s"

demo-detector: $(VENV)/run.stamp ## Train the weights that the demo starts from anew: config/demo-detector.*
	$(BIN)/python -m benchmarks.demo_detector train --cores $(CORES)

tune: $(VENV)/run.stamp ## Measure which backend, kernels and forward batch are fastest here, for CONFIG=config.yaml
	@$(BIN)/python -m advxai tune $(CONFIG)

bench: $(VENV)/run.stamp ## Measure every stage beside the detector's raw forwards (half an hour); BENCH=--help for more
	$(BIN)/python -m benchmarks.speed $(BENCH)

# The machine's own Python, which must have torch, timm and what else docs/speed.md lists; no package index is asked.
gpu: ## Compare a GPU with the CPU, measure and profile it (9 minutes), after gpu-pack elsewhere; GPU=--help for more
	@$(PYTHON) -m benchmarks.gpu $(GPU)

gpu-pack: $(VENV)/run.stamp ## After demo: put what gpu needs besides the tree into .gpu/, which travels with it
	@$(BIN)/python -m benchmarks.gpu.packing

# A browser for the report's tests; without one they are skipped, and pytest says so.
test: $(VENV)/test.stamp ## Set up, then run the test suite; as root, installs chromium for the report's tests
	@type -P chromium chromedriver >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q \
	  && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium chromium-driver; } \
	  || echo "no chromium and chromium-driver: the report's tests in a browser will be skipped"
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-kill: $(VENV)/test.stamp ## Kill running jobs and Snakemake at ten random moments in each stage (a quarter of an hour)
	$(BIN)/python -m pytest -m kill tests/workflow/test_kill.py

# RUNLEVEL=1: the packages' own services stay off; the test starts daemons of its own.
test-slurm: $(VENV)/test.stamp ## Run the tiny workflow on a Slurm of its own in a scratch folder; as root, installs Slurm
	@PATH="$$PATH:/usr/sbin:/sbin"; type -P slurmctld slurmd munged >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q \
	  && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends slurm-wlm munge; } \
	  || [ "$$(id -u)" != 0 ]
	$(BIN)/python -m pytest -m slurm tests/workflow/test_slurm.py

fuzz: $(VENV)/test.stamp ## Give damaged files of every form to all readers for ten minutes; FUZZ=--help for more
	@$(BIN)/python -m tests.fuzz $(FUZZ)

test-cuda: $(VENV)/test.stamp ## Compare every explainer and NES on CUDA with the CPU (skipped without a GPU)
	$(BIN)/python -m pytest -m cuda tests/contract/test_cuda.py

test-big: $(VENV)/test.stamp ## Compare large networks with those of the packages that they come from (minutes)
	$(BIN)/python -m pytest -m big tests/contract/test_networks_big.py

protocols: $(VENV)/run.stamp ## Run the demo once for each fix of the corrected protocol; writes docs/protocols-demo.md (half an hour)
	$(BIN)/python benchmarks/protocols.py --cores $(CORES)

lint: $(VENV)/test.stamp ## ruff, snakefmt, import-linter, mypy and snakemake --lint
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/snakefmt --check Snakefile rules
	$(BIN)/lint-imports && $(BIN)/mypy && $(BIN)/snakemake --lint

format: $(VENV)/test.stamp ## Format the code
	$(BIN)/ruff check --fix . && $(BIN)/ruff format . && $(BIN)/snakefmt Snakefile rules

docs: $(VENV)/run.stamp ## Generate config/schema.json and config/reference.yaml
	$(BIN)/python -m advxai.config

lock: | $(BIN)/uv ## Lock the requirements anew, with hashes
	for name in requirements requirements-hub requirements-test; do $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header $$name.in -o $$name.txt; done

clean: ## Remove the environment; results/ stays
	rm -rf $(VENV)
