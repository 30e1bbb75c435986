# Every command a person types. `make help` explains them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DATA_DIR ?= data
# Resolves in seconds, where pip needs minutes. Every process would compile what is not
# compiled.
UV := $(BIN)/uv pip install --quiet --compile-bytecode
PIP_INSTALL := $(UV) --python $(BIN)/python --constraint constraints.txt
# What the tests need.
WITH_EXTRAS := .[apprise,dashboard,dev,ducklake,kubernetes,postgres,workers]
PYTEST := $(BIN)/python -m pytest
# More workers than processors, because many tests wait for servers and clocks.
DISTRIBUTED := -n 4 --dist loadgroup --no-loadscope-reorder
MANIFEST := dbt_project/target/manifest.json
DBT_SOURCES := $(shell find dbt_project -type f -not -path '*/target/*' -not -path '*/logs/*' 2>/dev/null)

# Next to those of tests/faults: tests that kill whole commands.
FAULTS := tests/faults tests/test_crashes.py tests/test_interrupted_reads.py \
  tests/test_clicks.py::test_killed_again_and_again_each_click_is_sent_once_in_effect \
  tests/test_daemon.py::test_the_web_ui_listens_on_this_machine_only \
  tests/test_dashboard.py::test_the_dashboard_filters_by_page

# What the shell says to another dbt (DBT_TARGET, DBT_PROFILE) is not for this one.
unexport $(filter DBT_%,$(.VARIABLES))

# A path may have any character in it, so recipes take it from the shell, in quotes.
export DAGSTER_HOME ?= $(CURDIR)/$(DATA_DIR)/dagster
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

.DEFAULT_GOAL := help
.PHONY: help install demo ui doctor probe load dev dashboard test test-fast test-long test-faults lint lint-sql lint-secrets format bench manifest pins sources docs screenshots clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed manifest ## Create .venv and install what running needs

demo: install ## Load the sandbox of both APIs through Dagster and show the star schema
	@$(BIN)/python -m roster_platform.sandbox demo

ui: install ## The demo's data in the Dagster web UI, with the sandbox running
	@$(BIN)/python -m roster_platform.sandbox ui

doctor: install ## Check your keys, pages, settings and disk, and say what to do
	@mkdir -p "$$DAGSTER_HOME" && cp dagster.yaml "$$DAGSTER_HOME"
	@$(BIN)/roster-platform doctor

probe: install ## Ask your APIs what they send, and write it into mappings/
	@$(BIN)/roster-platform probe

# Unit tests are of the models' SQL, not of the data; nobody reads what dbt would write.
LOAD_BUILD ?= dbt build --quiet --no-write-json --exclude-resource-type unit_test

# Whatever fails, the rest is loaded and built; the status says whether anything did.
load: install ## Read your APIs, build the models, publish the marts and the report
	@status=0; \
	  $(BIN)/python -m roster_platform.ingest roster || status=1; \
	  $(BIN)/python -m roster_platform.ingest autorosters || status=1; \
	  echo "building the models ..."; \
	  $(BIN)/roster-platform $(LOAD_BUILD) || status=1; \
	  $(BIN)/roster-platform publish || status=1; \
	  exit $$status

dev: install ## Dagster on your APIs: its web UI, schedules and sensors
	@mkdir -p "$$DAGSTER_HOME" && cp dagster.yaml "$$DAGSTER_HOME"
	@$(BIN)/python -m roster_platform.dagster_dev

dashboard: $(VENV)/.installed-dashboard ## Open the dashboard on the published marts (after make load or make demo)
	@if [ -z "$$ROSTER_PLATFORM__DATA_DIR" ] && [ ! -e "$$DATA_DIR/published" ] && [ -e "$$DATA_DIR/sandbox/published" ]; \
	  then export ROSTER_PLATFORM__DATA_DIR="$$DATA_DIR/sandbox"; fi; \
	  $(BIN)/roster-platform dashboard

test: $(VENV)/.installed-dev manifest ## Install what the tests need and run them
	$(PYTEST) $(DISTRIBUTED)

test-fast: $(VENV)/.installed-dev manifest ## Run the unit tests: no process, no server
	$(PYTEST) -m unit

test-long: $(VENV)/.installed-dev manifest ## Run all tests in their long form
	$(PYTEST) --long $(DISTRIBUTED)

