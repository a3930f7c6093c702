# Everything lives below this folder: .venv (packages), .demo (the demo's data), .cache (Kafka's jars).
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install --constraint constraints.txt
.DEFAULT_GOAL := help
.PHONY: help demo test fix lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/installed: pyproject.toml constraints.txt
	python3 -m venv --clear .venv
	$(BIN)/python -m pip --quiet --disable-pip-version-check install 'pip>=25.1'
	$(PIP) --editable '.[postgresql,sandbox]'
	@touch $@

.venv/installed-servers: .venv/installed
	$(PIP) --group servers
	@touch $@

.venv/installed-dev: .venv/installed
	$(PIP) --group dev
	@touch $@
