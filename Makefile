# Everything runs in an environment of its own, made on first use.
PYTHON ?= python3
VENV ?= .venv
PIP_ARGS ?=
ARGS ?=
# Which of the slow tests run: 2/10 takes every tenth from the third on; empty takes all.
TURN ?=
BIN = $(VENV)/bin
READY = $(VENV)/ready
FLAGS = $(VENV)/xla-flags

# Tests compile the same programs in many processes.
test test-slow: export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/$(VENV)/compiled
test test-slow: export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0.1
# Compiling is most of their time; XLA_FLAGS= on the command line tests what users run.
test test-slow: export XLA_FLAGS ?= $(shell cat $(FLAGS) 2>/dev/null)
SIMPLE = --xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1
SIMPLEST = $(SIMPLE) --xla_cpu_use_fusion_emitters=false

.PHONY: run test test-slow lint clean

$(READY): setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --editable ".[dev]"
	touch $(READY)

# XLA ends a process that has a flag which its version does not know.
$(FLAGS): $(READY) Makefile
	if JAX_PLATFORMS=cpu XLA_FLAGS="$(SIMPLEST)" $(BIN)/python -c 'import jax; jax.devices()' 2>/dev/null; \
	then echo "$(SIMPLEST)" > $@; else echo "$(SIMPLE)" > $@; fi

run: $(READY)
	$(BIN)/python experiments/distill.py --config=configs/synthetic.py:tuned

test: $(FLAGS)
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --dist loadfile $(ARGS)

test-slow: export SLOW_TURN = $(TURN)
test-slow: $(FLAGS)
	$(BIN)/python -m pytest -m slow --numprocesses auto --dist loadfile $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) .venv-3.12
