# Every target sets up what it needs: Python 3.11 or newer, make and a package index are enough.
#   make train PYTHON=python3.12             another interpreter
#   make train EXPERIMENT=NAME ARGS='...'    another experiment, more options of `evo-hns train`
#   make train RANKS=4                       so many MPI ranks; by default one for each physical core
#   make test WORKERS=0                      all tests in one process; by default two more than cores, up to four, since some wait
# pip is asked as usual, so PIP_INDEX_URL and its like work. Where the index serves torch with CUDA only,
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu saves gigabytes.

PYTHON ?= python3
VENV ?= .venv
EXPERIMENT ?= quickstart
ARGS ?=
RANKS ?= auto
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
EXTRAS := dev,libraries,mpi,pettingzoo,plot,ppo,render,tensorboard,wandb

# Containers often forbid Python to keep what it compiled, so that every process compiles the package and every worker all tests.
export PYTHONDONTWRITEBYTECODE :=

BIN := $(VENV)/bin
CONSTRAINTS := .ci/constraints.txt
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup train test release-test lint clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

setup: $(READY) ## Create the virtual environment

train: $(READY) ## Train the quickstart experiment, and write a page on it (EXPERIMENT=..., RANKS=..., ARGS='...')
	$(BIN)/evo-hns train $(EXPERIMENT) --ranks $(RANKS) --report $(ARGS)

test: $(READY) ## Run the tests (ARGS='-m "not slow"' for the quick ones)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

release-test: $(READY) ## Run the long loops (thousands of kills and bad inputs) and the repetitions of dear tests, for an hour or two
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal -m release $(ARGS)

lint: $(READY) ## Check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean: ## Remove the virtual environment and every cache, keep the runs
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find evo_hns tests -name __pycache__ -type d -prune -exec rm -rf {} +

# torch comes first and pinned: whatever asks for it later finds it there.
$(READY): setup.cfg pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "evo_hns needs Python 3.11 or newer, got %d.%d; try make PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) torch
	$(BIN)/python -m pip install --quiet --constraint $(CONSTRAINTS) --editable '.[$(EXTRAS)]'
	@touch $@
