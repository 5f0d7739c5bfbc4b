# Every target works alone on a fresh checkout: it makes the environment that it needs, once.
#   make quickstart               train on the example, with the packaged base
#   make test PYTHON=python3.12   with another Python (3.11 or newer)
#   make test VENV=/tmp/venv      in another environment

PYTHON ?= python3
VENV ?= .venv
DATA ?= ../shared/data
ARGS ?=

BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help quickstart test slow soak lint bench recipes readme

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

quickstart: $(VENV)/.quickstart  ## from nothing to a report on the example data
	@test -d quickstart || $(BIN)/ftkit new --example quickstart
	@$(BIN)/ftkit train quickstart/support.yaml --out quickstart/run --force
	@echo "report: quickstart/run/report.html"

test: $(VENV)/.dev  ## the quick tests
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

slow: $(VENV)/.dev  ## the tests that take minutes, on real data in ../shared
	@$(BIN)/python -m pytest -n auto -m slow --durations=10 $(ARGS)

soak: $(VENV)/.dev  ## thirty runs and twenty banks killed at random moments and taken up again
	@FTKIT_KILLS=30 FTKIT_BANK_KILLS=20 $(BIN)/python -m pytest tests/test_killed.py tests/bank/test_resuming.py tests/bank/test_weeks.py -m slow $(ARGS)

lint: $(VENV)/.dev  ## style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.bench  ## ftkit beside its rivals, about two hours; ARGS=--quick: half an hour; DATA=FOLDER of the data sets
	@$(BIN)/python tests/benchmarks/bench.py --data $(DATA) $(ARGS)

recipes: $(VENV)/.dev  ## run every shipped recipe and write the table of recipes/README.md, about a quarter of an hour
	@$(BIN)/python tests/benchmarks/recipes.py

readme: $(VENV)/.dev  ## write README.md's tables anew from the registries
	@$(BIN)/python tests/readme_tables.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ftkit needs Python 3.11 or newer: make PYTHON=python3.12")'
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# Installed in place, so that the environment follows the code and is made anew only for other dependencies.
$(VENV)/.quickstart: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing ftkit into $(VENV) (about 2 GB, once)"
	@$(PIP) -e '.[quickstart]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing ftkit and its development tools into $(VENV) (about 2 GB, once)"
	@$(PIP) -e '.[quickstart,dev]'
	@touch $@ $(VENV)/.quickstart

$(VENV)/.bench: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing ftkit and its rivals into $(VENV) (about 2 GB, once)"
	@$(PIP) -e '.[quickstart,dev,bench]'
	@touch $@ $(VENV)/.quickstart $(VENV)/.dev
