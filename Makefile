PYTHON  ?= python3
# A test waits for stores and processes about a third of its time.
WORKERS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2)))
ARGS    ?=
TAG     ?= dev
PROFILES ?=
VERSION ?=
COMMIT  ?=
REGISTRY ?=

VENV  := .venv
BIN   := $(VENV)/bin
READY := $(VENV)/.ready
ROOMS := proto $(patsubst %/pyproject.toml,%,$(sort $(wildcard services/*/pyproject.toml)))
PROTO := $(sort $(wildcard proto/valetkey/wire/*/*.proto))

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command 'make lock'

DOCS_VENV       := build/docs/venv
DOCS_READY      := $(DOCS_VENV)/.ready
DOCS_LOCK       := deploy/docs/requirements.lock
DOCS_REPOSITORY ?=

SETTINGS_TABLE := services/runtime/SETTINGS.md
METRICS_TABLE  := services/runtime/METRICS.md

PYTEST := $(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-22s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# uv is installed from the same lock as everything else, so that its version and hashes are written once.
$(READY): requirements.lock $(ROOMS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit("Valetkey needs Python 3.11 or newer: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "preparing $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@awk '/^uv==/ { found = 1 } found && /^ +#/ { exit } found' requirements.lock > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(ROOMS:%=-e %)
	@touch $@

.PHONY: venv
venv: $(READY) ## Prepare the virtual environment (every other target does it when needed)

.PHONY: demo
demo: $(READY) ## Start everything on this machine; ARGS="--no-open --issuer-port 9000 --keep" passes arguments on
	@exec $(BIN)/valetkey demo $(ARGS)

.PHONY: test
test: $(READY) ## Prove every promise, in minutes; ARGS="-k refresh" passes arguments on
	@$(PYTEST) tests --ignore=tests/system --ignore=tests/cluster --ignore=tests/nightly $(ARGS)

.PHONY: test-nightly
test-nightly: $(READY) ## Run what takes long: all faults, mutants, upgrades, floods, growth; more rounds and combinations
	@NIGHTLY=1 $(PYTEST) tests/nightly tests/integration tests/protocol tests/browser $(ARGS)

.PHONY: test-compact
test-compact: $(READY) ## Run what speaks HTTP, and independent clients, against every service in one process
	@COMPACT=1 $(PYTEST) tests/protocol tests/browser tests/peers tests/nightly/peers $(ARGS)

.PHONY: test-unit
test-unit: $(READY) ## Run the tests of the rules and of the architecture, without sockets
	@$(PYTEST) tests/unit tests/architecture $(ARGS)

.PHONY: test-contract
test-contract: $(READY) ## Run each port's promises against the fake and the real store
	@$(PYTEST) tests/contract $(ARGS)

.PHONY: test-protocol
test-protocol: $(READY) ## Run the specifications' requirements over HTTP
	@$(PYTEST) tests/protocol $(ARGS)

.PHONY: test-integration
test-integration: $(READY) ## Run the tests that race, kill and restart real PostgreSQL and Redis
	@$(PYTEST) tests/integration $(ARGS)

.PHONY: soak-rotations
soak-rotations: $(READY) ## Rotate keys a thousand times while verifiers use key sets as old as allowed
	@ROTATIONS=1000 $(BIN)/pytest -s tests/nightly/test_key_rotation_in_use.py $(ARGS)

.PHONY: test-faults
test-faults: $(READY) ## Break everything under load, and judge what was promised meanwhile
	@$(PYTEST) tests/faults tests/nightly/faults $(ARGS)

.PHONY: soak
soak: $(READY) ## The same with thousands of calls under each fault; ARGS="--only redis --operations 20000" passes arguments on
	@PYTHONPATH=tests $(BIN)/python -m faults $(ARGS)

.PHONY: test-browser
test-browser: $(READY) ## Run the login in a real browser
	@$(PYTEST) tests/browser $(ARGS)

.PHONY: test-peers
test-peers: $(READY) ## Run independent clients and verifiers, the heavy ones too; see tests/peers
	@$(PYTEST) -m peer tests $(ARGS)

.PHONY: peers-record
peers-record: $(READY) ## Run them and note what passed, then write the table
	@RECORD_PEERS=1 $(PYTEST) -m peer tests $(ARGS)
	@$(MAKE) peers-table

.PHONY: images
images: ## Build the images as valetkey-*:$(TAG) and print their sizes; PYTHON_IMAGE=... changes what they stand on
	@TAG=$(TAG) deploy/docker/build_images.sh

.PHONY: test-system
test-system: $(READY) images ## Run the images as containers, from outside; needs a Docker engine
	@VALETKEY_IMAGE_TAG=$(TAG) $(BIN)/pytest tests/system $(ARGS)

.PHONY: cluster-test
cluster-test: $(READY) ## Install the chart in a real Kubernetes, built from Go modules; needs root. See tests/cluster
	@$(BIN)/pytest -s tests/cluster $(ARGS)

.PHONY: cluster
cluster: $(READY) ## Start that Kubernetes alone, until Ctrl-C
	@PYTHONPATH=tests $(BIN)/python -m cluster

.PHONY: kind
kind: images ## Load the images into a kind cluster, made if there is none; see deploy/kind
	@TAG=$(TAG) deploy/kind/up.sh

.PHONY: bench
bench: $(READY) ## Measure what each endpoint costs, as ratios to a bare handler; ARGS="--rounds 3" passes arguments on
	@PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

.PHONY: bench-growth
bench-growth: $(READY) ## Measure hot endpoints with up to 100,000 clients, a million revocations, a million authorizations
	@PYTHONPATH=tests $(BIN)/python -m bench.growth $(ARGS)

.PHONY: bench-memory
bench-memory: $(READY) ## Measure the resident set of each service while it answers a million requests
	@PYTHONPATH=tests $(BIN)/python -m bench.memory $(ARGS)

.PHONY: bench-sizing
bench-sizing: $(READY) ## Write what bench and bench-memory have measured into deploy/sizing.md
	@PYTHONPATH=tests $(BIN)/python -m bench.sizing $(ARGS)

.PHONY: compose-up
compose-up: ## Start the images with docker compose; PROFILES="demo observability" adds to them
	@deploy/compose/secrets.sh
	@VALETKEY_TAG=$(TAG) docker compose -f deploy/compose.yaml $(PROFILES:%=--profile %) up --detach --wait

.PHONY: compose-down
compose-down: ## Stop what compose-up started; ARGS=--volumes deletes its data too
	@docker compose -f deploy/compose.yaml --profile '*' down $(ARGS)

.PHONY: lint
lint: $(READY) ## Check style, formatting, spelling, types, import contracts and that no code is unused
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@$(BIN)/vulture services deploy .ci
	@$(BIN)/vulture services deploy .ci tests
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: $(READY) ## Rewrite the code as the formatter wants it
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: hooks
hooks: $(READY) ## Have git run linters before a commit, and make lint with the checks of generated files before a push
	@$(BIN)/pre-commit install

.PHONY: release
release: lint ## Make the release VERSION=X.Y.Z in build/release; COMMIT=yes commits and tags it. See deploy/release
	@$(BIN)/python -m deploy.release prepare $(VERSION) $(if $(filter yes,$(COMMIT)),--commit) $(ARGS)

.PHONY: release-images
release-images: $(READY) ## Build the images of the release that this checkout is, and push them to REGISTRY=registry.example/team
	@$(BIN)/python -m deploy.release images $(REGISTRY) $(if $(VERSION),--version $(VERSION)) $(ARGS)

.PHONY: release-files
release-files: $(READY) ## Build the files of that release; with REGISTRY=... the chart names the images that were pushed there
	@$(BIN)/python -m deploy.release build $(if $(VERSION),--version $(VERSION)) \
		$(if $(REGISTRY),--registry $(REGISTRY) $$(cat build/digests/*)) $(ARGS)

.PHONY: release-chart
release-chart: $(READY) ## Push the chart of that release to REGISTRY=..., and print its name with its digest
	@$(BIN)/python -m deploy.release chart $(REGISTRY) $(if $(VERSION),--version $(VERSION)) $(ARGS)

.PHONY: lock
lock: $(READY) ## Resolve requirements.in, every image's and those of machines without containers into locks; ARGS=--upgrade takes the newest
	@$(COMPILE) $(ARGS) requirements.in -o requirements.lock
	@for image in authorize token introspection mailer compact key_rotation cli; do \
		$(BIN)/python deploy/docker/image_requirements.py $$image | \
		$(COMPILE) --no-annotate --constraint requirements.lock - -o deploy/docker/requirements/$$image.lock || exit 1; \
	done
	@$(BIN)/python deploy/docker/image_requirements.py 'cli[serve]' | \
		$(COMPILE) --no-annotate --constraint requirements.lock - -o deploy/systemd/requirements.lock
	@$(COMPILE) --no-annotate --constraint requirements.lock deploy/docs/requirements.in -o $(DOCS_LOCK)
	@echo hatchling | \
		$(COMPILE) --no-annotate --constraint requirements.lock - -o deploy/docker/requirements/build.lock

.PHONY: proto
proto: $(READY) ## Generate Python from the contracts between services
	@$(BIN)/python -m grpc_tools.protoc --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
		--proto_path=proto --python_out=proto --mypy_out=quiet:proto $(PROTO)

.PHONY: proto-check
proto-check: proto ## Fail when the generated contracts are not the committed ones
	@git diff --exit-code -- proto
	@test -z "$$(git ls-files --others --exclude-standard -- proto)"

.PHONY: settings-table
settings-table: $(READY) ## Write the table of settings from the code
	@$(BIN)/python -m valetkey.runtime.settings.table > $(SETTINGS_TABLE)

.PHONY: settings-table-check
settings-table-check: $(READY) ## Fail when the table of settings is not the code's
	@$(BIN)/python -m valetkey.runtime.settings.table | diff $(SETTINGS_TABLE) -

.PHONY: metrics-table
metrics-table: $(READY) ## Write the table of metrics from the code
	@$(BIN)/python -m valetkey.runtime.telemetry.metrics_table > $(METRICS_TABLE)

.PHONY: metrics-table-check
metrics-table-check: $(READY) ## Fail when the table of metrics is not the code's
	@$(BIN)/python -m valetkey.runtime.telemetry.metrics_table | diff $(METRICS_TABLE) -

.PHONY: catalogs
catalogs: $(READY) ## Take the texts of pages and mails into the catalogues of their languages, and compile these
	@PYTHONPATH=tests $(BIN)/python -m support.catalogues

.PHONY: catalogs-check
catalogs-check: $(READY) ## Fail when a text is missing in a language, or a catalogue is not the code's
	@$(BIN)/pytest -q tests/architecture/test_catalogues.py

.PHONY: left-behind-table
left-behind-table: $(READY) ## Write the bounds of what clients can leave behind into deploy/sizing.md
	@PYTHONPATH=tests $(BIN)/python -m support.left_behind

.PHONY: peers-table
peers-table: $(READY) ## Write the table of tools that are proven to work into tests/peers/README.md
	@PYTHONPATH=tests $(BIN)/python -m peers.matrix

.PHONY: chart-docs
chart-docs: $(READY) ## Write what the chart's README and schema say from the comments in its values
	@PYTHONPATH=tests $(BIN)/python -m support.chart_documentation

.PHONY: client-docs
client-docs: $(READY) ## Write the fields of a client, from the table in the code, into the documentation and the chart
	@PYTHONPATH=tests $(BIN)/python -m support.client_documentation
	@PYTHONPATH=tests $(BIN)/python -m support.chart_documentation

.PHONY: chart-docs-check
chart-docs-check: $(READY) ## Fail when they say something else
	@$(BIN)/pytest -q tests/chart/test_documentation.py

.PHONY: test-chart
test-chart: $(READY) ## Render the chart and look at every object
	@$(PYTEST) tests/chart $(ARGS)

$(DOCS_READY): $(DOCS_LOCK) | $(READY)
	@$(PYTHON) -m venv --clear $(DOCS_VENV)
	@$(BIN)/uv pip install --quiet --python $(DOCS_VENV)/bin/python --require-hashes -r $(DOCS_LOCK)
	@touch $@

.PHONY: docs
docs: $(READY) $(DOCS_READY) ## Build the documentation as a site in build/docs/site; fails at a broken link. See deploy/docs
	@$(BIN)/python -m deploy.docs stage build/docs/pages --repository "$(DOCS_REPOSITORY)"
	@NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/mkdocs build --quiet --strict --config-file deploy/docs/mkdocs.yaml
	@echo "build/docs/site/index.html"

.PHONY: docs-reference
docs-reference: $(READY) ## Write the pages of the documentation that are made of the code
	@$(BIN)/python -m deploy.docs reference

.PHONY: docs-screenshot
docs-screenshot: $(READY) ## Take the picture of the consent page that the README shows; needs chromium
	@PYTHONPATH=tests $(BIN)/python -m support.screenshot deploy/docs/screenshot.png

.PHONY: clean
clean: ## Remove everything that can be made again, the virtual environment included
	@rm -rf $(VENV) .demo build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/artifacts
