# Every target installs what it needs into .venv first; that is quick when it is there.
.DEFAULT_GOAL := help
.PHONY: help run run-ibm_telco run-simulated_isp test lint check hooks dev docs bench lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SQL_LINTED := $(VENV)/.sql-linted
# Nothing is compiled at installation, so what is imported has to be kept as compiled, whatever the machine says.
unexport PYTHONDONTWRITEBYTECODE
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

BI_VENV := .venv-superset
SERVED := data/simulated_isp/served/segments.duckdb
DECIDED := data/simulated_isp/dagster/.decided
SIMULATED := examples/simulated_isp/segmentation.yaml
IBM := examples/ibm_telco/segmentation.yaml

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, found " + sys.version.split()[0] + "; try make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	# The lock is complete, so pip need not resolve; older ones cannot match its hashes to extras when they do.
	# Python compiles what is imported, a small part of what is installed.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

data/simulated_isp/source: | $(INSTALLED)
	$(BIN)/segmentation simulate --config $(SIMULATED) --customers 3000 --months 18 --end-month 2025-12

data/ibm_telco/source: | $(INSTALLED)
	$(BIN)/python examples/ibm_telco/fetch.py

# Side by side: a run of data as small as these is mostly one thread. Whose line is whose stands before it.
run: $(INSTALLED) data/simulated_isp/source data/ibm_telco/source  ## Run the whole pipeline on both example data sets
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,--jobs 2) run-ibm_telco run-simulated_isp

run-ibm_telco run-simulated_isp: SHELL := bash
run-ibm_telco run-simulated_isp: .SHELLFLAGS := -o pipefail -c
run-ibm_telco: | data/ibm_telco/source
	@$(BIN)/segmentation run --config $(IBM) --from 2025-12 --to 2025-12 2>&1 | $(NAMED)
run-simulated_isp: | data/simulated_isp/source
	@$(BIN)/segmentation run --config $(SIMULATED) --from 2025-10 --to 2025-12 2>&1 | $(NAMED)
NAMED = awk '{ print "$(@:run-%=%) | " $$0; fflush() }'

# A worker more than cores, for tests wait: for servers, for a minute to tick, for the disk. One thread for each: threads
# that wait for one another take the cores from those that work.
test run: export OMP_NUM_THREADS := 1
test run: export OPENBLAS_NUM_THREADS := 1
test: $(INSTALLED)  ## Run every test
	$(BIN)/python -m pytest -n 3 --dist loadscope --no-loadscope-reorder --durations=25

# SQL: what has changed since it was last found right, or all of it if that was judged by other rules or macros.
SQL := $(shell find dbt_project/models -name '*.sql')
$(SQL_LINTED): $(SQL) dbt_project/.sqlfluff $(wildcard dbt_project/macros/* dbt_project/lint/*) $(INSTALLED)
	cd dbt_project && ../$(BIN)/sqlfluff lint --processes 2 \
		$(if $(filter-out $(SQL),$?),models,$(patsubst dbt_project/%,%,$?))
	@touch $@

lint: $(INSTALLED) $(SQL_LINTED)  ## Check style, types, import direction, SQL style and SQL portability
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/dbt/test_portable_sql.py

check: lint run test  ## What CI runs

hooks: $(INSTALLED)  ## Check what has changed before every commit
	$(BIN)/pre-commit install

$(BI_VENV)/.installed: deploy/superset/requirements.lock
	test -x $(BI_VENV)/bin/python || $(PYTHON) -m venv $(BI_VENV)
	$(BI_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes --requirement $<
	@touch $@

$(SERVED): | data/simulated_isp/source
	$(BIN)/segmentation run --config $(SIMULATED) --from 2025-10 --to 2025-12

# Two days of actions, for their dashboard; each is served as it is decided.
$(DECIDED): | $(SERVED)
	$(BIN)/segmentation actions --config $(SIMULATED) --skip-ingest --day 2025-11-20
	$(BIN)/segmentation actions --config $(SIMULATED) --skip-ingest --day 2025-12-31
	@touch $@

bi: $(INSTALLED) $(BI_VENV)/.installed $(DECIDED)  ## Open Apache Superset on the simulated ISP (BI_SOURCE=postgresql://… reads PostgreSQL)
	$(BIN)/python deploy/superset/start.py --config $(SIMULATED) $(if $(BI_SOURCE),--source "$(BI_SOURCE)")

bi-check: $(INSTALLED) $(BI_VENV)/.installed $(DECIDED)  ## Look at every dashboard in headless Chromium
	$(BIN)/python deploy/superset/start.py --config $(SIMULATED) --port 8089 --look data/superset/pictures

dev: export SEGMENTATION_CONFIG ?= $(CURDIR)/$(SIMULATED)
dev: export DAGSTER_HOME ?= $(CURDIR)/data/simulated_isp/dagster
dev: $(INSTALLED) data/simulated_isp/source  ## Open the Dagster UI on the simulated ISP
	@$(BIN)/python -c 'from orchestration.cli.runs import prepare_dagster_home; from orchestration.settings import load_settings; prepare_dagster_home(load_settings())'
	$(BIN)/dg dev

bench: $(INSTALLED)  ## Measure speed and memory, beside other libraries
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement benchmarks/requirements.lock
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks.clusters
	$(BIN)/python -m benchmarks.value
	$(BIN)/python -m benchmarks.retention

docs: $(INSTALLED)  ## Write the pages of source contract, settings and bi tables from their declarations
	$(BIN)/python -m orchestration.lake.contract_page
	$(BIN)/python -m orchestration.cli.settings_page
	$(BIN)/python -m orchestration.cli.tables_page

lock:  ## Compile the lock files from pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--extra dlt --extra examples --extra linkage --extra notify --group dev pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--constraint requirements.lock --group bench --output-file benchmarks/requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		deploy/superset/requirements.in --output-file deploy/superset/requirements.lock

clean:  ## Remove the example warehouses and reports
	rm -rf data
