# Everything happens in .venv inside the repository; `make demo` and `make test` set it up by themselves.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

.PHONY: demo test lint bench clean

demo: $(VENV)/.demo
	$(BIN)/dptn demo --out out

test: $(VENV)/.dev lint
	$(BIN)/python -m pytest

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	mkdir -p $(VENV)/typed && ln -sfn "$(CURDIR)" $(VENV)/typed/pack
	MYPYPATH=$(VENV)/typed $(BIN)/mypy -p pack.nodes

bench: $(VENV)/.dev
	$(BIN)/dptn bench

$(VENV)/.demo: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) out
