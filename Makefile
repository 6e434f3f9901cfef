# Two commands matter: `make run` and `make test`. `make help` lists the others.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
NEWS := awk '!/already satisfied/ {print; fflush()}'

PACKAGES := packages/contracts packages/kit packages/devstack packages/cli
SERVICES := $(wildcard services/*)
TYPED := $(PACKAGES) $(SERVICES) gateway $(wildcard tests) $(wildcard bench)
TESTS ?=

# What is started by the hundred should not be compiled each time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run demo test thorough lint format types chaos bench contracts clean

help: ## This list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

run: $(VENV)/run.stamp ## Start the whole platform on this machine; Ctrl-C stops it
	@exec $(BIN)/guanxi-dev run

demo: $(VENV)/run.stamp ## Replay 69,659 real purchases into the running platform
	@$(BIN)/guanxi-dev demo

test: $(VENV)/dev.stamp lint ## Lint, check types, run every test; TESTS=tests/contract runs some
	$(if $(TESTS),$(BIN)/python -m pytest $(TESTS),$(BIN)/python -m tests.lanes)

thorough: $(VENV)/dev.stamp ## The generated tests again, with twenty times as many examples
	GUANXI_EXAMPLES=thorough GUANXI_FUZZ_EXAMPLES=200 $(BIN)/python -m pytest \
	  packages services gateway tests/contract tests/e2e/test_api_fuzz.py

lint: $(VENV)/dev.stamp ## Style and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# All at once, since what folders have in common takes longest; no test modules of two services have the same name.
types: $(VENV)/dev.stamp ## Types
	$(BIN)/mypy $(TYPED)

format: $(VENV)/dev.stamp ## Bring the code into the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: $(VENV)/dev.stamp ## Kill processes under load for minutes; nothing may be lost or doubled
	$(BIN)/python -m tests.chaos
	$(BIN)/python -m tests.chaos --kafka

bench: $(VENV)/dev.stamp ## Measure against floors that run in the same session
	$(BIN)/python -m bench

contracts: $(VENV)/dev.stamp ## Write schemas, AsyncAPI and topics anew from the catalog
	$(BIN)/python -m guanxi_contracts export

clean: ## Remove the environment and everything the platform kept
	rm -rf $(VENV) .guanxi .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# A stamp says that an environment holds what pyproject.toml and constraints.txt ask for.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	@echo "Creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing (once, a minute or so)"
	@$(PIP) install -c constraints.txt -e '.[devstack,cli,notification,interaction,profile,dedupe,tracing]' | $(NEWS)
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing what the tests need (once, a few minutes)"
	@$(PIP) install -c constraints.txt -e '.[dev]' | $(NEWS)
	@touch $@ $(VENV)/run.stamp
