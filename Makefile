# tandem: every command of the project. `make` lists them.
# The work is in scripts/ and cross/; this file only names it.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup check test cross package size sabotage fuzz bench demo dist clean

help: ## this list
	@echo 'make COMMAND'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

setup: ## install what is needed (Debian 12 with Rust): packages, Rust components, Python tools
	@scripts/setup

check: ## format, clippy, unit tests, layering: under two minutes
	@scripts/test format clippy unit layering

test: ## everything, logs in target/test-logs; ONLY="unit package" runs some stages
	@scripts/test $(ONLY)

cross: ## build for routers and run there (qemu): TARGETS="mipsel mips armv7 aarch64 x86_64"
	@cross/probe $(TARGETS)

package: ## OpenWrt packages in target/packages; TARGETS as above
	@scripts/package $(TARGETS)

size: ## size of program and package against the budgets, also in target/size.json
	@scripts/size

sabotage: ## do the tests notice what they should? ONLY=name for one patch
	@tests/sabotage/run $(ONLY)

fuzz: ## TIME=60 seconds for each fuzz target; ONLY=pdu for one
	@scripts/fuzz $(or $(TIME),60) $(ONLY)

bench: ## measure: start, memory, wake-ups, delivery; the program as it is shipped (static, musl)
	@scripts/setup
	@cross/build x86_64
	@echo 'building …'
	@cargo build --locked --quiet --workspace --release --bins
	@HOUSE_NO_BUILD=1 TANDEM_BIN='$(CURDIR)/target/cross/x86_64-unknown-linux-musl/tandem' \
	  target/release/bench

demo: ## a dongle, texts by mail, calls to a phone: see it work; DEMO_EXIT=1 ends by itself
	@scripts/setup
	@echo 'building … (a few minutes the first time)'
	@cargo build --locked --quiet --workspace --release --bins
	@DEMO_EXIT='$(DEMO_EXIT)' HOUSE_NO_BUILD=1 target/release/demo

dist: ## source archive in target/dist, with its hash
	@scripts/dist

clean: ## remove target
	cargo clean
