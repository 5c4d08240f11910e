# Everything that people and CI do with this checkout. It needs Go; conformance
# also needs python3.

CONFORMANCE_DIR ?= ../shared/conformance
FUZZTIME ?= 10s
RUNS ?= 20
SOAK ?= 30m
BENCH ?= .

# A module of its own holds the simulated NetBox to its OpenAPI document.
SCHEMA = providers/simulator/netboxschema

LINT_VERSION = v2.15.0
LINT = bin/golangci-lint-$(LINT_VERSION)

help: ## List the targets (the default).
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## Tell the whole story against the simulator, in less than a minute.
	@go run ./examples/demo

build: ## Build bin/reconcile, static.
	CGO_ENABLED=0 go build -trimpath -o bin/reconcile ./cmd/reconcile

test: ## Vet, and run all tests.
	go vet ./...
	go test -timeout 20m ./...
	cd $(SCHEMA) && go vet ./... && go test -timeout 20m ./...

race: ## Run all tests with the race detector (needs a C compiler).
	go test -race -timeout 30m ./...

lint: $(LINT) ## Check style, formatting, go.mod and generated documents.
	$(LINT) run ./...
	cd $(SCHEMA) && $(CURDIR)/$(LINT) run --config $(CURDIR)/.golangci.yml ./...
	@unformatted=$$(gofmt -l cmd reconcile inventory providers examples deploy); \
	  [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	go mod tidy -diff
	cd $(SCHEMA) && go mod tidy -diff
	@made=$$(mktemp -d) && trap 'rm -rf "$$made"' EXIT && go run ./cmd/reconcile schema --docs "$$made" >/dev/null && \
	  for file in $$(cd "$$made" && find . -type f); do \
	    diff -u "docs/$$file" "$$made/$$file" || { echo "docs/$$file is not up to date: make docs"; exit 1; }; \
	  done

$(LINT):
	@echo "Building golangci-lint $(LINT_VERSION); this takes two minutes, once."
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv bin/golangci-lint $@

fuzz: ## Fuzz each target for FUZZTIME (10s).
	@FUZZTIME=$(FUZZTIME) .ci/fuzz

bench: ## Run all benchmarks, those of whole processes included (BENCH=regexp picks).
	go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 30m ./...

conformance: ## Replay recorded traffic against the simulator, and plan recorded pairs.
	@CONFORMANCE_DIR=$(CONFORMANCE_DIR) .ci/conformance

reliability: ## Break things on purpose, RUNS (20) histories of each, and print the figures.
	@RUNS=$(RUNS) .ci/reliability

soak: ## Run the daemon with faults on for SOAK (30m), and watch that nothing grows.
	@SOAK=$(SOAK) .ci/soak

docs: ## Write docs/kinds, docs/operator.md and the schemas anew.
	go run ./cmd/reconcile schema --docs docs

.PHONY: help demo build test race lint fuzz bench conformance reliability soak docs
