# Every target is one or two lines; what it runs can be run by hand. `make` alone lists them.
CARGO ?= cargo
STACK ?= python3 tests/stack/run.py
PIPELINE ?= tests/demo/pipeline.yaml
ARCH ?= arm64

.DEFAULT_GOAL := help
.PHONY: help build up down restart demo test test-rust test-ingest test-stack test-rabbit4 test-readers stack-bridge stack-broker stack-alarm stack-attempts stack-mapping stack-others test-infra infra-static infra-composition infra-others test-package package bench bench-images lint fmt circles deny

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

build: ## compile functions, bridge and CLI
	$(CARGO) build --workspace

up: ## start the local cloud and leave it running: make up [PIPELINE=my/pipeline.yaml]
	$(STACK) up --pipeline $(PIPELINE)

down: ## stop the local cloud
	$(STACK) down

restart: ## restart one process of the local cloud: make restart WHAT=bridge
	$(STACK) restart $(WHAT)

demo: ## the whole way of a message, with real data: make demo [FULL=1]
	$(STACK) exec tests.demo $(if $(FULL),--full)

test: test-rust test-ingest test-stack test-infra ## everything

test-rust: ## unit, property and simulation tests
	$(CARGO) test --workspace --quiet

test-ingest: ## ingest as it is deployed: its size, and that it answers on arm64
	$(STACK) exec pytest -q tests/package/test_package.py

test-stack: build ## end-to-end, crash, order and reader tests on the local cloud
	$(MAKE) --no-print-directory --jobs=6 --output-sync stack-bridge stack-broker stack-alarm stack-attempts stack-others stack-mapping

# Side by side: each mostly waits for its own cloud.
BROKER = $(addprefix tests/e2e/test_,silence.py broker_user.py move.py)
ALARM = $(addprefix tests/e2e/test_,broker_alarm.py published.py)
ATTEMPTS = $(addprefix tests/e2e/test_,attempts.py compaction.py logs.py)

stack-bridge:
	$(STACK) exec pytest -q tests/e2e $(addprefix --ignore=,tests/e2e/test_mapping.py $(BROKER) $(ALARM) $(ATTEMPTS))

stack-broker:
	$(STACK) exec pytest -q $(BROKER)

stack-alarm:
	$(STACK) exec pytest -q $(ALARM)

stack-attempts:
	$(STACK) exec pytest -q $(ATTEMPTS)

test-rabbit4: build ## the broker's, pump's, order, crash and bad-input tests on RabbitMQ 4
	FOZ_BROKER=4 $(STACK) exec pytest -q $(addprefix tests/stack/test_,rabbitmq.py pump_rabbitmq.py) $(addprefix tests/e2e/test_,order.py crash.py bad_input.py) $(BROKER) $(ALARM)

test-readers: build ## PyIceberg, DuckDB, Spark and Trino after each of 200 random steps: make test-readers [STEPS=20] [SEED=2]
	FOZ_STEPS=$(STEPS) FOZ_SEED=$(SEED) $(STACK) spark pytest -q -s tests/readers/random_steps.py

stack-mapping:
	$(STACK) exec pytest -q tests/e2e/test_mapping.py

stack-others:
	$(STACK) exec pytest -q tests --ignore=tests/e2e --ignore=tests/infra --ignore=tests/package/test_package.py

test-infra: build ## Terraform: validate, modules, checkov, policies, the whole on the local cloud
	$(MAKE) --no-print-directory --jobs=3 --output-sync infra-static infra-composition infra-others

# Side by side: the first computes, the others mostly wait for Terraform's waiting.
infra-static infra-composition: infra-%:
	$(STACK) exec pytest -q tests/infra/test_$*.py

infra-others:
	$(STACK) exec pytest -q tests/infra --ignore=tests/infra/test_static.py --ignore=tests/infra/test_composition.py

package: ## zips of the functions and the folder of the bridge's image: make package [ARCH=x86_64]
	python3 scripts/package.py functions --arch $(ARCH)
	python3 scripts/package.py image --arch $(ARCH)

test-package: ## build all packages and the bridge's image, and look at them (an hour from nothing)
	$(STACK) exec pytest -q tests/package/test_package.py tests/package/everything.py

bench: ## latency, throughput and starts of functions, beside a bare consumer and a plain script
	$(STACK) exec tests.bench

bench-images: ## what an image costs, and what readers pay for it, beside Spark: make bench-images [ROWS=1M,4M,10M]
	$(STACK) spark tests.bench.images $(if $(ROWS),--rows $(ROWS))

lint: deny circles ## format, clippy, documentation, layers, words, circles, dependencies, Terraform format
	$(CARGO) fmt --all --check && $(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --lib --document-private-items --quiet
	python3 scripts/layers.py && python3 scripts/words.py && $(STACK) terraform fmt -check -recursive infra

fmt: ## format Rust and Terraform
	$(CARGO) fmt --all && $(STACK) terraform fmt -recursive infra

circles: ## files of a crate that need each other in a circle
	python3 scripts/circles.py

deny: ## licences and bans of the dependency tree, and unused dependencies
	python3 scripts/dependencies.py
