# The short way: set-up, build, run. CMakePresets.json and scripts/ do the work.
.PHONY: build demo test kafka kafka-stop bench quality format tidy clean help
.DEFAULT_GOAL := build
MAKEFLAGS += --no-print-directory

build: ## build/release/rootnote, with all set-up (packages through apt-get, as root or with sudo)
	@scripts/packages build
	@scripts/build release rootnote

demo: build ## the story on an embedded Kafka: make demo [SCENARIO=dns|disk|quiet]
	@build/release/rootnote demo $(SCENARIO)

test: ## everything that must hold; ends with ctest's summary
	@scripts/packages build kafka test
	@scripts/kafka-jars
	@scripts/test

kafka: ## a Kafka broker on loopback, in the background; prints its address
	@scripts/packages kafka
	@scripts/kafka-jars
	@/usr/bin/python3 tests/kafka/broker.py start

kafka-stop: ## ends it, and its data are gone
	@/usr/bin/python3 tests/kafka/broker.py stop

bench: ## builds and runs the benchmarks
	@scripts/packages build
	@scripts/build release
	@for bench in build/release/bench/*_bench; do echo "$$bench"; "$$bench" || exit 1; done

quality: ## incidents against known faults: make quality [QUALITY_DATA=DIR] [SEEDS=10] (docs/quality.md)
	@scripts/packages build
	@scripts/build release rootnote rootnote-scores rootnote-simulator
	@/usr/bin/python3 bench/quality/all --data "$(QUALITY_DATA)" --write docs/quality.md || [ -z "$(QUALITY_DATA)" ]
	@/usr/bin/python3 bench/quality/simulate --seeds $(or $(SEEDS),10) --write docs/quality.md

format: ## clang-format over the whole tree
	@scripts/packages format
	@git ls-files -co --exclude-standard -- '*.h' '*.cc' | xargs -r clang-format-14 -i

tidy: ## clang-tidy and clang's -Wthread-safety over the whole tree
	@scripts/packages build kafka test tidy
	@scripts/build tidy

clean: ## removes build/
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while read -r target text; do printf 'make %-10s %s\n' "$$target" "$$text"; done
