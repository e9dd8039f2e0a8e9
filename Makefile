# Break My Work. `make help` lists what there is; .ci/run is what a change must pass.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# What sqlx knows of the queries is in .sqlx: building needs no database.
export SQLX_OFFLINE ?= true

.DEFAULT_GOAL := help
.PHONY: help run build test fuzz-api deny lint fmt sqlx bench rust

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build in release and start everything here; Ctrl-C stops it (more flags: make run ARGS="--port 9000")
	@exec $(TARGET)/release/breakmywork up $(ARGS)

build: rust
	@scripts/install build-essential postgresql
	$(CARGO) build --release --locked --package breakmywork --package breakmywork-worker --bins

# One build of everything with the features that the tests need, so that nothing is compiled twice.
test: rust ## Run every test, the browser's too (one of them: make test ARGS=name)
	@scripts/install build-essential postgresql chromium chromium-driver curl python3 python3-jsonschema python3-feedparser python3-aiosmtpd python3-pybtex python3-pylatexenc python3-pip python3-venv
	@scripts/axe $(TARGET)/tmp
	@scripts/python $(TARGET)/tmp/python
	$(CARGO) build --locked --workspace --bins --tests
	$(TARGET)/debug/breakmywork postgres --throwaway -- scripts/with-template $(TARGET)/debug/breakmywork $(CARGO) test --locked --workspace $(ARGS)

fuzz-api: export FUZZ_SECONDS ?= 300
fuzz-api: ## Try every operation of REST at length (FUZZ_SECONDS=300 as each kind of person)
	@$(MAKE) test ARGS="--test pages fuzz_api"

deny: rust ## Check licences and known holes of dependencies (ADVISORIES=FOLDER: a clone of RustSec's database, without a network)
	@scripts/deny $(ADVISORIES)

lint: rust ## Check formatting and run clippy
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings

fmt: rust ## Format the Rust sources
	$(CARGO) fmt --all

sqlx: rust ## Write .sqlx anew, after a query or a migration changed
	@scripts/install build-essential postgresql
	scripts/check-queries .sqlx $(CARGO) check --locked --workspace --all-targets

bench: rust ## Measure training speed beside stock candle and torch (bench/README.md; make bench ARGS="--torch PYTHON")
	@scripts/install build-essential
	$(CARGO) run --release --locked --package bench-training -- $(ARGS)

rust:
	@command -v $(CARGO) >/dev/null || { echo "Rust is missing. Install it as https://rustup.rs says, then run this again." >&2; exit 1; }
