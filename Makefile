# The commands of this project. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# What the environment was made from: a change of any of these updates it.
VENV_STAMP   := $(VENV)/.gatewright-venv
NATIVE_STAMP := build/native/stamp
# The folder itself is listed so that a deleted module is noticed.
NATIVE_SOURCES := setup.py tools/build_native.py native/gatewright/_native \
                  $(wildcard native/gatewright/_native/*.p[yx][xd]) \
                  $(wildcard native/gatewright/_native/*.h)

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@echo "==> virtual environment in $(VENV)"
	@$(PYTHON) tools/preflight.py
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV_STAMP): pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> build tools and dependencies (pinned in constraints.txt)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off \
	  -q -c constraints.txt pip setuptools wheel cython
	@GATEWRIGHT_WITHOUT_NATIVE=1 $(BIN)/python -m pip install \
	  --disable-pip-version-check --no-build-isolation -c constraints.txt -e '.[dev]' \
	  | sed -u -n -E 's/^(Collecting|Installing) /    \1 /p'
	@touch $@

.PHONY: venv
venv: $(VENV_STAMP) ## Make the virtual environment, with all that development needs

$(NATIVE_STAMP): $(VENV_STAMP) $(NATIVE_SOURCES)
	@echo "==> compiled modules"
	@$(BIN)/python tools/build_native.py
	@touch $@

.PHONY: native
native: $(NATIVE_STAMP) ## Build the compiled modules that changed

.PHONY: run
run: $(NATIVE_STAMP) ## Build, serve the shipped policies with TLS, show sample verdicts
	@exec $(BIN)/gatewright serve --demo

.PHONY: test
test: $(NATIVE_STAMP) ## Build, then run the tests that need no real peers
	@$(BIN)/python -m pytest -m 'not peers and not slow and not cluster' $(ARGS)

.PHONY: cluster-test
cluster-test: $(NATIVE_STAMP) ## Build a real API server (once; needs Go), run the tests that use it
	@$(BIN)/python tools/build_servers.py
	@$(BIN)/python -m pytest -m cluster $(ARGS)

.PHONY: tutorial
tutorial: $(NATIVE_STAMP) ## Run the tutorial on a real API server, print the transcript (needs Go)
	@$(BIN)/python tools/build_servers.py
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.cluster.tutorial

.PHONY: conformance
conformance: $(NATIVE_STAMP) ## Run all conformance cases, the long ones too
	@$(BIN)/python -m pytest tests/conformance -m 'not peers and not cluster' $(ARGS)

.PHONY: sanitize
sanitize: $(NATIVE_STAMP) ## Run the core's tests with address and undefined-behaviour checks
	@$(BIN)/python -m tools.sanitize $(ARGS)

.PHONY: fuzz-native
fuzz-native: $(NATIVE_STAMP) ## Fuzz readers and loader under sanitizers, guided by coverage: SECONDS=60 SEED=
	@$(BIN)/python -m tools.sanitize --fuzz $(or $(SECONDS),60) $(SEED)

# SECONDS is one of bash's own, so it is kept out of the shell.
.PHONY: fuzz
fuzz: $(NATIVE_STAMP) ## Compare random programs with the real opa: SECONDS=60 SEED=
	@$(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),60) --version 1 $(if $(SEED),--seed $(SEED)) $(ARGS)
	@$(BIN)/python -m tests.fuzz.run --seconds $(or $(SECONDS),60) --version 0 $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: bench
bench: $(NATIVE_STAMP) ## Measure (benchmarks/README.md has the numbers)
	@$(BIN)/python -m pytest benchmarks -o python_files='*.py' -o python_functions='bench_*' \
	  --benchmark-only --benchmark-autosave $(ARGS)
	@$(BIN)/python -m benchmarks.constraints
	@$(BIN)/python -m benchmarks.loading
	@$(BIN)/python -m benchmarks.inventory
	@$(BIN)/python -m benchmarks.pauses
	@$(BIN)/python -m benchmarks.tail
	@$(BIN)/python -m benchmarks.many
	@$(BIN)/python -m benchmarks.rivals.bench
	@$(BIN)/python -m benchmarks.rivals.opa
	@$(BIN)/python -m benchmarks.rivals.webhook
	@$(BIN)/python -m benchmarks.rivals.memory
	@$(BIN)/python -m benchmarks.rivals.cluster

.PHONY: format
format: $(VENV_STAMP) ## Rewrite the Python files in the house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: check
check: $(NATIVE_STAMP) ## Run the gate: format, lint, types, imports, Cython, stubs
	@$(BIN)/python tools/check.py

.PHONY: pin
pin: $(VENV_STAMP) ## Take the newest dependencies and pin them in constraints.txt
	@GATEWRIGHT_WITHOUT_NATIVE=1 $(BIN)/python -m pip install -q -U \
	  --no-build-isolation pip setuptools wheel cython -e '.[dev]'
	@{ sed '/^[^#]/,$$d' constraints.txt; \
	   $(BIN)/python -m pip freeze --all --exclude-editable; } > constraints.txt.new
	@mv constraints.txt.new constraints.txt

.PHONY: clean
clean: ## Delete what was built; the virtual environment stays
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@find pkg native -name '*.so' -delete
	@find pkg tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
