# Everything a fresh machine needs: Python 3.11+, make and a C compiler.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH_BIN := .venv-bench/bin
# the same pins for what we install and for what builds it
export PIP_CONSTRAINT := $(CURDIR)/requirements.lock
export PIP_DISABLE_PIP_VERSION_CHECK := 1
PIP := -m pip install --quiet

.PHONY: demo test check bench docs lock clean

demo: $(VENV)/live.stamp ## a sample call through a server of its own: no model, no GPU
	$(BIN)/subtone demo

test: $(VENV)/test.stamp ## install what the tests need and run them all
	$(BIN)/python -m pytest -n auto

check: $(VENV)/test.stamp ## every gate: format, lint, types, import rules, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/make_state_diagrams.py --check
	$(BIN)/python scripts/make_schema.py --check

bench: .venv-bench/bench.stamp ## every figure, peers in the same run
	$(BENCH_BIN)/python -m bench.run_all

docs: $(VENV)/test.stamp ## regenerate what is generated
	$(BIN)/python scripts/make_state_diagrams.py
	$(BIN)/python scripts/make_schema.py

lock: $(VENV)/test.stamp ## write requirements.lock from what is installed
	$(BIN)/python -m pip freeze --all --exclude-editable | grep -v '^setuptools' > requirements.lock

clean:
	rm -rf $(VENV) .venv-bench build dist out

$(VENV)/core.stamp: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(PIP) pip
	$(BIN)/python $(PIP) --editable .
	touch $@

$(VENV)/live.stamp: $(VENV)/core.stamp
	$(BIN)/python $(PIP) --editable '.[live]'
	touch $@

$(VENV)/test.stamp: $(VENV)/core.stamp
	$(BIN)/python $(PIP) --editable '.[media,live,memory,otel,train]' --group test --group check
	touch $@

.venv-bench/bench.stamp: pyproject.toml requirements.lock bench/requirements.txt
	$(PYTHON) -m venv .venv-bench
	$(BENCH_BIN)/python $(PIP) pip
	$(BENCH_BIN)/python $(PIP) --editable '.[media,live,memory]'
	PIP_CONSTRAINT= $(BENCH_BIN)/python $(PIP) --no-build-isolation --requirement bench/requirements.txt
	touch $@
