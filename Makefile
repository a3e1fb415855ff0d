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

TYPED := $(wildcard layers/common/postroom functions local deployment benchmarks docs tests)

# Property tests that search through thousands of examples when there is time.
PROPERTIES := tests/unit/domain/test_mime.py tests/unit/providers/google/test_mapping.py

.DEFAULT_GOAL := help
.PHONY: help bootstrap run logs test test-long check format bench build deploy admin-key clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; do \
		printf '  make %-10s %s\n' "$$name" "$$what"; done
	@echo
	@echo '  make run takes POSTROOM_PORT=3000, MINISTACK_PORT=4566, GOOGLE_SIMULATOR_PORT=4601,'
	@echo '  FRESH=1 (start empty), PROVIDERS=live (the real providers, no simulators) and'
	@echo '  LOCAL_STATE=<folder> (keep state and stack.json there instead of in .local).'
	@echo '  make build takes RUNTIME=$(RUNTIME) and ARCHITECTURES="$(ARCHITECTURES)";'
	@echo '  make deploy takes ENV=dev or ENV=prod and ARCHITECTURE=$(ARCHITECTURE);'
	@echo '  make admin-key takes ENV, or STACK=<name of the stack>.'

bootstrap:
	@sh local/bootstrap.sh

run: bootstrap ## start the whole product on this machine; Ctrl-C stops it and keeps the data
	@exec $(PYTHON) -m local.stack

logs: bootstrap ## follow the log lines of the running stack's functions
	@exec $(PYTHON) -m local.logs

test: bootstrap ## every test but the long ones
	$(PYTHON) -m pytest -m "not long"

test-long: bootstrap ## the long tests: volume, many property steps, fuzzing
	$(PYTHON) -m pytest -m long
	$(PYTHON) -m pytest --hypothesis-profile=search $(PROPERTIES)

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
	@$(PYTHON) docs/tables.py --check

format: bootstrap ## format the code, fix what can be fixed, and write generated files anew
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
	$(UV) export --frozen --quiet --package postroom --no-dev --no-emit-workspace --no-header \
		--no-annotate --output-file layers/common/requirements.txt
	$(PYTHON) docs/tables.py

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
		.import_linter_cache
