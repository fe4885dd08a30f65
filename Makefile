# The two commands: `make run` serves on port 8001, `make test` runs every check. CONTRIBUTING.md
# lists the others.

PORT ?= 8001
SWIFT ?= swift
PYTHON ?= python3
VENV = .build/venv
RELEASE_FLAGS = -c release -Xswiftc -static-executable -Xswiftc -enforce-exclusivity=unchecked
SWIFT_FILES = Package.swift Sources Tests
VERSION_FILE = Sources/TransformService/VERSION
# Suites that start the service's binary, and so can test the one that is shipped.
PROCESS_SUITES = ServiceTests\.(Readme|Run|Hostile|LimitFlag|Lifecycle|Reload|ExampleTransform)
# Passed over under a sanitizer, for no fault of theirs: bounds of a process's memory and of a run's
# milliseconds, which the sanitizer's own needs exceed, and the signals of crashes, which it answers.
UNSANITIZED = CrashReportTests|TransformsTests\.DeadlineTests|gzipBombs|idleWorkersGiveTheirMemoryBack
# The thread sanitizer has room for 65,536 nested calls, and takes too long for a deadline.
UNTHREADED = nestingHasALimit|collidingNames

.PHONY: run build test test-debug test-release test-python test-address test-thread
.PHONY: bench bench-quick differential demo venv docs version format lint check-tools

run: build
	.build/release/transform-service serve --port $(PORT)

build: check-tools
	$(SWIFT) build $(RELEASE_FLAGS) --product transform-service

test: check-tools lint test-debug test-release

test-debug: check-tools
	$(SWIFT) build --build-tests
	@# What failed is told again at the end: the log is long.
	@{ $(SWIFT) test --no-parallel; echo $$? > .build/test.status; } 2>&1 | tee .build/test.log; \
	  status=$$(cat .build/test.status); \
	  [ $$status = 0 ] || grep -A 4 -E "recorded an issue|Fatal error|error: " .build/test.log; \
	  exit $$status

# The binary as it is shipped: optimised, linked statically. README's examples, the command line,
# hostile clients and limits, then all that Python tests: jq's cases among them.
test-release: build
	$(SWIFT) build --build-tests
	TRANSFORM_SERVICE=$(CURDIR)/.build/release/transform-service \
	  $(SWIFT) test --skip-build --no-parallel --filter '$(PROCESS_SUITES)'
	TRANSFORM_SERVICE=$(CURDIR)/.build/release/transform-service $(MAKE) test-python

# The Python client, tasks-api, the manifests, the command line and README's walk-through, against
# the binary that TRANSFORM_SERVICE names, else the debug build.
test-python: venv
	cd deploy && ../$(VENV)/bin/ruff check . && ../$(VENV)/bin/ruff format --check .
	cd deploy/python && ../../$(VENV)/bin/mypy
	cd deploy/tasks-api && ../../$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -q deploy

# Each sanitizer has a build of its own, in .build/address and .build/thread, and a first report
# ends the process. SANITIZED chooses other suites.
#
# Leaks are not looked for: Swift's enums mark the pointers in them, which hides what they point to.
# Variables stay on the stack, whose address says how deep a program has got.
test-address: SANITIZED ?= .
test-address: check-tools
	ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0 \
	  $(SWIFT) test --sanitize=address --scratch-path .build/address --no-parallel \
	  --filter '$(SANITIZED)' --skip '$(UNSANITIZED)'

# THREAD_SANITIZER: see MutexHandle+ThreadSanitizer.swift.
test-thread: SANITIZED ?= ServiceTests\.|TransformsTests\.(Compiler|Fixture|Fuzz|Heap)
test-thread: check-tools
	TSAN_OPTIONS=halt_on_error=1 \
	  $(SWIFT) test --sanitize=thread -Xswiftc -DTHREAD_SANITIZER --scratch-path .build/thread \
	  --no-parallel --filter '$(SANITIZED)' --skip '$(UNSANITIZED)|$(UNTHREADED)'

# Both services here, without containers, until Ctrl-C.
demo: build venv
	@$(VENV)/bin/python deploy/demo.py

venv: $(VENV)/installed

$(VENV)/installed: deploy/requirements-test.txt deploy/python/pyproject.toml deploy/tasks-api/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))' || { \
	  echo "$(PYTHON) is missing or older than 3.9: set PYTHON to another"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "no virtual environment could be made: on Debian, install python3-venv"; exit 1; }
	@$(VENV)/bin/pip install -q -r deploy/requirements-test.txt || { \
	  echo "pip could not install deploy/requirements-test.txt: is the package index reachable?"; \
	  echo "Behind a mirror, set PIP_INDEX_URL; offline, fill a folder elsewhere by 'pip download -r"; \
	  echo "deploy/requirements-test.txt' and set PIP_FIND_LINKS to it and PIP_NO_INDEX=1."; exit 1; }
	@touch $@

# Every benchmark against its rivals; results are written to Benchmarks/results.
bench: build venv
	Benchmarks/all.sh

bench-quick: build venv
	Benchmarks/all.sh --quick

# Random programs, patterns and command lines beside jq 1.8.2, which is fetched and built.
SECONDS_TO_TRY ?= 3600
SEED ?= 1
differential: build
	$(PYTHON) Benchmarks/differential.py --seconds $(SECONDS_TO_TRY) --seed $(SEED)

# The pages of builtins, from the comments of the manual, and of settings, from the help.
docs: build
	.build/release/transform-service run -Rnr -f docs/builtins.jq \
	  Sources/Transforms/Builtins/Manual/*.swift > docs/builtins.md
	.build/release/transform-service serve --experimental-dump-help \
	  | .build/release/transform-service run -r -f docs/settings.jq > docs/settings.md

# `make version TO=2.1.0` writes the version wherever a file must have it; a test compares them.
version:
	@test -n "$(TO)" || { echo "make version TO=2.1.0"; exit 1; }
	@old=$$(cat $(VERSION_FILE)); echo $(TO) > $(VERSION_FILE); \
	  sed -i "s/^version = \"$$old\"/version = \"$(TO)\"/" deploy/python/pyproject.toml; \
	  sed -i "s/^ARG VERSION=$$old/ARG VERSION=$(TO)/" deploy/Dockerfile; \
	  sed -i "s/newTag: $$old/newTag: $(TO)/" deploy/kubernetes/*/kustomization.yaml
	@echo "$(TO): now say in CHANGELOG.md what is new"

format:
	$(SWIFT) format --in-place --recursive --parallel $(SWIFT_FILES)

lint:
	$(SWIFT) format lint --strict --recursive --parallel $(SWIFT_FILES)

# zlib's header is all that the system must have besides Swift.
check-tools:
	@command -v $(SWIFT) >/dev/null || { \
	  echo "swift is not installed: see https://www.swift.org/install (version 6.3 or later)"; exit 1; }
	@test -f /usr/include/zlib.h || { \
	  if ! command -v apt-get >/dev/null; then \
	    echo "zlib.h is missing: install zlib's development package"; exit 1; fi; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -q && apt-get install -qy zlib1g-dev; \
	  elif command -v sudo >/dev/null; then \
	    sudo apt-get update -q && sudo apt-get install -qy zlib1g-dev; \
	  else echo "zlib.h is missing: run apt-get install zlib1g-dev as root"; exit 1; fi; }
