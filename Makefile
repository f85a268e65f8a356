# graphfeed: what there is to do in this folder. `make` alone says it.
#
# Everything happens in the virtual environment .venv, made on the first run with python3, or another Python of 3.11 to 3.13
# that is there (PYTHON=... names one), and brought up to date when pyproject.toml changes.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
PYTHON ?= $(firstword $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import ensurepip, sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p; done))
PYTEST := $(BIN)/python -m pytest
# Two at a time, a file each: what a file's tests share is made once. Each has a Neo4j server of its own.
WORKERS ?= 2

.PHONY: help demo test lint torture docs clean

help:
	@echo "make demo     go the whole way once on the sample community: load, train, publish, ask"
	@echo "make test     check style and types, run the tests"
	@echo "make lint     only style and types"
	@echo "make torture  the tests that kill, 200 times (long)"
	@echo "make docs     the documentation as a site, in site/"
	@echo "make clean    remove the virtual environment and the site"

demo: $(READY)
	@echo "== The demo: a sample community, from loading to explained recommendations =="
	@$(BIN)/graphfeed demo

test: lint
	@echo "== Tests (a few minutes) =="
	# One thread each: the worlds are small, and threads that wait for each other cost more than they bring.
	OMP_NUM_THREADS=1 $(PYTEST) -n $(WORKERS) --dist loadfile

lint: $(DEV)
	@echo "== Style and types =="
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

torture: $(DEV)
	@echo "== Tests that kill the program at random moments, 200 times =="
	GRAPHFEED_KILLS=200 $(PYTEST) -k kill --timeout 14400

docs: $(DEV)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "The documentation is in site/index.html: open it in a browser, no server is needed"

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "graphfeed needs Python 3.11, 3.12 or 3.13 with its venv module, and found none:" \
		"install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else \
		"graphfeed needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is " + sys.version.split()[0])'
	@echo "== Setting up $(VENV) with $$($(PYTHON) --version): the first time downloads up to 3.3 GB, most of it PyTorch (README) =="
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[offline]'
	@touch $(READY)

$(DEV): $(READY)
	@echo "== Adding what the tests need =="
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[offline,dev]'
	@touch $(DEV)

clean:
	rm -rf $(VENV) site
