# Every check that a person or a machine runs. In a virtual environment with pip install -e '.[dev]':
#
#   make test            everything but the two below
#   make test-runtime    the wheel in an environment of its own, without the training libraries
#   make image-test      the container image, on a bare Debian (as root)
#
# PYTHON names another interpreter; JOBS the number of pytest's processes; ARGS is handed to pytest:
#   make unit ARGS='-k images -x'

SHELL := bash
PYTHON ?= python
JOBS ?= 2
ARGS ?=
# Two processes of one thread each are faster on two cores than one of two, and don't fight.
PYTEST = OMP_NUM_THREADS=1 $(PYTHON) -m pytest -n $(JOBS) --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help check format unit test test-runtime image-test bench clean

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

check: ## Lint, formatting, types, import arrows, spelling
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command as main; main()'
	$(PYTHON) -m codespell_lib .

format: ## Mend what can be mended without thinking
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

unit: ## The quick tests only, without coverage
	$(PYTEST) tests/unit tests/property $(ARGS)

test: check ## Checks, then every test, with coverage
	$(PYTEST) --cov --cov-report=term $(ARGS)

test-runtime: ## Install the wheel without extras into a new environment and predict there
	PYTHON='$(PYTHON)' scripts/runtime_test.sh

image-test: ## Build the container image on a bare Debian, predict and serve inside (root)
	PYTHON='$(PYTHON)' scripts/image_test.sh

bench: ## Run the benchmarks that need no data; they print ratios and prove nothing
	$(PYTHON) benchmarks/cold_start.py

clean: ## Remove what the commands above leave behind (never runs or models)
	rm -rf build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find hornet tests benchmarks data -name __pycache__ -type d -prune -exec rm -rf {} +
