# Everything starts here: `make demo` and `make test` set up all that they need, once, into .venv and ossa's cache.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup model demo run test check types sanitized bench screenshot clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
KERNELS := model/mxfp4/kernels.so
MODEL := smollm2-135m
BENCHMARKS := $(patsubst benchmarks/%.py,%,$(filter-out benchmarks/_%,$(wildcard benchmarks/*.py)))

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## watch ossa fix a failing test in a small repository
	@$(BIN)/ossa demo $(ARGS)

run: setup ## open ossa here, or elsewhere: make run ARGS=~/project
	@$(BIN)/ossa $(ARGS)

test: setup ## all tests; some of them: make test ARGS=tests/model
	@$(BIN)/pytest --numprocesses 4 --dist worksteal $(ARGS)

check: $(READY) ## format, lint, types, layers, and the kernels under sanitizers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(MAKE) --no-print-directory --jobs 2 --output-sync types sanitized

types:
	@$(BIN)/pyright

sanitized:
	@$(BIN)/pytest -q tests/test_layers.py
	@$(BIN)/python model/mxfp4/build.py build/sanitized.so
	@$(BIN)/python tests/model/kernels_at_edges.py build/sanitized.so

bench: ## the list of benchmarks; make bench-NAME runs one
	@echo "Benchmarks, each prints a table:$(if $(BENCHMARKS),, none yet)"
	@for name in $(BENCHMARKS); do echo "  make bench-$$name"; done

bench-%: setup
	@$(BIN)/python benchmarks/$*.py $(TASKS) $(REPO) $(ARGS)

screenshot: setup ## docs/window.png anew, from the real window
	@$(BIN)/python docs/screenshot.py

setup: $(READY) $(KERNELS) model ## the environment, the kernels and the small model, once

model: $(READY)
	@$(BIN)/ossa models pull $(MODEL)

# The installation has built them; anew where they are changed, and without them it goes on more slowly.
$(KERNELS): $(wildcard model/mxfp4/native/*) model/mxfp4/build.py | $(READY)
	-@$(BIN)/python model/mxfp4/build.py

# Kept until what is to be installed changes.
$(READY): pyproject.toml constraints.txt
	@python=; for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	    if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "ossa needs Python 3.11 or newer, and there is none on the PATH." >&2; exit 1; fi; \
	if ! $(BIN)/python -c 'import pip' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)."; \
	    $$python -m venv --clear $(VENV) \
	    || { echo "Python's venv module is missing (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }; \
	fi
	@echo "Installing what ossa needs into $(VENV): two minutes with a CPU build of torch at hand, else its download decides."
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -c constraints.txt -e '.[dev]' \
	| sed -nuE -e 's/^ *((Downloading|Using cached) .* MB\))$$/  \1/p' \
	           -e 's#^Processing .*/(torch-[^ ]*).*#  Using \1, which lies ready#p' \
	           -e 's/^Installing collected packages: .*/  Unpacking/p'
	@touch $@

clean: ## remove .venv and what tools left behind; models stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
