# Every target sets up what it needs in .venv on first use: `demo` and `serve` what Luma runs with, the others also
# what it is tested with.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Those of the packages here that Luma always needs.
OWN := packages/luma-client packages/luma-rag-minilm
# A lock names every package, so that there is nothing to resolve.
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-deps
# Python compiles what it imports; compiling everything takes longer than the installation itself.
export PIP_NO_COMPILE := 1

.DEFAULT_GOAL := help
.PHONY: help demo serve test test-all test-slow mutants plant fuzz check format docs docs-serve vendor check-page wheels lock clean

help:  ## Print what can be made
	@sed -nE 's/^([a-z-]+):[^#]*  ## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

demo: $(VENV)/.base  ## Read the demo documents and answer questions from them
	@$(BIN)/python docs/demo/run.py

serve: $(VENV)/.base  ## Serve the chat page at http://127.0.0.1:8000
	@$(BIN)/luma serve

# Tests often wait, for a browser or a server: three processes keep two cores busy.
PYTEST := $(BIN)/pytest -n 3 --dist worksteal

test: $(VENV)/.dev  ## Run the tests but the slow ones, by three processes with a Postgres each
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/.dev  ## Run the slow tests
	$(PYTEST) -m slow

test-all: $(VENV)/.dev  ## Run all tests
	$(PYTEST)

mutants: $(VENV)/.dev  ## Introduce leaks into copies of the code; the tests must find each
	$(BIN)/python -m tests.access.mutation_test

# The former name.
plant: mutants

fuzz: $(VENV)/.dev  ## Thousands of calls made up from the OpenAPI document
	$(BIN)/python -m tests.access.fuzz

check: $(VENV)/.dev  ## Style, types, direction of imports, migrations, rights in queries, known weaknesses
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m migrations.check
	$(BIN)/python -m tests.access.check_queries
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive luma_rag packages ingest migrations benchmarks
	@# With AUDIT_COMPLETE=1, for releases, packages of which nothing could be learned are an error.
	$(BIN)/python -m tests.security.check_packages
	@# Only those who work on the page need Node and its packages.
	@if command -v npm >/dev/null && $(MAKE) --no-print-directory $(PAGE)/node_modules; \
		then $(MAKE) --no-print-directory check-page; \
		else echo "Skipped check-page: npm, or packages that it installs, could not be had."; fi

format: $(VENV)/.dev  ## Put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.docs  ## Regenerate the reference pages and build the documentation site into site/
	$(BIN)/python -m scripts.docs
	$(BIN)/zensical build --strict --clean

docs-serve: docs  ## Serve the documentation site at http://127.0.0.1:8001
	$(BIN)/zensical serve --dev-addr 127.0.0.1:8001

PAGE := luma_rag/web
$(PAGE)/node_modules: $(PAGE)/package-lock.json
	npm ci --prefix $(PAGE) --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

vendor: $(PAGE)/node_modules  ## Copy the libraries of the page into luma_rag/web/static/vendor (needs Node)
	node $(PAGE)/vendor.mjs

check-page: $(VENV)/.dev $(PAGE)/node_modules  ## Check the types of the page against the HTTP interface (needs Node)
	$(BIN)/python -m scripts.openapi > $(PAGE)/openapi.json
	$(PAGE)/node_modules/.bin/openapi-typescript $(PAGE)/openapi.json --output $(PAGE)/api.d.ts \
		--root-types --root-types-no-schema-prefix --root-types-keep-casing
	$(PAGE)/node_modules/.bin/tsc --project $(PAGE)

wheels: $(VENV)/.python  ## Build every package into dist/
	@rm -f dist/*.whl
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist . $(wildcard packages/*/)

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Luma needs Python 3.11 or newer; name one: make PYTHON=python3.12 …")'
	@# The pip of older Pythons takes twice as long.
	$(PYTHON) -m venv --upgrade-deps $(VENV)
	@touch $@

# The packages of this repository are built while the others are downloaded.
$(VENV)/.base: requirements-ocr.lock pyproject.toml $(OWN:%=%/pyproject.toml) $(VENV)/.python
	@$(MAKE) --no-print-directory -j2 $(VENV)/.locked $(VENV)/.own
	@touch $@

$(VENV)/.locked: requirements-ocr.lock $(VENV)/.python
	$(INSTALL) --require-hashes --requirement requirements-ocr.lock
	@touch $@

$(VENV)/.own: pyproject.toml $(OWN:%=%/pyproject.toml) $(VENV)/.python
	$(INSTALL) --editable . $(addprefix --editable ,$(OWN))
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements-torch.lock $(wildcard packages/*/pyproject.toml) $(VENV)/.base
	$(INSTALL) --require-hashes --requirement requirements-dev.lock
	@# With what it depends on, where that is more than the lock names: the CUDA libraries of a build with CUDA.
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements-torch.lock
	$(INSTALL) --no-build-isolation $(addprefix --editable ,$(wildcard packages/*/))
	@touch $@

$(VENV)/.docs: requirements-docs.lock $(VENV)/.dev
	$(INSTALL) --require-hashes --requirement requirements-docs.lock
	@touch $@

UV_COMPILE := .lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--annotation-style line --custom-compile-command 'make lock' $(foreach package,$(notdir $(wildcard packages/*)),\
	--no-emit-package $(package))

lock:  ## Renew the locked versions from pyproject.toml
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/pip install --quiet --disable-pip-version-check uv
	$(UV_COMPILE) --output-file requirements.lock pyproject.toml
	$(UV_COMPILE) --all-extras --group dev --group models --constraint requirements.lock \
		--constraint requirements-torch.lock --no-emit-package torch --output-file requirements-dev.lock pyproject.toml
	$(UV_COMPILE) --extra ocr --constraint requirements-dev.lock --output-file requirements-ocr.lock pyproject.toml
	$(UV_COMPILE) --group pyproject.toml:docs --constraint requirements-dev.lock --output-file requirements-docs.lock
	rm -rf .lock

clean:  ## Remove what was set up and built; documents and database stay
	rm -rf $(VENV) .lock dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	rm -f packages/*/*/*.onnx packages/*/*/words.f32 packages/*/*/tokenizer.json
