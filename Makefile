# People and CI run the same recipes. Needs git, make and Python 3.11 or later; everything else is brought by `setup`.
# PYTHON=/path/to/python3 chooses the interpreter; ARGS="…" is handed on to `poju demo` and to pytest.
SHELL := /bin/sh
.DEFAULT_GOAL := help
BIN := .venv/bin
CODE := src tests benchmarks examples scripts docs
export PYTHON

.PHONY: help setup demo test check bench faults docs reference

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: ## make .venv from the lock and build the sandbox's guest; no-op when both are there
	@python=$$(sh scripts/find_python.sh) && "$$python" scripts/prepare.py

demo: setup ## set up, then run the whole loop (ARGS="--lang zh-Hant")
	@$(BIN)/poju demo $(ARGS)

test: setup ## set up, bring what the tests need, run all tests
	@$(BIN)/python scripts/components.py
	@$(BIN)/python -m pytest $(ARGS)

check: setup ## lint, types, import directions, dependencies, unit tests without network
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/python -m pytest tests/unit tests/property --disable-socket --allow-unix-socket -m "not network" -q

bench: setup ## run one benchmark and print its figures as JSON (NAME=fit_kernel)
	@if [ -f "benchmarks/$(NAME).py" ]; then $(BIN)/python "benchmarks/$(NAME).py" $(ARGS); else \
	  echo "poju: name one of these, e.g. make bench NAME=fit_kernel:" >&2; \
	  ls benchmarks | sed -n 's/^\([a-z][a-z_]*\)\.py$$/  \1/p' >&2; exit 2; fi

faults: setup ## kill a served ledger a hundred times under load (ARGS="--kills 100 --seed 1")
	@$(BIN)/python scripts/faults.py $(ARGS)

reference: setup ## write docs/reference/errors.md and cli.md anew from the code
	@$(BIN)/python scripts/reference.py

docs: setup ## build the documentation into docs/_build/html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
