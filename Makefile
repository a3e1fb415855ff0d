# What one can do with Postroom. `make` alone lists it.
#
# local/bootstrap.sh brings uv and the locked dependencies; it is done in an instant when they are
# there. Variables are given on the command line: `make run POSTROOM_PORT=3001`.

PYTHON := .venv/bin/python
export UV := $(CURDIR)/.local/bin/uv
export SAM_CLI_TELEMETRY := 0
SAM := $(PYTHON) -m local.sam

RUNTIME ?= python3.13
ARCHITECTURES ?= arm64 x86_64
ARCHITECTURE ?= arm64
ENV ?= dev
STEPS ?= 20000
# Processes that tests run in. Each that comes to the end-to-end tests starts a stack of its own.
JOBS ?= 2

TYPED := $(wildcard layers/common/postroom functions local deployment benchmarks docs tests)

# Property tests that search through thousands of examples when there is time.
PROPERTIES := tests/unit/domain/test_mime.py tests/unit/providers/google/test_mapping.py

.DEFAULT_GOAL := help
.PHONY: help bootstrap run logs audit test test-long soak check format bench build deploy admin-key clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-10s %s\n' "$$name" "$$what"; done
	@echo
	@echo '  make run takes POSTROOM_PORT=3000, MINISTACK_PORT=4566, GOOGLE_SIMULATOR_PORT=4601,'
	@echo '  MICROSOFT_SIMULATOR_PORT=4602, FRESH=1 (start empty), PROVIDERS=live (the real providers, no simulators),'
	@echo '  UNDO_SECONDS=10 (every send can be called back as long) and'
	@echo '  LOCAL_STATE=<folder> (keep state and stack.json there instead of in .local).'
	@echo '  make test and make test-long take JOBS=$(JOBS), the number of processes that share the tests;'
	@echo '  make soak takes STEPS=$(STEPS), and SEED=<number> to play the same again;'
	@echo '  make build takes RUNTIME=$(RUNTIME) and ARCHITECTURES="$(ARCHITECTURES)";'
	@echo '  make deploy takes ENV=dev or ENV=prod and ARCHITECTURE=$(ARCHITECTURE);'
	@echo '  make admin-key takes ENV, or STACK=<name of the stack>.'

bootstrap:
	@sh local/bootstrap.sh

run: bootstrap ## start the whole product on this machine; Ctrl-C stops it and keeps the data
	@exec $(PYTHON) -m local.stack

logs: bootstrap ## follow the log lines of the running stack's functions
	@exec $(PYTHON) -m local.logs

audit: bootstrap ## compare every mailbox of the running stack with its provider, folder by folder
	@$(PYTHON) -m local.audit

# Three runs, since servers live in threads of the end-to-end tests' and the simulators' processes:
# unit tests take away all sockets of theirs, and those of functions put moto in the place of AWS.
test: QUICK := $(PYTHON) -m pytest -m "not long" -n $(JOBS) --dist loadfile
test: bootstrap ## every test but the long ones
	$(QUICK) tests/unit
	$(QUICK) --ignore=tests/unit --ignore=tests/e2e
	$(QUICK) tests/e2e

test-long: bootstrap ## the long tests: volume, many property steps, fuzzing
	$(PYTHON) -m pytest -m long -n $(JOBS) --maxschedchunk 1
	$(PYTHON) -m pytest --hypothesis-profile=search $(PROPERTIES)

soak: SEED := $(or $(SEED),$(shell od -An -N4 -tu4 /dev/urandom | tr -d ' '))
soak: bootstrap ## play random stories of owners, faults and deaths
	@echo 'soak: STEPS=$(STEPS) SEED=$(SEED)'
	SOAK_STEPS=$(STEPS) $(PYTHON) -m pytest -m long tests/long/test_properties.py \
		--hypothesis-seed=$(SEED) --show-capture=no || \
		{ echo 'Again: make soak STEPS=$(STEPS) SEED=$(SEED)'; exit 1; }

check: bootstrap ## formatting, lint, types, import rules, template, generated files; no tests
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy $(TYPED)
	.venv/bin/lint-imports
	$(SAM) validate --lint --template-file template.yaml --region us-east-1
	@$(UV) export --frozen --quiet --package postroom --no-dev --no-emit-workspace --no-header \
		--no-annotate | diff -u layers/common/requirements.txt - \
		|| { echo 'layers/common/requirements.txt is not what uv.lock says: run `make format`.'; \
		exit 1; }
	@$(PYTHON) -m docs.tables --check
	@$(PYTHON) -m docs.openapi --check

format: bootstrap ## format the code, fix what can be fixed, and write generated files anew
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
	$(UV) export --frozen --quiet --package postroom --no-dev --no-emit-workspace --no-header \
		--no-annotate --output-file layers/common/requirements.txt
	$(PYTHON) -m docs.tables
	$(PYTHON) -m docs.openapi

bench: bootstrap ## measure and print what README states
	$(PYTHON) -m benchmarks

build: bootstrap $(ARCHITECTURES:%=build-%) ## the deployable application, for Lambda

.PHONY: $(ARCHITECTURES:%=build-%)
$(ARCHITECTURES:%=build-%): build-%: bootstrap
	POSTROOM_BUILD_PYTHON=$(RUNTIME:python%=%) POSTROOM_BUILD_ARCHITECTURE=$* \
		$(SAM) build --template-file template.yaml --build-dir .aws-sam/build/$* \
		--parameter-overrides Runtime=$(RUNTIME) Architecture=$*

deploy: build ## build, then deploy to your AWS account; the first time it asks
	$(PYTHON) deployment/deploy.py --environment $(ENV) --architecture $(ARCHITECTURE) \
		--sam '$(SAM)'

admin-key: bootstrap ## print the administrator's first API key of a deployed stack
	@$(PYTHON) deployment/admin_key.py --environment $(ENV) $(if $(STACK),--stack $(STACK))

clean: ## remove everything that was built, and the local stack with its data
	rm -rf .aws-sam .local .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis \
		.import_linter_cache tests/e2e/node/node_modules
