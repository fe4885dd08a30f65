# The two commands: `make run` serves on port 8001, `make test` runs every check.

PORT ?= 8001
SWIFT ?= swift
PYTHON ?= python3
VENV = .build/venv
RELEASE_FLAGS = -c release -Xswiftc -static-executable -Xswiftc -enforce-exclusivity=unchecked
SWIFT_FILES = Package.swift Sources Tests

.PHONY: run build test test-python bench bench-quick differential demo venv format lint check-tools

run: build
	.build/release/transform-service serve --port $(PORT)

build: check-tools
	$(SWIFT) build $(RELEASE_FLAGS) --product transform-service

test: check-tools lint
	$(SWIFT) build --build-tests
	@# What failed is told again at the end: the log is long.
	@{ $(SWIFT) test --no-parallel; echo $$? > .build/test.status; } 2>&1 | tee .build/test.log; \
	  status=$$(cat .build/test.status); \
	  [ $$status = 0 ] || grep -A 4 -E "recorded an issue|Fatal error|error: " .build/test.log; \
	  exit $$status
	$(MAKE) test-python

# The Python client, tasks-api, the manifests and README's walk-through, against the debug build.
test-python: venv
	cd deploy && ../$(VENV)/bin/ruff check . && ../$(VENV)/bin/ruff format --check .
	cd deploy/python && ../../$(VENV)/bin/mypy
	cd deploy/tasks-api && ../../$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -q deploy

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
