# Needs Python 3.11 or newer, make and a network; everything else comes into .venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
BIN := .venv/bin
SOURCES := libs services tests deploy
# Most real tests wait for something most of the time, so several go at once, each process with servers of its own; the
# fault runs load the machine by themselves.
TEST_PROCESSES ?= 3

.PHONY: help setup run test check dashboards bench bench-peers faults lock format

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: .venv/.ready ## make .venv with .venv/bin/stratafold

.venv/.ready: deploy/dev.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then echo "make: no Python 3.11 or newer on PATH (or name one: make PYTHON=/path/to/python)" >&2; exit 2; fi
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r deploy/dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index -e .
	touch $@

run: setup ## everything on a local Kafka and Redis, with demo traffic
	$(BIN)/stratafold up --demo

test: setup ## all tests, real Kafka and Redis and quick faults among them
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --ignore tests/faults
	$(BIN)/python -m pytest tests/faults

check: setup ## format, lint, types, import rules, dashboards, schemas against the released ones
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m deploy.grafana.description --check
	$(BIN)/stratafold schemas --check deploy/schemas

format: setup ## rewrite to the format that check wants
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

dashboards: setup ## write Grafana's dashboards anew from their description
	$(BIN)/python -m deploy.grafana.description

bench: setup ## the figures of this worker, beside a plain handler and a pass-through
	$(BIN)/python -m tests.bench

bench-peers: setup ## the same, with the peers that need a virtual environment of their own
	$(BIN)/python -m tests.bench --peers

faults: setup ## the long fault runs
	$(BIN)/python -m pytest -m faults_long tests/faults tests/libs/runtime/simulation

# Index and find-links settings of the machine that locks must not reach the lock files, so uv is told neither.
UV := env -u UV_FIND_LINKS -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_INDEX -u UV_DEFAULT_INDEX .venv-lock/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-config \
	--custom-compile-command "make lock" pyproject.toml

# What the benchmark compares with, in an environment of its own.
PEERS := $(subst pyproject.toml,tests/bench/peers.in,$(COMPILE))

lock: ## choose versions anew: deploy/runtime.lock, deploy/dev.lock, deploy/peers.lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --disable-pip-version-check --quiet uv
	$(COMPILE) --upgrade --output-file deploy/runtime.lock
	$(COMPILE) --upgrade --extra local --group dev --constraint deploy/runtime.lock --output-file deploy/dev.lock
	$(PEERS) --upgrade --output-file deploy/peers.lock
