PYTHON ?= python3
SEED ?= $(or $(MIPRO_DEMO_SEED),9)
LAB_ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
# uv installs in seconds what takes pip a minute.
INSTALL := $(PY) uv_install.py --python
# Our environments hold what they need: nothing is looked for elsewhere, and each module is compiled
# once, not by each of the hundreds of processes that tests start.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
NPM := npm --prefix js
NPM_LAB := npm --prefix js/labextension

# The browser that tests look through.
CHROMIUM ?= $(shell command -v chromium-headless-shell || command -v chromium \
	|| command -v chromium-browser || command -v google-chrome)
export CHROMIUM

REQUIRE_NPM := command -v npm > /dev/null || { echo "npm is missing. It builds the widgets:" \
	"install Node.js 20 or newer, which brings it." >&2; exit 1; }

# A stamp is newer than what it was made from: then the step is not repeated.
UV_STAMP := $(VENV)/.stamp-uv
DEMO_STAMP := $(VENV)/.stamp-demo
PY_STAMP := $(VENV)/.stamp-python
DEV_STAMP := $(VENV)/.stamp-dev
DOCS_STAMP := $(VENV)/.stamp-docs
JS_STAMP := js/node_modules/.stamp
LAB_STAMP := js/labextension/node_modules/.stamp

# The front end, built: the widgets, and the JupyterLab extension where this JupyterLab finds it.
WIDGETS := mipro_nb/notebook/static/widget.js
LABEXTENSION := mipro_nb/labextension/package.json
INSTALLED := $(VENV)/share/jupyter/labextensions/mipro-nb/package.json
JS_SOURCES := $(shell find js -name node_modules -prune -o -path js/labextension -prune \
	-o -name tests -prune -o -name dev -prune -o -type f -print)
LAB_SOURCES := $(shell find js/labextension -name node_modules -prune \
	-o -name tests -prune -o -type f -print)

# A kernel of the previous generation that shares all else with .venv.
KERNEL6 := $(VENV)/ipykernel6
KERNEL6_STAMP := $(KERNEL6)/.stamp
SITE_PACKAGES := import sysconfig; print(sysconfig.get_path("purelib"))
SHARE_PACKAGES := import pathlib, sys, sysconfig; \
	pathlib.Path(sysconfig.get_path("purelib"), "zz_venv.pth").write_text( \
	f"import site; site.addsitedir({sys.argv[1]!a})", encoding="ascii")

# Tests run three at a time, as many of them wait; those of one group (tests/conftest.py) in one
# process, in our order.
PYTEST := $(PY) -m pytest -n 3 --dist loadgroup --no-loadscope-reorder

# What we are measured against, in an environment of its own.
DSPY := benchmarks/.venv-dspy
DSPY_STAMP := $(DSPY)/.stamp
FORMATS_STAMP := $(VENV)/.stamp-formats
FORMATS_ARGS ?=
ROUNDS ?= 10
BENCH := $(PY) -m benchmarks.against_dspy

# The oldest that the bridge takes, and one between that and the newest, which `make test` has.
DSPY_VERSIONS ?= 3.0.4 3.2.1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL: # two installers would write into one environment
.PHONY: help setup demo lab notebooks docs types test test-fast test-properties test-versions \
	coverage check bench bench-local bench-bridge bench-formats soak format clean chromium seed

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV_STAMP) $(WIDGETS) $(INSTALLED) $(KERNEL6_STAMP) ## Install all that developers need

# An environment whose Python is gone, or that came along as this checkout was moved or copied (its
# packages are those of the old place), is made again.
ifeq ($(shell test -x $(PY) && grep -qsF "$$(pwd -P)/$(VENV)" $(VENV)/pyvenv.cfg && echo here),)
$(shell rm -f $(VENV)/.stamp-*)
endif

