# `make` alone lists the targets. Everything runs from .venv; no other folder is touched.
PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := core functions bench tests
COMPILE_ANY := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate
COMPILE := $(COMPILE_ANY) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help install demo up test test-faults test-n8n check format bench bench-judgement requirements clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile
	@echo '  ARGS="…" is handed on: make demo ARGS="--exit"; PYTHON=… chooses the interpreter'

install: $(STAMP) ## Make .venv with everything in it

$(STAMP): requirements/all.txt pyproject.toml
	@command -v "$(PYTHON)" >/dev/null || { \
		echo 'Python is missing: install Python 3.11 or newer, or name it: make PYTHON=/path/to/python3' >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Refit needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" -V 2>&1). Name another: make PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module: on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	@echo 'Installing into .venv; the first time takes a minute or two.'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear $(VENV)
	@# Modules compile when they are first imported: compiling all of them here would take as long again.
	@$(BIN)/python -m pip install -qq --no-compile --disable-pip-version-check --require-hashes -r requirements/all.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: install ## Walk through the main job on a local stack
	@$(BIN)/refit demo $(ARGS)

up: install ## Start database, queue, functions, worker and scheduler here
	@$(BIN)/refit up $(ARGS)

test: install ## Run the tests, but for those of faults and of a real n8n
	@$(BIN)/python -m pytest --ignore=tests/faults --ignore=tests/n8n_live $(ARGS)

test-faults: install ## Kill, pause, fill and cut off the parts, and see that nothing is lost
	@$(BIN)/python -m pytest tests/faults $(ARGS)

test-n8n: install ## Install a real n8n below ~/.cache (3 GB, once) and run the workflow in it
	@$(BIN)/python -m tests.n8n_live.install
	@$(BIN)/python -m pytest tests/n8n_live --timeout=900 $(ARGS)

check: lint types imports dependencies security sql dockerfile ## Lint, types, import rules, dependencies, security, SQL, Dockerfile

# The parts of `make check`; `make -k check` goes on after one that fails.
.PHONY: lint types imports dependencies security sql dockerfile
lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports --no-logo

dependencies: install
	$(BIN)/deptry .

security: install
	$(BIN)/bandit -q -c pyproject.toml -r core functions
	$(BIN)/python .ci/audit_dependencies.py $(BIN)/pip-audit

sql: install
	$(BIN)/sqlfluff lint supabase/migrations

dockerfile: install
	$(BIN)/hadolint Dockerfile

format: install ## Rewrite Python and SQL in the project's style
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix supabase/migrations

bench: install ## Measure reading and retraining against their bare equivalents
	@$(BIN)/python -m bench $(ARGS)

bench-judgement: install ## Simulate how well checks, promotions, drift and estimates judge
	@$(BIN)/python -m bench.judgement $(ARGS)

# One set of versions: the smaller files are compiled within the largest one's.
requirements: install ## Compile the pinned files from pyproject.toml (ARGS=--upgrade for newer versions)
	$(COMPILE) $(ARGS) --extra worker --extra embedded --group dev -o requirements/all.txt
	$(COMPILE) --constraint requirements/all.txt --extra worker -o requirements/worker.txt
	$(COMPILE) --constraint requirements/all.txt -o requirements/functions.txt
	$(COMPILE_ANY) --constraint requirements/all.txt --group build -o requirements/build.txt

clean: ## Remove .venv and caches; data folders stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
