# make run    set up, then open the console on practice data with the practice network
# make test   set up, then format check, lint, types, layers and every test
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: run test check soak bench mutants lock clean help

help:
	@sed -n 's/^# //p' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "commtui needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + ". Say which to use: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

run: $(VENV)/.run
	@$(BIN)/commtui demo

test: $(VENV)/.dev check
	$(BIN)/python -m pytest -n 3 --dist worksteal

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# make soak   long seeded proofs: kill -9 under load, resumable with SOAK=continue
soak: $(VENV)/.dev
	$(BIN)/python -m benchmarks.soak $(SOAK)
	HOSTILE_GROUP=1 $(BIN)/python -m pytest -n 2 tests/tui/test_hostile_terminal.py

# make bench  ratios against something measured in the same run
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.run $(BENCH)

# make mutants  one small mistake at a time in what decides about sending; MUTANTS=continue goes on
mutants: $(VENV)/.dev
	$(BIN)/python -m benchmarks.mutants $(MUTANTS)

# make lock   resolve the dependencies anew (needs uv)
lock:
	uv pip compile pyproject.toml requirements/build.in --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/run.txt
	uv pip compile pyproject.toml requirements/build.in --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/dev.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .mutants
