# `make demo` and `make test` need nothing but Python 3.11: they make the virtual environment themselves.
# Another Python: make PYTHON=python3.13 …   Another environment: make VENV=/path/to/it …

# An empty environment (env -i) has no PATH: a shell then knows where to look, but Python does not find itself.
PATH ?= /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>&- && echo $$python && break; done)
VENV ?= .venv
override VENV := $(abspath $(VENV))
BIN = $(VENV)/bin
BOOTSTRAP = python='$(PYTHON)'; test "$$python" || \
	{ echo 'Python 3.11 or newer is needed (Debian: apt-get install python3 python3-venv)' >&2; exit 1; }; \
	"$$python" tools/bootstrap.py
PIN = .cache/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make requirements'
COMPILE = $(PIN) pyproject.toml

.PHONY: help demo check unit test test-apps test-c test-containers test-mysql test-pythons test-systemd fuzz tests
.PHONY: coverage lint format dist messages reference requirements clean site dev
.PHONY: style floors types-linux types-win32 types-darwin

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24

demo: site ## populate the site in backend/ and clean it, before and after
	@$(BIN)/python tools/demo.py

check: dev ## the fast tier, before each commit: format, lint, types, floors, quick tests; stops at the first failure
	@$(MAKE) --no-print-directory style
	@$(MAKE) --no-print-directory -j 2 --output-sync=target types-linux floors
	@$(MAKE) --no-print-directory unit ARGS='--exitfirst $(ARGS)'

unit: dev ## the quick tests alone: no server, no browser, no process of their own
	$(BIN)/pytest -n 2 --dist worksteal -q -m 'not whole and not slow' $(ARGS) tests/unit

test: lint tests ## everything: format, lint, types, floors, tests

tests: dev ## the tests alone; make tests ARGS='-k quarantine'
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

test-apps: dev ## use whole applications, each in an environment of its own, and clean them
	$(BIN)/pytest -n 2 --dist worksteal -m apps $(ARGS) tests/apps

test-c: dev ## the extensions under gcc's sanitizers: their tests, then the fuzzer (SECONDS=60)
	$(BIN)/python -m tools.sanitizers $(or $(SECONDS),60)

test-pythons: ## the quick tests on the oldest and the newest Python; make test-pythons PYTHONS='3.12 3.13'
	$(if $(PYTHON),$(PYTHON),python3) -m tools.pythons $(or $(PYTHONS),3.11 3.14)

coverage: dev ## what the tests run through, line by line; make coverage ARGS=tests/unit
	rm -rf .cache/coverage
	$(BIN)/coverage run -m pytest -n 2 --dist worksteal -q $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

fuzz: dev ## try many more made-up sites: no needed file goes, orphans are found
	DVORNIK_FUZZ=$(or $(ROUNDS),25) $(BIN)/pytest -n 2 --dist worksteal -q $(ARGS) tests/unit/test_families_fuzz.py tests/unit/test_families_applications.py

test-mysql: dev ## promise on MySQL itself what is promised on MariaDB
	$(BIN)/pytest -n 2 --dist worksteal -m mysql $(ARGS)

test-containers: dev ## build the image, bring the compose file up, run every flag in it (Docker; as root it is fetched)
	$(BIN)/pytest -m containers $(ARGS) tests/containers

test-systemd: dev ## boot a machine with systemd and cron, install the wheel there, let the schedules run (root; nspawn)
	$(BIN)/pytest -m systemd $(ARGS) tests/systemd

lint: dev ## format, lint, types and floors, without changing anything
	@$(MAKE) --no-print-directory -k -j 2 --output-sync=target style types-linux types-win32 types-darwin floors

style:
	$(BIN)/ruff format --check
	$(BIN)/ruff check --quiet

# Each platform has a cache of its own: in a common one they would drive each other out. The tests are Linux's.
types-linux:
	$(BIN)/mypy --cache-dir .mypy_cache/linux --no-error-summary
types-win32 types-darwin: types-%:
	$(BIN)/mypy --platform $* --cache-dir .mypy_cache/$* --no-error-summary src tools

floors:
	$(BIN)/lint-imports --no-logo

format: dev ## let ruff format and mend what it can
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format

dist: dev ## build the sdist and the wheel into dist/, and try them in empty environments
	@$(BIN)/python -m tools.dist

messages: dev ## bring the translations into step with the source, and compile them
	$(BIN)/python -m tools.messages

reference: dev ## write docs/*/configuration.md and docs/schema from the types, docs/man from the commands
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.schemas
	$(BIN)/python -m tools.manpage

requirements: ## pin the newest requirements, with hashes, from pyproject.toml
	test -x .cache/uv/bin/uv || { $(PYTHON) -m venv .cache/uv && .cache/uv/bin/pip install --quiet uv; }
	$(COMPILE) --upgrade --all-extras --group build --group site --group lint --group test -o requirements/dev.txt
	$(COMPILE) --constraint requirements/dev.txt --all-extras --group build --group site -o requirements/site.txt
	$(COMPILE) --constraint requirements/dev.txt -o requirements/runtime.txt
	for app in requirements/apps/*.in; do $(PIN) --upgrade --overrides requirements/apps/overrides.txt "$$app" -o "$${app%.in}.txt" || exit; done

clean: ## remove the environment and the caches, and end what a killed run left in them
	@test ! -d .cache/docker || '$(PYTHON)' tools/leftovers.py .cache/docker
	rm -rf .venv .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build src/*.egg-info

site: ## the environment of the demo site
	@$(BOOTSTRAP) site $(VENV)

dev: ## the environment of the tests
	@$(BOOTSTRAP) dev $(VENV)
