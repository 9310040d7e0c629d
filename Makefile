# One command for everything. Needs only Python 3.11 or newer and make; `make` alone lists the targets.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV     ?= uv
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

LOCK_FLAGS := --quiet --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11

# Nodes, workers and commands are many processes: without cached bytecode each compiles all its libraries anew.
unexport PYTHONDONTWRITEBYTECODE

DEMO_ARGS  ?=
BENCH_ARGS ?= scoring --rows 100000 --columns 64
TEST_ARGS  ?=

.DEFAULT_GOAL := help
.PHONY: help setup proto lock licences docs lint format check test bench demo wheel clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(VENV)/.installed ## make .venv with everything that development and the demo need

# The lock names every package with its hash, so nothing is resolved and nothing unnamed is fetched.
$(VENV)/.locked: requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (set PYTHON=...)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is missing or too old: Python 3.11 or newer is needed (set PYTHON=...)" >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	$(PIP) install --no-compile --require-hashes --no-deps -r requirements/dev.txt
	$(PIP) check
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

proto: setup ## generate the wire code from protos/*.proto
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. protos/*.proto

lock: ## resolve the dependencies again (needs uv)
	$(UV) pip compile pyproject.toml --extra demo --extra dev -o requirements/dev.txt $(LOCK_FLAGS)
	$(UV) pip compile pyproject.toml --extra demo -c requirements/dev.txt -o requirements/demo.txt $(LOCK_FLAGS)
	$(UV) pip compile pyproject.toml -c requirements/dev.txt -o requirements/runtime.txt $(LOCK_FLAGS)
	echo hatchling | $(UV) pip compile - -c requirements/dev.txt -o requirements/build.txt $(LOCK_FLAGS)

licences: setup ## write LICENSES-OF-DEPENDENCIES.md from what is installed
	$(BIN)/python requirements/licences.py > LICENSES-OF-DEPENDENCIES.md

docs: setup ## write the generated pages of docs/
	$(BIN)/python -m tests.support.generated_pages

lint: setup ## style, types, import rules
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## put the code into its one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: setup ## all static checks: format, lint, strict types, import rules, generated code and pages
	$(BIN)/ruff format --check .
	$(MAKE) lint
	$(BIN)/pytest -q tests/architecture

test: setup ## the whole test suite (TEST_ARGS="-k name")
	$(BIN)/pytest -q -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(TEST_ARGS)

bench: setup ## a benchmark (BENCH_ARGS="online")
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

demo: setup ## two nodes on this machine, real data, a table and plots (DEMO_ARGS="--data DIR")
	$(BIN)/banktax demo $(DEMO_ARGS)

wheel: setup ## build dist/*.whl
	rm -rf dist
	$(BIN)/python -m hatchling build -t wheel

clean: ## remove everything that make made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