test-faults: $(VENV)/.installed-dev manifest ## Run the fault tests in their long form, and write docs/reliability.md
	$(PYTEST) $(FAULTS) --long --destination $${DESTINATION:-duckdb} \
		--reliability-page docs/reliability.md $(DISTRIBUTED)

lint: $(VENV)/.installed-dev lint-sql lint-secrets ## Check style, types and layers: ruff, mypy, import-linter, detect-secrets, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mkdir -p "$$DATA_DIR/lint"
	$(BIN)/lint-imports --cache-dir "$$DATA_DIR/lint/imports"
	$(BIN)/mypy --cache-dir "$$DATA_DIR/lint/mypy"

lint-secrets: $(VENV)/.installed-dev
	@mkdir -p "$$DATA_DIR/lint"
	git ls-files -z -- ':!*.png' > "$$DATA_DIR/lint/files"
	xargs -0 $(BIN)/detect-secrets-hook \
	  --exclude-secrets '(?i)canary|sandbox|secret|token|password' < "$$DATA_DIR/lint/files"

lint-sql: $(VENV)/.installed-dev manifest
	@mkdir -p "$$DATA_DIR/lint"
	ROSTER_PLATFORM__DATA_DIR="$$PWD/$$DATA_DIR/lint" DBT_TARGET_PATH="$$PWD/$$DATA_DIR/lint" \
	  $(BIN)/python -m tests.sql_linter lint dbt_project --disable-progress-bar

format: $(VENV)/.installed-dev ## Fix what the linters can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev manifest ## Compare speeds side by side and write docs/performance.md
	$(BIN)/python -m benchmarks

sources: $(VENV)/.installed ## Write dbt's source declarations from the endpoint catalogue
	$(BIN)/python -m roster_platform.dbt.sources

docs: install ## Write the data dictionary, and dbt's docs site into data/docs
	$(BIN)/python -m docs.data_dictionary
	@mkdir -p "$$DATA_DIR/docs"
	@ROSTER_PLATFORM__DATA_DIR="$$PWD/$$DATA_DIR/docs" $(BIN)/dbt --quiet docs generate --static \
	  --empty-catalog --project-dir dbt_project --profiles-dir dbt_project \
	  --target-path "$$PWD/$$DATA_DIR/docs" --log-path "$$PWD/$$DATA_DIR/docs"
	@echo "docs/data_dictionary.md, docs/analysts.md and $$DATA_DIR/docs/static_index.html are written"

screenshots: $(VENV)/.installed-dev manifest ## Take the documents' screenshots (needs Chromium)
	$(BIN)/python docs/screenshots.py

# Resolved for the oldest Python; a registry is asked for what is newest.
pins: $(VENV)/bin/uv ## Raise the pinned versions in constraints.txt
	@{ sed '/^#/!d' constraints.txt; printf 'uv\n$(WITH_EXTRAS)\n' | $(BIN)/uv pip compile \
	  --quiet --no-header --no-annotate --no-emit-package roster-platform \
	  --python-version 3.11 -; } > constraints.new
	@mv constraints.new constraints.txt

manifest: $(MANIFEST) ## Build dbt's manifest, which the definitions load

clean: ## Remove the sandbox's data and what dbt built
	rm -rf "$$DATA_DIR/sandbox" dbt_project/target

# With the demo's data folder: dbt parses again for another profile than the last.
$(MANIFEST): $(DBT_SOURCES) | $(VENV)/.installed
	@cd dbt_project && ROSTER_PLATFORM__DATA_DIR="$$OLDPWD/$$DATA_DIR/sandbox" ../$(BIN)/dbt parse --quiet --no-partial-parse --profiles-dir . --target-path target --log-path target

$(VENV)/bin/uv:
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/uv
	@echo "install into $(VENV) (about a minute) ..."
	@started=$$(date +%s); \
	  $(PIP_INSTALL) --editable . && \
	  echo "installed in $$(($$(date +%s) - started)) s"
	@touch $@

$(VENV)/.installed-dashboard: $(VENV)/.installed
	@$(PIP_INSTALL) --editable ".[dashboard]"
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP_INSTALL) --editable "$(WITH_EXTRAS)"
	@touch $@

# The dbt adapters of the warehouses, in an environment without Dagster, for their test.
.venv-adapters/.installed: constraints-adapters.txt | $(VENV)/bin/uv
	@$(PYTHON) -m venv .venv-adapters
	@$(BIN)/uv pip install --quiet --python .venv-adapters/bin/python \
	  --requirement constraints-adapters.txt
	@touch $@
