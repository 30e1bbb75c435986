# Every command a person types. `make help` explains them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA_DIR ?= data
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
MANIFEST := dbt_project/target/manifest.json
DBT_SOURCES := $(shell find dbt_project -type f -not -path '*/target/*' -not -path '*/logs/*' 2>/dev/null)

# Beside the suite's own, tests that do harm to whole commands.
FAULTS := tests/faults tests/test_crashes.py \
  tests/test_clicks.py::test_killed_again_and_again_each_click_is_sent_once_in_effect \
  tests/test_daemon.py::test_the_web_ui_listens_on_this_machine_only \
  tests/test_dashboard.py::test_the_dashboard_filters_by_page

export DAGSTER_HOME ?= $(CURDIR)/$(DATA_DIR)/dagster
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.DEFAULT_GOAL := help
.PHONY: help install demo ui dev dashboard test test-faults lint format bench manifest sources docs screenshots clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed manifest ## Create .venv and install what running needs

demo: install ## Load the sandbox of both APIs through Dagster and show the star schema
	@$(BIN)/python -m roster_platform.sandbox demo

ui: install ## The demo's data in the Dagster web UI, with the sandbox running
	@$(BIN)/python -m roster_platform.sandbox ui

dev: install $(DAGSTER_HOME)/dagster.yaml ## Dagster on the real APIs (tokens in .dlt/secrets.toml)
	$(BIN)/dagster dev

dashboard: $(VENV)/.installed-dashboard ## The dashboard over the published marts (demo data: after make demo)
	@if [ -z "$$ROSTER_PLATFORM__DATA_DIR" ] && [ ! -e $(DATA_DIR)/published ] && [ -e $(DATA_DIR)/sandbox/published ]; \
	  then export ROSTER_PLATFORM__DATA_DIR=$(DATA_DIR)/sandbox; fi; \
	  $(BIN)/marimo run roster_platform/dashboard/app.py

test: $(VENV)/.installed-dev manifest ## Install what the tests need and run them
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-faults: $(VENV)/.installed-dev manifest ## Do harm at length, and write docs/reliability.md
	$(BIN)/python -m pytest $(FAULTS) --long --reliability-page docs/reliability.md -n 2 --dist loadgroup

lint: $(VENV)/.installed-dev manifest ## Check style and safety: ruff, detect-secrets, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	git ls-files -z -- ':!*.png' | xargs -0 $(BIN)/detect-secrets-hook \
	  --exclude-secrets '(?i)canary|sandbox|secret|token|password'
	@mkdir -p $(DATA_DIR)/lint
	ROSTER_PLATFORM__DATA_DIR=$(CURDIR)/$(DATA_DIR)/lint DBT_TARGET_PATH=$(CURDIR)/$(DATA_DIR)/lint \
	  $(BIN)/sqlfluff lint dbt_project --disable-progress-bar

format: $(VENV)/.installed-dev ## Mend what the linters can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev manifest ## Compare speeds side by side and write docs/performance.md
	$(BIN)/python -m benchmarks

sources: $(VENV)/.installed ## Write dbt's source declarations from the endpoint catalogue
	$(BIN)/python -m roster_platform.ingest.dbt_sources

docs: install ## Write the data dictionary, and dbt's docs site into data/docs
	$(BIN)/python -m docs.data_dictionary
	@mkdir -p $(DATA_DIR)/docs
	@ROSTER_PLATFORM__DATA_DIR=$(CURDIR)/$(DATA_DIR)/docs $(BIN)/dbt --quiet docs generate --static \
	  --empty-catalog --project-dir dbt_project --profiles-dir dbt_project \
	  --target-path $(CURDIR)/$(DATA_DIR)/docs --log-path $(CURDIR)/$(DATA_DIR)/docs
	@echo "docs/data_dictionary.md and $(DATA_DIR)/docs/static_index.html are written"

screenshots: $(VENV)/.installed-dev manifest ## Take the README's screenshots (needs Chromium)
	$(BIN)/python docs/screenshots.py

manifest: $(MANIFEST) ## Build dbt's manifest, which the definitions load

clean: ## Remove the sandbox's data and what dbt built
	rm -rf $(DATA_DIR)/sandbox dbt_project/target

# With the demo's data folder: dbt parses again for another profile than the last.
$(MANIFEST): $(DBT_SOURCES) | $(VENV)/.installed
	@cd dbt_project && ROSTER_PLATFORM__DATA_DIR=$(CURDIR)/$(DATA_DIR)/sandbox ../$(BIN)/dbt parse --quiet --no-partial-parse --profiles-dir . --target-path target --log-path target

$(DAGSTER_HOME)/dagster.yaml: dagster.yaml
	@mkdir -p $(DAGSTER_HOME) && cp dagster.yaml $@

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "install into $(VENV) (about a minute) ..."
	@started=$$(date +%s); \
	  $(PIP_INSTALL) --editable . && \
	  echo "installed in $$(($$(date +%s) - started)) s"
	@touch $@

$(VENV)/.installed-dashboard: $(VENV)/.installed
	@$(PIP_INSTALL) --editable ".[dashboard]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP_INSTALL) --editable ".[dashboard,dev,ducklake,kubernetes,postgres,workers]"
	@touch $@

# dbt's adapters of warehouses, beside each other and apart from Dagster, for their test.
.venv-adapters/.installed: constraints-adapters.txt
	@$(PYTHON) -m venv .venv-adapters
	@.venv-adapters/bin/python -m pip install --quiet --disable-pip-version-check \
	  --no-compile --requirement constraints-adapters.txt
	@touch $@
