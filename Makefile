# The two commands: `make run` serves on port 8001, `make test` runs every check.

PORT ?= 8001
SWIFT ?= swift
RELEASE_FLAGS = -c release -Xswiftc -static-executable
SWIFT_FILES = Package.swift Sources Tests

.PHONY: run build test bench bench-quick format lint check-tools

run: build
	.build/release/transform-service serve --port $(PORT)

build: check-tools
	$(SWIFT) build $(RELEASE_FLAGS) --product transform-service

test: check-tools lint
	$(SWIFT) build
	$(SWIFT) test
	@if [ -f Tests/PythonTests/run ]; then Tests/PythonTests/run; fi

# Every benchmark against its rivals; results are written to Benchmarks/results.
bench: build
	Benchmarks/all.sh

bench-quick: build
	Benchmarks/all.sh --quick

format:
	$(SWIFT) format --in-place --recursive --parallel $(SWIFT_FILES)

lint:
	$(SWIFT) format lint --strict --recursive --parallel $(SWIFT_FILES)

# zlib's header is all that the system must have besides Swift.
check-tools:
	@command -v $(SWIFT) >/dev/null || { \
	  echo "swift is not installed: see https://www.swift.org/install (version 6.2 or later)"; exit 1; }
	@test -f /usr/include/zlib.h || { \
	  if ! command -v apt-get >/dev/null; then \
	    echo "zlib.h is missing: install zlib's development package"; exit 1; fi; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -q && apt-get install -qy zlib1g-dev; \
	  elif command -v sudo >/dev/null; then \
	    sudo apt-get update -q && sudo apt-get install -qy zlib1g-dev; \
	  else echo "zlib.h is missing: run apt-get install zlib1g-dev as root"; exit 1; fi; }
