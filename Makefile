# Each target sets up what it needs: a bare machine with Python 3.11 and pip is enough.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
RUN := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test e2e fuzz bench lint docs lock clean set-up-runtime set-up-dev

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: set-up-runtime ## Start a sample API behind the gateway and print calls to try; CHECK=1 makes them itself and stops
	@$(RUN) -m portcullis demo $(if $(CHECK),--check)

test: set-up-dev ## Run all tests: unit tests, then tests over sockets
	$(RUN) -m pytest -q -m '' tests/unit
	$(RUN) -m pytest -q -m '' tests/e2e

e2e: set-up-dev ## Run one suite over sockets: make e2e NAME=core; NAME=soak runs SECONDS=600
	@test -n "$(NAME)" -a -d "tests/e2e/$(NAME)" || { echo "make e2e NAME=... with one of: $$(cd tests/e2e && ls -d */ | tr -d / | tr '\n' ' ')" >&2; exit 2; }
	PORTCULLIS_SOAK_SECONDS=$(or $(SECONDS),600) $(RUN) -m pytest -q -m '' "tests/e2e/$(NAME)"

fuzz: set-up-dev ## Fuzz the gateway without sockets for T=60 seconds in all; NAME=fuzz_openapi: one harness
	$(RUN) scripts/fuzz.py --seconds $(or $(T),60) $(NAME)

bench: set-up-dev ## Measure ours and our peers in one run; QUICK=1 for under five minutes
	$(RUN) -m bench.run $(if $(QUICK),--quick)

lint: set-up-dev ## Check style, types, layers, security, mirrors and generated docs
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m mypy scripts bench
	.venv/bin/lint-imports --no-logo
	$(RUN) -m bandit -q -c pyproject.toml -r src scripts
	$(RUN) scripts/check_mirrors.py
	$(RUN) scripts/generate_docs.py --check

docs: set-up-dev ## Write the generated pages of docs/ anew
	$(RUN) scripts/generate_docs.py

lock: ## Resolve the dependencies anew and write requirements/*.txt
	@$(PYTHON) scripts/lock.py $(if $(UPGRADE),--upgrade)

clean: ## Remove everything that was set up, built or left by a run
	rm -rf .venv build dist .demo .portcullis .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .set-up.lock
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

set-up-runtime:
	@$(PYTHON) scripts/setup.py runtime

set-up-dev:
	@$(PYTHON) scripts/setup.py dev
