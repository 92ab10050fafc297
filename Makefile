# The entry point for every task: `make` on its own lists them. Everything is installed in virtual environments inside the checkout.

PYTHON ?= python3
# One more than cores, since many tests wait for something.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
ARGS ?=
BASE ?=
NAME ?=

# Many tests start processes, which must not compile the packages each time, whatever the machine is set to.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
# More processes than this only overload the databases.
PYTEST := bin/python -m pytest -n $(WORKERS) --maxprocesses 16
# Tests that tell versions of protobuf apart: messages of every type as JSON, recorded calls, the client, reflection.
PROTOBUF := $(addprefix tests/,rest/test_json_reader.py rest/test_json_writer.py conformance client reflection)
# Folders that need no server processes, faults, browser or other project's library. `make quick` also leaves out the tests in
# them that are marked slow: those that wait for timeouts, check for memory that is not freed, or send messages of every type or
# a million of something.
QUICK := $(addprefix tests/,server storage contract api rest conformance recorded_spec mlmd)
PIP := bin/pip install --quiet --disable-pip-version-check
# Environments with other projects' libraries, which the tests run in addition to ours.
OTHERS := .venv-kfp/stamp .venv-mlmd/stamp
MANIFESTS := pyproject.toml clients/python/pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup serve test quick test-protobuf-floor test-protobuf-newest soak check format proto openapi migration bench clean
.PRECIOUS: .venv-protobuf-%/stamp
.DELETE_ON_ERROR:

help: ## list the targets and variables
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DB=sqlite        run tests on these databases only (comma-separated: sqlite, postgresql, mysql)"
	@echo "  ARGS='-k name'   pass these arguments to the command (serve, test, quick, soak, bench)"
	@echo "  WORKERS=4        number of test processes (default: one more than cores)"
	@echo "  PYTHON=python3   interpreter to create environments with"
	@echo "  LINEAL_TEST_POSTGRESQL, LINEAL_TEST_MYSQL: URLs of servers to test on, instead of private ones"
	@echo "  TMPDIR=folder    where tests store databases (default: in memory, if there is enough)"

setup: $(VENV)/dev.stamp ## create .venv with everything for development

serve: $(VENV)/serve.stamp ## serve gRPC and REST on a SQLite file
	$(BIN)/lineal-server serve $(ARGS)

test: $(VENV)/dev.stamp $(OTHERS) ## run all tests; first those that tell versions of protobuf apart, with the oldest and the newest
	@$(BIN)/python -m tests.databases
	@$(BIN)/python -m tests.pages
	@$(BIN)/python -m tests.wheel
ifeq ($(strip $(ARGS)),)
	@$(MAKE) --no-print-directory test-protobuf-floor test-protobuf-newest
endif
	$(VENV)/$(PYTEST) $(ARGS)

quick: .venv-protobuf-newest/stamp ## run the fast tests on SQLite, without those marked slow (a minute)
	DB=sqlite .venv-protobuf-newest/$(PYTEST) -m 'not slow' $(QUICK) $(ARGS)

test-protobuf-floor: ## run the tests that tell versions of protobuf apart, on SQLite, with the oldest one that is accepted
test-protobuf-newest: ## the same with the newest protobuf
test-protobuf-floor test-protobuf-newest: test-protobuf-%: .venv-protobuf-%/stamp
	DB=sqlite .venv-protobuf-$*/$(PYTEST) -p no:cacheprovider -m 'not slow or messages' $(PROTOBUF) $(ARGS)

soak: $(VENV)/dev.stamp $(OTHERS) ## run the long form of the tests that have one (hours)
	@$(BIN)/python -m tests.databases
	@$(BIN)/python -m tests.pages
	$(VENV)/$(PYTEST) --soak -m soak $(ARGS)

check: $(VENV)/dev.stamp ## check format, lint, types, import rules, sizes, dialect names, stubs, wire contract, docs, OpenAPI, vendored files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.10 --package lineal
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python checks/size_budget.py
	$(BIN)/python checks/dialect_names.py
	$(BIN)/python checks/stub_drift.py
	$(BIN)/python checks/generate_client.py --check
	$(BIN)/python checks/wire_contract.py
	$(BIN)/python checks/docs_drift.py
	$(BIN)/python checks/openapi.py
	$(BIN)/python checks/vendored.py

format: $(VENV)/dev.stamp ## format the code and fix what the linter can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

proto: $(VENV)/dev.stamp ## generate the stubs from the protos
	$(BIN)/python checks/generate.py
	$(BIN)/python checks/generate_client.py

migration: $(VENV)/dev.stamp ## create the file of the next migration, NAME="what it does"
	@$(BIN)/python checks/new_migration.py "$(NAME)"

openapi: $(VENV)/dev.stamp ## generate the OpenAPI document from the protos
	$(BIN)/python checks/openapi.py --write

bench: $(VENV)/dev.stamp ## run the benchmarks (20 minutes); BASE=commit also measures that commit, ARGS=--write keeps the results
	$(BIN)/python -m benchmarks $(if $(BASE),--base $(BASE)) $(ARGS)

clean: ## remove environments, caches and build products, but no data
	rm -rf .venv .venv-kfp .venv-mlmd .venv-wheel .venv-protobuf-* build dist *.egg-info clients/python/build clients/python/*.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Create an environment. On Debian, Python can do so only with the package python3-venv.
define create_venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
			&& apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
				python3-venv </dev/null >/dev/null; } \
		|| { echo 'Python cannot create virtual environments: install python3-venv' >&2; exit 1; }
	@test -x $(1)/bin/pip || { echo 'creating $(1)' && $(PYTHON) -m venv $(1); }
endef

# Both distributions are installed from the checkout in one command, so that `lineal` is never downloaded from an index.
$(VENV)/serve.stamp: $(MANIFESTS)
	$(call create_venv,$(VENV))
	$(VENV)/$(PIP) -c constraints.txt -e 'clients/python[cli]' -e .
	@touch $@

$(VENV)/dev.stamp: $(MANIFESTS)
	$(call create_venv,$(VENV))
	$(VENV)/$(PIP) -c constraints.txt -e 'clients/python[cli]' -e '.[dev]'
	@touch $@ $(VENV)/serve.stamp

# Kubeflow Pipelines' SDK and our client are resolved together, separately from the server's packages.
.venv-kfp/stamp: clients/python/pyproject.toml tests/sdk/requirements.txt
	$(call create_venv,$(@D))
	$(@D)/$(PIP) -r tests/sdk/requirements.txt ./clients/python
	@touch $@

# ML Metadata's last release has wheels for CPython 3.11 on x86-64 only. On other platforms its test is skipped with that reason.
.venv-mlmd/stamp: tests/mlmd_wheel/requirements.txt
	$(call create_venv,$(@D))
	@if $(@D)/bin/python -c 'import platform, sys; sys.exit((platform.machine(), sys.version_info[:2]) != ("x86_64", (3, 11)))'; \
		then $(@D)/$(PIP) -r $<; fi
	@touch $@

# Installed without dependency resolution: kfp-pipeline-spec declares protobuf < 7, but works with 7.
.venv-protobuf-%/stamp: $(MANIFESTS) constraints-protobuf-%.txt
	$(call create_venv,$(@D))
	@awk -F '==' '/^#/ {next} FNR == NR {other[$$1]; print; next} !($$1 in other)' \
		constraints-protobuf-$*.txt constraints.txt > $(@D)/requirements.txt
	$(@D)/$(PIP) --no-deps -r $(@D)/requirements.txt -e clients/python -e .
	@touch $@
