# make: set up and run the main job. make help: everything else.
PYTHON ?= python3
CORES ?= $(shell nproc)
BIN := .venv/bin
# Idle OpenMP threads that spin slow everything else, but for a moment's wait for the next short
# call; it must be set before Python starts.
export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 20000
export PIP_DISABLE_PIP_VERSION_CHECK = 1

KERNELS := $(wildcard csrc/*.c csrc/*.h csrc/*.py) setup.py pyproject.toml

.PHONY: all setup prune test lint bench claims clean help

all: setup ## set up, run the main job on the embedded data, say where the results are
	$(BIN)/snakemake --cores $(CORES) results/table2.csv results/report.html --config 'report=[table2,toy]'
	@echo
	@echo "Table 2 on the embedded data: results/table2.csv (to use), results/table2.md (to read)"
	@echo "Open results/report.html in a browser: tables, figures, claims, where everything comes from"

setup: .venv/kernels ## pinned dependencies into .venv, kernels built

.venv/kernels: .venv/requirements $(KERNELS)
	$(BIN)/pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

.venv/requirements: requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "make: $(PYTHON) is not Python 3.11 or newer; try make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	    { echo "make: $(PYTHON) has no venv module; install it (Debian: python3-venv)" >&2; exit 1; }
	@command -v $${CC:-cc} >/dev/null || \
	    { echo "make: no C compiler $${CC:-cc}; install one (Debian: gcc)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --requirement requirements.txt --constraint constraints.txt
	@touch $@

.venv/dev: .venv/requirements requirements-dev.txt
	$(BIN)/pip install --quiet --requirement requirements-dev.txt --constraint constraints.txt
	@touch $@

prune: setup .venv/prune ## torch too, which the published pruning agent needs

.venv/prune: .venv/requirements requirements-prune.txt
	$(BIN)/pip install --quiet --requirement requirements-prune.txt --constraint constraints.txt
	@touch $@

test: setup lint .venv/prune ## set up, lint, and run all tests
	$(BIN)/pytest

lint: setup .venv/dev ## ruff, snakefmt, snakemake --lint, the compiler's warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint
	$${CC:-cc} -std=gnu11 -O2 -fopenmp -Wall -Wextra -Werror -Wno-psabi -fsyntax-only csrc/*.c

bench: setup .venv/bench ## speed beside Faiss 1.7.4 (its environment goes into .venv174), Faiss and hnswlib
	$(BIN)/snakemake --cores $(CORES) --forcerun bench_runs -- results/bench.csv
	@cat results/bench.md

.venv/bench: .venv/requirements requirements-bench.txt
	$(BIN)/pip install --quiet --requirement requirements-bench.txt --constraint constraints.txt || \
	    echo "hnswlib cannot be built here (it needs a C++ compiler): it is left out of the comparison"
	@touch $@

claims: setup ## run what claims are read in, and write docs/claims.md anew
	$(BIN)/snakemake --cores $(CORES) results/claims.csv
	$(BIN)/python expected/update_claims.py results/claims.csv

clean: ## remove results, logs and builds; downloads and environments stay
	rm -rf results logs benchmarks build .snakemake .pytest_cache .ruff_cache
	rm -rf lib/*.egg-info lib/linkprune/kernels/*.so .venv/kernels

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 8
