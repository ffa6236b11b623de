# SPDX-License-Identifier: Apache-2.0
# `make` alone lists what there is. Everything happens in .venv and .cache; nothing else on the machine is changed, except
# that the Windows lab installs Wine by apt where it is absent and that is allowed.

# Pythons for .venv, the first found wins. `make PYTHON=/path/to/python` takes another one (3.11 or later).
SETUP_VERSIONS := 3.13 3.12 3.11 3.14
# Pythons that the core is tested on, beside the one of .venv.
CORE_VERSIONS := 3.10 3.11 3.12 3.13 3.14
CORE_TESTS := tests/unit/core

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP_INSTALL := -m pip --disable-pip-version-check --quiet install

# Where Python may keep no bytecode, each of the hundreds of Salt processes compiles Salt anew, which takes longer than its work.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo test lint docs-check unit core-tests wire-tests ansible-checks ansible-tests fleet-tests salt salt-tests lab lab-tests bench links docs clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with everything that tests and the demo need (PyPI only)

$(READY): pyproject.toml
	@python="$(PYTHON)"; \
	[ -n "$$python" ] || python=$$(scripts/find-python $(SETUP_VERSIONS)) || { \
		echo "error: no Python 3.11 or later with its venv module was found." \
			"Install one (on Debian: python3 and python3-venv) or name it: make PYTHON=/path/to/python" >&2; exit 1; }; \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "error: PYTHON=$$python is not a Python 3.11 or later" >&2; exit 1; }; \
	echo "making $(VENV) with $$python"; \
	"$$python" -m venv --clear $(VENV)
	@$(BIN)/python $(PIP_INSTALL) --editable '.[dev]'
	@touch $@

demo: $(READY) ## patch and reboot a simulated fleet with ansible-playbook, and show what happened to whom and why
	@cd tests && ../$(BIN)/python -m ansible_fleet

test: lint docs-check unit core-tests wire-tests ansible-checks fleet-tests lab-tests ## everything the gate checks

lint: $(READY) ## ruff, and mypy --strict on the core, the tools and the scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/mypy --strict --platform win32
	$(BIN)/mypy --strict scripts

docs-check: $(READY) ## are the generated pages and the Salt links up to date?
	@$(BIN)/python scripts/salt_links.py --check
	@$(BIN)/python scripts/source_docs.py --check

unit: $(READY) ## the tests that need no network, no Salt and no Windows, on the Python of .venv
	$(BIN)/python -m pytest tests/unit

core-tests: $(CORE_VERSIONS:%=core-tests-%) ## the core's tests, on every other supported Python found

core-tests-%: $(READY)
	@[ "$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" != "$*" ] || exit 0; \
	python=$$(scripts/find-python $*) || { echo "SKIPPED: Python $* not found: core not tested on it"; exit 0; }; \
	venv=.cache/python$*; \
	if [ ! -e $$venv/.ready ] || [ pyproject.toml -nt $$venv/.ready ]; then \
		echo "making $$venv with $$python"; \
		"$$python" -m venv --clear $$venv && \
		$$venv/bin/python $(PIP_INSTALL) --editable '.[test]' && touch $$venv/.ready || exit 1; \
	fi; \
	echo "the core's tests on Python $*:"; \
	$$venv/bin/python -m pytest -q $(CORE_TESTS)

wire-tests: $(READY) ## scans of simulated hosts by real clients, over real HTTP on this machine
	$(BIN)/python -m pytest tests/wire

ansible-checks: $(READY) ## what Ansible's own tools say of the collection, as checked out and as installed (PyPI only)
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/ansible_checks

ansible-tests: $(READY) ## modules, roles and roll-outs with real Ansible on simulated hosts, oldest and newest version
	$(BIN)/python -m pytest -n 3 tests/ansible_tests

salt: $(READY) ## install the Salt versions that tests use (PyPI only), or say where they are
	@cd tests && ../$(BIN)/python -m salt_fleet

salt-tests: $(READY) ## what runs in Salt, on real masters and minions on this machine
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/salt_tests

# At once, because Salt's tests wait most of their time, and Ansible's work; the file that takes longest comes first.
fleet-tests: $(READY) ## ansible-tests and salt-tests at once
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder tests/salt_tests tests/ansible_tests

lab: $(READY) ## build the Windows lab (docs/windows-lab.md), or say where it is
	@cd tests && ../$(BIN)/python -m windows_lab

lab-tests: $(READY) ## what runs on Windows, on the Windows lab
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/lab

bench: $(READY) ## measure the budgets (wants hivex for the system's python3)
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/wire.py

links: $(READY) ## renew the links from salt/_utils to the core
	@$(BIN)/python scripts/salt_links.py

docs: $(READY) ## renew docs/sources from the docstrings of the sources
	@$(BIN)/python scripts/source_docs.py

clean: ## remove everything that was made here, the virtual environments too
	rm -rf $(VENV) .cache build dist *.egg-info plugins/plugin_utils/*.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
