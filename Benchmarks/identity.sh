#!/usr/bin/env bash
# `run -c .` against `jaq -c .` on real documents and 60 MB of orders: builds the release, then
# compares outputs, time and memory.
#     Benchmarks/identity.sh [--rounds N]
set -euo pipefail
cd "$(dirname "$0")/.."
make -s build
exec python3 Benchmarks/identity.py "$@"
