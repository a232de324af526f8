# One word an action; CI and the README use the same words.
PYTHON ?= python3
RUN := .venv/bin/python

.PHONY: help venv demo serve test test-slow cov lint types fmt bench env-example lock clean

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

venv: ## build .venv from the locked requirements
	@$(PYTHON) deploy/bootstrap.py

demo: venv ## place the demo call; leaves build/demo/
	@$(RUN) cli.py demo

serve: venv ## run the product; stand-ins for every service without a key in .env
	@$(RUN) cli.py serve

test: venv ## everyday suite: every test that is not marked slow
	@$(RUN) -m pytest -n 3 --dist loadfile

test-slow: venv ## the long tests
	@$(RUN) -m pytest -m slow

cov: venv ## audio, wire and call: every line and every branch
	@$(RUN) -m coverage run -m pytest tests/audio tests/wire tests/call
	@$(RUN) -m coverage report --include='voicecore/audio/*,voicecore/wire/*,voicecore/call/*' --fail-under=100

lint: venv ## style and import rules
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@.venv/bin/lint-imports --no-cache --no-logo

types: venv ## mypy --strict over the product
	@$(RUN) -m mypy

fmt: venv ## put the code in shape
	@$(RUN) -m ruff check --fix-only -q .
	@$(RUN) -m ruff format .

env-example: venv ## write .env.example from Settings
	@$(RUN) cli.py settings --example > .env.example

lock: ## resolve the requirements anew (needs uv)
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml -q -o deploy/requirements/runtime.txt
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 pyproject.toml --extra sandbox --extra dev -q -o deploy/requirements/dev.txt

clean: ## remove everything that was built
	rm -rf .venv build .mypy_cache .ruff_cache .hypothesis .coverage
