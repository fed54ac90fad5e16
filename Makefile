# Everything a newcomer, a developer and the CI need; `make help` explains the targets.
# Needs only python3 (3.11 or newer) with venv and pip: no Docker, no database server, no root.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := schemabase_dagster assets resources sensors webhook_gateway sandbox
LINTED := $(PACKAGES) tests $(wildcard benchmarks proofs)

# Two workers are enough for the suite and leave a shared machine usable.
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 2 ? n : 2)))

# Compiled bytecode halves the start of every process, and Dagster starts one per run.
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

##@ Start here
.PHONY: help
help:  ## Show this help
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make <target>"} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try it
.PHONY: demo up
demo: $(VENV)/.runtime  ## Run the whole product once against stand-ins and print what happened (a few minutes)
	@exec $(BIN)/schemabase demo

up: $(VENV)/.runtime  ## Start the whole stack with two demo tenants, print the URLs, stop with Ctrl-C
	@exec $(BIN)/schemabase up $(ARGS)

##@ Work on it
.PHONY: test check lint fmt types contracts definitions
test: $(VENV)/.dev  ## Run the tests (two workers, own Postgres, no network)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -m "not slow" $(ARGS)

check: lint types contracts definitions test  ## Everything the CI asks for: lint, types, import contracts, definitions, tests

lint: $(VENV)/.dev  ## The fast half of check: format, ruff, spelling
	$(BIN)/ruff format --check --quiet $(LINTED)
	$(BIN)/ruff check --quiet $(LINTED)
	$(BIN)/codespell $(LINTED) docs deploy README.md CHANGELOG.md Makefile

fmt: $(VENV)/.dev  ## Format the code and repair what ruff can repair
	$(BIN)/ruff check --fix-only --quiet $(LINTED)
	$(BIN)/ruff format $(LINTED)

types: $(VENV)/.dev  ## mypy --strict over product and tests
	$(BIN)/mypy $(LINTED)

contracts: $(VENV)/.dev  ## Check who imports whom (import-linter)
	$(BIN)/lint-imports --no-cache --no-logo

# An empty DAGSTER_HOME: loading the definitions must need no database (dagster.yaml names one).
definitions: $(VENV)/.dev  ## Load the Dagster definitions without database or network
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
	  echo 'telemetry: {enabled: false}' > "$$home/dagster.yaml" && \
	  DAGSTER_HOME="$$home" $(BIN)/dg check defs --log-level warning

# SYSTEM names one; LIVE=1 takes credentials from <SYSTEM>_<FIELD> and JSON from <SYSTEM>_CONFIG.
.PHONY: contract
contract: $(VENV)/.dev  ## What every client must do: SYSTEM=zoho, against the stand-in; LIVE=1: your account
	$(BIN)/python -m pytest -q -rs tests/resources/contract $(ARGS)

##@ Long proofs
.PHONY: ui walk latency bench chaos quota fairness reconcile mutate
ui: $(VENV)/.dev  ## Drive the Dagster UI of `make up` with headless Chromium (ARGS=--readme renews the picture)
	$(BIN)/python -m proofs.ui $(ARGS)

walk: $(VENV)/.dev  ## Connect a third tenant to `make up` and click nothing (up to 20 minutes)
	$(BIN)/python -m proofs.walk $(ARGS)

latency: $(VENV)/.dev  ## Measure webhook -> changed core row, alone and under full syncs (ARGS=--warm: warm runs)
	$(BIN)/python -m proofs.latency $(ARGS)

bench: $(VENV)/.dev  ## Measure pull and gateway against their rivals, print the table of docs/performance.md
	$(BIN)/python -m benchmarks $(ARGS)

chaos: $(VENV)/.dev  ## Kill runs in every phase, then all that takes webhooks (ARGS="--only gateway --minutes 10")
	$(BIN)/python -m proofs.chaos $(ARGS)

quota: $(VENV)/.dev  ## Fill a Zoho account of 20,000 orders within its quota: freshness, order, calls, estimate
	$(BIN)/python -m proofs.quota $(ARGS)

fairness: $(VENV)/.dev  ## Pull 17 tenants, then beside three in trouble, and compare their freshness (25 minutes)
	$(BIN)/python -m proofs.fairness $(ARGS)

reconcile: $(VENV)/.dev  ## Plant 14 kinds of disagreements in 2,000 orders and find each, nothing else
	$(BIN)/python -m proofs.reconcile $(ARGS)

mutate: $(VENV)/.dev  ## Break lines of core and mappers, one at a time, and count what the tests notice
	$(BIN)/python -m proofs.mutation $(ARGS)

##@ Upkeep
.PHONY: setup lock docs clean
setup: $(VENV)/.dev  ## Create .venv with everything for development

docs: $(VENV)/.dev  ## Write the generated pages below docs/ anew
	$(BIN)/schemabase docs

LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links --annotation-style line \
  --custom-compile-command "make lock"

# The runtime lock is cut out of the development lock, so both name the same versions.
lock: $(VENV)/bin/python  ## Resolve the dependencies anew into the lock files (ARGS=--upgrade for newer ones)
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --group dev --output-file requirements-dev.lock $(ARGS)
	$(LOCK) --group build --constraints requirements-dev.lock --output-file requirements.lock

clean:  ## Remove .venv, caches and the local state (.schemabase)
	rm -rf $(VENV) .schemabase .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find $(LINTED) -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: Python 3.11 or newer is needed; name it with PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "make: no venv module; on Debian: apt install python3-venv" >&2; exit 1; }

# $(call install,<lock file>): exactly what the lock names, then ourselves; compiled on all cores.
# The lock is complete, so nothing is resolved: Debian's pip 23 stumbles over extras there.
define install
	@echo "Installing $(1) into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps --require-hashes -r $(1)
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib $(PACKAGES) || true
	@touch $@
endef

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(call install,requirements.lock)

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(call install,requirements-dev.lock)
	@touch $(VENV)/.runtime
