# Everything runs in an environment of its own, made on first use.
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
ARGS ?=
BIN = $(VENV)/bin
READY = $(VENV)/ready

# Tests compile the same programs in many processes.
test test-slow: export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/$(VENV)/compiled
test test-slow: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0.1
# Compiling is most of their time; XLA_FLAGS= on the command line tests what users run.
test test-slow: export XLA_FLAGS ?= --xla_backend_optimization_level=0

.PHONY: run test test-slow lint clean

$(READY): setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --editable ".[dev]"
	touch $(READY)

run: $(READY)
	$(BIN)/python experiments/distill.py --config=configs/synthetic.py:tuned

test: $(READY)
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --dist loadfile $(ARGS)

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .venv-3.12 results