$(UV_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer" \
		"is needed: name one that is installed, as in make demo PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	PIP_USER=0 $(PY) -m pip install --quiet --disable-pip-version-check uv
	touch $@

# The demo has no front end: neither JupyterLab nor Node is needed.
$(DEMO_STAMP): pyproject.toml requirements-nodeps.txt notebooks/demo_requirements.py | $(UV_STAMP)
	$(PY) notebooks/demo_requirements.py > $(VENV)/demo-requirements.txt
	$(INSTALL) $(PY) -r $(VENV)/demo-requirements.txt
	$(INSTALL) $(PY) --no-deps -r requirements-nodeps.txt
	SKIP_JUPYTER_BUILDER=1 $(INSTALL) $(PY) --no-deps -e .
	touch $@

# The front end comes first: then it is found built, and npm is not needed a second time.
$(PY_STAMP): pyproject.toml requirements-nodeps.txt | $(UV_STAMP) $(WIDGETS) $(LABEXTENSION)
	$(INSTALL) $(PY) -e '.[local]'
	$(INSTALL) $(PY) --no-deps -r requirements-nodeps.txt
	touch $@

$(DEV_STAMP): $(PY_STAMP)
	$(INSTALL) $(PY) -e '.[local,demo,test,dev,dspy,litellm]'
	touch $(DEMO_STAMP) $@

$(JS_STAMP): js/package.json js/package-lock.json
	@$(REQUIRE_NPM)
	$(NPM) ci --no-audit --no-fund
	touch $@

$(LAB_STAMP): js/labextension/package.json js/labextension/package-lock.json
	@$(REQUIRE_NPM)
	$(NPM_LAB) ci --no-audit --no-fund
	touch $@

$(WIDGETS): $(JS_STAMP) $(JS_SOURCES)
	$(NPM) run build
	touch $@

$(LABEXTENSION): $(LAB_STAMP) $(LAB_SOURCES) $(JS_STAMP) $(JS_SOURCES)
	$(NPM_LAB) run build
	touch $@

$(INSTALLED): $(LABEXTENSION) $(PY_STAMP)
	rm -rf $(@D)
	mkdir -p $(@D)
	cp -R mipro_nb/labextension/. js/labextension/install.json $(@D)

$(KERNEL6_STAMP): $(DEV_STAMP)
	$(PY) -m venv --clear --without-pip $(KERNEL6)
	$(INSTALL) $(KERNEL6)/bin/python --no-deps 'ipykernel>=6.30,<7' 'nest-asyncio>=1.6'
	$(KERNEL6)/bin/python -c '$(SHARE_PACKAGES)' "$$($(PY) -c '$(SITE_PACKAGES)')"
	$(KERNEL6)/bin/python -m ipykernel install --prefix $(VENV) \
		--name python-ipykernel6 --display-name 'Python 3 (ipykernel 6)'
	touch $@

chromium:
	@test -x "$(CHROMIUM)" || { echo "Chromium is missing. The tests look at notebooks through it:" \
		"apt-get install chromium-headless-shell, or set CHROMIUM to its path." >&2; exit 1; }

seed:
	@case '$(SEED)' in '' | *[!0-9]*) echo "SEED is '$(SEED)': give a whole number," \
		"as in make demo SEED=9" >&2; exit 1;; esac

# With a record of its own, beside what it leaves: yours may be another version's, or hold answers.
demo: seed $(DEMO_STAMP) ## Run the quickstart notebook without a browser (SEED=9)
	@MIPRO_HOME='$(CURDIR)/demo-output' MIPRO_DEMO_SEED='$(SEED)' $(PY) notebooks/execute.py notebooks/01_quickstart.ipynb demo-output

lab: $(PY_STAMP) $(WIDGETS) $(INSTALLED) ## Open the quickstart notebook in JupyterLab (LAB_ARGS=--no-browser)
	$(PY) -m jupyter lab $(LAB_ARGS) notebooks/01_quickstart.ipynb

