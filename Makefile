# Two commands do all set-up: `make run` and `make test`.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8717
# The library and the application, each a wheel.
PROJECTS := pyproject.toml constraints.txt $(addprefix packaging/server/,pyproject.toml setup.py requirements.txt)
# Every file that is installed has its sha256 here; `make lock` writes them anew.
LOCK := packaging/lock
SITE := backend/documents/index.html
PIP = $(BIN)/pip install -q --disable-pip-version-check --no-deps
LOCKED = $(PIP) --require-hashes
# A file's tests stay in one process, which makes its servers once; files go out in order, so that
# the long ones (browser, long, service) come first and the many small ones even out the end. One more
# than there are cores: tests of services wait much of their time.
JOBS ?= $(shell expr $$(nproc) + 1)
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help run test unit unit-browser check lint lint-browser dist bench fuzz demo docs docs-problems lock images clean system

help: ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

run: $(VENV)/.run $(SITE) ## Start page, API and worker on 127.0.0.1:PORT (default 8717)
	@exec $(BIN)/minimascope serve --port $(PORT)

test: system check ## Install what tests need, then run every check and test

check: lint $(SITE) ## Lint, types, import contracts and all tests, with what is installed
	$(PYTEST)
	@$(MAKE) --no-print-directory unit-browser

unit: $(VENV)/.test ## Tests in process, no server and no browser: the loop while one writes
	$(PYTEST) tests/unit
	@$(MAKE) --no-print-directory unit-browser

lint: $(VENV)/.test ## Lint, format, types and the import contracts alone
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check --python-interpreter-path $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/vulture
	@$(MAKE) --no-print-directory lint-browser

lint-browser: node_modules/.package-lock.json ## eslint and tsc over what runs in the browser
	npm run --silent lint

unit-browser: ## Tests of what runs in the browser, by node alone
	node --test tests/unit/browser/*.test.mjs

dist: $(VENV)/.run $(SITE) ## Build both wheels, the library's source and the SBOM into dist/
	rm -rf dist build packaging/server/build
	$(BIN)/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w dist . ./packaging/server
	$(BIN)/python -c 'from setuptools.build_meta import build_sdist; build_sdist("dist")' > /dev/null
	$(BIN)/python packaging/sbom.py dist/minimascope.cdx.json
	rm -rf build packaging/server/build

lock: $(VENV)/bin/python ## Write packaging/lock anew from constraints.txt and the package index
	@$(BIN)/pip install -q --disable-pip-version-check "$$(sed -n 's/^UV = "\(.*\)"/\1/p' $(LOCK)/write.py)"
	@PATH=$(abspath $(BIN)):$$PATH $(BIN)/python $(LOCK)/write.py

images: ## Renew the digests of the base images in Dockerfile and docker-compose.yml
	@packaging/images.sh

bench: $(VENV)/.test ## Run the benchmarks, peers side by side (long)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

fuzz: $(VENV)/.test ## Send 1,000 damaged copies of each upload format through intake
	$(BIN)/python -W ignore -m tests.unit.intake.fuzz --copies 1000 --output benchmarks/results/fuzz.json

demo: $(VENV)/.test ## Train and analyse the demo minima again
	$(BIN)/python examples/train_demo.py
	$(BIN)/python examples/analyze_demo.py

docs: $(SITE) ## Build the documentation site, which the service shows at /docs/guide

# References are written from the code, so the code's edge is among what the site is made of.
$(SITE): mkdocs.yml $(shell find docs minimascope/cli minimascope/contract backend/*/endpoints.py \
		-type f -not -name '*.pyc') | $(VENV)/.run
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

docs-problems: ## Write docs/problems.md from the registry of problems
	$(BIN)/python -m minimascope.contract.problem_page > docs/problems.md

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis artifacts build dist *.egg-info packaging/server/*.egg-info

system: # Chromium, redis-server and PostgreSQL for the tests, from apt where missing
	@bash tests/install_system.sh

node_modules/.package-lock.json: package.json package-lock.json
	@echo "Installing what lints the browser's code into node_modules ..."
	@npm ci --silent --no-audit --no-fund
	@touch $@

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# One set. The CPU's torch where pip is told of a place that has it; else PyPI's, and then what that
# needs for a GPU.
define install
	@$(LOCKED) -r $(LOCK)/torch-cpu.txt 2> /dev/null || true
	@$(LOCKED) -r $(LOCK)/$(1).txt
	@$(BIN)/python $(LOCK)/accelerator.py || $(LOCKED) -r $(LOCK)/gpu.txt
	@$(PIP) --no-build-isolation --no-index -e . -e packaging/server
endef

$(VENV)/.run: $(PROJECTS) $(LOCK)/run.txt | $(VENV)/bin/python
	@echo "Installing minimascope into $(VENV) (a few minutes the first time) ..."
	$(call install,run)
	@$(LOCKED) -r $(LOCK)/docs.txt
	@touch $@

$(VENV)/.test: $(PROJECTS) $(LOCK)/test.txt | $(VENV)/bin/python
	@echo "Installing minimascope and its test tools into $(VENV) ..."
	$(call install,test)
	@touch $@ $(VENV)/.run
