# `make` lists the targets. Every target sets up .venv itself, once: again only when pyproject.toml
# or constraints.txt has changed. After that nothing here needs the network.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
WORKERS ?= 2
ARGS ?=

.PHONY: help run test lint format install clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1|/' | while IFS='|' read -r target text; do printf '  make %-8s %s\n' "$$target" "$$text"; done

run: $(INSTALLED) ## the main job on a new task: learn, rank, confirm, report (options: make run ARGS="--help")
	@$(BIN)/surrogate-nas run $(ARGS)

test: $(INSTALLED) ## all tests (options: make test ARGS="-k tables", WORKERS=4)
	@$(BIN)/python -m pytest --quiet --numprocesses=$(WORKERS) --dist=worksteal $(ARGS)

lint: $(INSTALLED) ## formatting, lint and types
	@$(BIN)/ruff format --check . || { echo "run make format"; exit 1; }
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(INSTALLED) ## format the code and mend what the linter can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

install: $(INSTALLED) ## only set up .venv

clean: ## remove caches and build results (not .venv, not runs/)
	@rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find surrogate_nas tests analysis -name __pycache__ -type d -prune -exec rm -rf {} +

# A python3 on the path may be too old, a shim that leads nowhere, or lack venv: each is tried by running it.
$(INSTALLED): pyproject.toml constraints.txt
	@if ! $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		for python in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
			"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
			python=; \
		done; \
		if [ -z "$${python:-}" ]; then \
			echo "expected Python 3.11 or newer with venv, found $$(python3 --version 2>&1 | head -n 1); install one, or name it: make PYTHON=/path/to/python3.11" >&2; \
			exit 1; \
		fi; \
		echo "creating $(VENV) with $$("$$python" --version)"; \
		"$$python" -m venv --clear $(VENV); \
	fi
	@echo "installing into $(VENV): a few minutes, once"
	@$(BIN)/python -m pip install --quiet --progress-bar off --disable-pip-version-check -c constraints.txt hatchling editables
	@$(BIN)/python -m pip install --quiet --progress-bar off --disable-pip-version-check -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@
