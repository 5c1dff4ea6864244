PYTHON ?= python3
SEED ?= 9

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
NPM := npm --prefix js

# A stamp is newer than what it was made from: then the step is not repeated.
DEMO_STAMP := $(VENV)/.stamp-demo
PY_STAMP := $(VENV)/.stamp-python
JS_STAMP := js/node_modules/.stamp

.DEFAULT_GOAL := help
.PHONY: help setup demo lab test check format clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(PY_STAMP) $(JS_STAMP) ## Install all that developers need (.venv and js/node_modules)

$(DEMO_STAMP): pyproject.toml requirements-nodeps.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PIP) -e '.[local,notebook]'
	$(PIP) --no-deps -r requirements-nodeps.txt
	touch $@

$(PY_STAMP): $(DEMO_STAMP)
	$(PIP) -e '.[local,notebook,test,dev]'
	touch $@

$(JS_STAMP): js/package.json js/package-lock.json
	$(NPM) ci --no-audit --no-fund
	touch $@

demo: $(DEMO_STAMP) ## Run the quickstart notebook without a browser (SEED=9)
	@echo "Running notebooks/01_quickstart.ipynb: about six minutes on two cores."
	@MIPRO_DEMO_SEED=$(SEED) $(PY) notebooks/execute.py notebooks/01_quickstart.ipynb demo-output

lab: $(DEMO_STAMP) ## Open the quickstart notebook in JupyterLab
	$(PY) -m jupyter lab notebooks/01_quickstart.ipynb

test: setup ## Run all tests, TypeScript's and Python's
	$(NPM) test
	$(PY) -m pytest --cov --cov-report=term

check: setup ## Lint, check formatting, types and import directions; change nothing
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict mipro_nb
	$(VENV)/bin/lint-imports
	$(NPM) run check

format: setup ## Format all code and fix what can be fixed by rule
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .
	$(NPM) run format

clean: ## Remove all that make made, .venv and js/node_modules too
	rm -rf $(VENV) js/node_modules js/dist dist build demo-output .coverage
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