# With a record of its own: what an earlier run has paid for would be shown as free.
notebooks: $(DEMO_STAMP) $(DEV_STAMP) $(WIDGETS) ## Execute the five notebooks and keep their outputs in them
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && for notebook in notebooks/*.ipynb; do \
		MIPRO_HOME="$$home" $(PY) notebooks/execute.py "$$notebook" build/notebooks || exit 1; \
		cp "build/notebooks/$$(basename "$$notebook" .ipynb).executed.ipynb" "$$notebook"; \
	done

$(DOCS_STAMP): pyproject.toml $(PY_STAMP)
	$(INSTALL) $(PY) -e '.[docs,dspy]'
	touch $@

docs: $(DOCS_STAMP) ## Build the documentation site in build/docs; warnings are errors
	$(PY) -m sphinx -W --keep-going -q -d build/doctrees docs build/docs
	@echo "The site: build/docs/index.html"

types: setup ## Write the front end's types of what Python sends and answers
	$(PY) typescript/generate.py

test: chromium setup ## Run all tests: Python's, TypeScript's and those in a browser
	$(PYTEST)

test-fast: setup ## Run the tests that need neither a browser, a kernel nor an LM, and no patience
	$(PYTEST) -m "not (browser or notebook or npm or real_lm or slow)" \
		--ignore tests/browser --ignore tests/dspy --ignore tests/notebooks

# `make test` tries the same examples each time. What fails here is a fault: put it into a test.
test-properties: setup ## Try the properties on new examples, ROUNDS=10 times (ten minutes)
	@for round in $$(seq $(ROUNDS)); do \
		$(PYTEST) --hypothesis-profile new-examples -m hypothesis || exit 1; \
	done

# Each in an environment of its own: an older DSPy wants an older LiteLLM, and the like.
test-versions: $(UV_STAMP) ## Run the tests of the bridge with older versions of DSPy (20 minutes)
	@for version in $(DSPY_VERSIONS); do \
		own=build/dspy-$$version; \
		test -x $$own/bin/python || $(PYTHON) -m venv --without-pip $$own || exit 1; \
		SKIP_JUPYTER_BUILDER=1 $(INSTALL) $$own/bin/python -e '.[testing]' "dspy==$$version" \
			'pytest<9.2' pytest-asyncio pytest-timeout || exit 1; \
		echo "DSPy $$version"; $$own/bin/python -m pytest tests/dspy || exit 1; \
	done

coverage: chromium setup ## Run all tests and tell which lines of Python none of them reaches
	$(PYTEST) --cov --cov-report=term

check: setup docs ## Lint, check formatting, types, imports, prose and documentation; change nothing
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict mipro_nb
	$(VENV)/bin/lint-imports
	$(PY) prose/check.py
	$(PY) typescript/generate.py --check
	$(NPM) run check
	$(NPM_LAB) run types

$(DSPY_STAMP): benchmarks/requirements-dspy.txt | $(UV_STAMP)
	$(PYTHON) -m venv --clear --without-pip $(DSPY)
	$(INSTALL) $(DSPY)/bin/python -r $<
	touch $@

bench: $(PY_STAMP) $(DSPY_STAMP) ## Measure speed, scale and quality beside DSPy's (half an hour)
	$(BENCH).speed
	$(BENCH).scale
	$(BENCH).quality

bench-local: $(PY_STAMP) $(DSPY_STAMP) ## Measure quality beside DSPy's with the embedded LM
	$(BENCH).local

bench-bridge: $(DEV_STAMP) ## Measure one DSPy program by DSPy and through the bridge (10 minutes)
	$(BENCH).bridge

$(FORMATS_STAMP): benchmarks/requirements-formats.txt $(PY_STAMP)
	$(INSTALL) $(PY) --no-deps -r $<
	touch $@

bench-formats: $(FORMATS_STAMP) ## Measure prompt formats with local LMs (FORMATS_ARGS='--model PATH --rows 100')
	$(PY) -m benchmarks.formats $(FORMATS_ARGS)

soak: $(PY_STAMP) ## Make 20,000 calls through faults, kills and resumes (15 minutes)
	$(PY) -m benchmarks.soak

format: setup ## Format all code and fix what can be fixed by rule
	$(VENV)/bin/ruff check --fix-only .
	$(VENV)/bin/ruff format .
	$(NPM) run format

clean: ## Remove all that make made, .venv and node_modules too
	rm -rf $(VENV) $(DSPY) js/node_modules js/labextension/node_modules js/dist
	rm -rf mipro_nb/notebook/static mipro_nb/labextension dist build demo-output test-output
	rm -rf docs/tutorials/*.ipynb docs/contributing/index.md docs/contributing/changelog.md
	rm -rf docs/explanation/benchmarks.md
	rm -rf .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
