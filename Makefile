# Everything happens in .venv inside the repository; `make demo` and `make test` set it up by themselves.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif

.PHONY: demo test test-long fuzz lint ruff mypy types bench clean

demo: $(VENV)/.demo
	$(BIN)/dptn demo --out out

# a process for each core and one more, up to four; tests/dealing.py says what each of them gets
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4

test: $(VENV)/.dev lint
	$(PYTEST)

test-long: $(VENV)/.dev lint
	$(PYTEST) --long

# half an hour of what `make test` does for two minutes
fuzz: export DPTN_FUZZ_SECONDS ?= 1800
fuzz: $(VENV)/.dev
	$(BIN)/python -m pytest tests/fuzz

# each part is a hook of .pre-commit-config.yaml
lint: types ruff mypy

ruff: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

mypy: $(VENV)/.dev
	$(BIN)/mypy
	mkdir -p $(VENV)/typed && ln -sfn "$(CURDIR)" $(VENV)/typed/pack
	MYPYPATH=$(VENV)/typed $(BIN)/mypy -p pack.nodes

WEB := tests/web
ifeq ($(shell command -v npm 2>/dev/null),)
types:
	@echo "npm was not found: the JavaScript in web/ was NOT checked (install Node.js to have that done)"
else
types: $(WEB)/node_modules/.installed
	$(WEB)/node_modules/.bin/biome check --error-on-warnings .
	$(WEB)/node_modules/.bin/tsc -p $(WEB)
endif

$(WEB)/node_modules/.installed: $(WEB)/package.json $(WEB)/package-lock.json
	npm ci --no-audit --no-fund --prefix $(WEB)
	touch $@

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
	rm -rf $(VENV) $(WEB)/node_modules out
