#!/usr/bin/env bash
# Compile time of a 10-line program, as the service itself measures it: builds the release first.
#     Benchmarks/compile.sh [--programs N]
set -euo pipefail
cd "$(dirname "$0")/.."
make -s build
exec python3 Benchmarks/compile.py "$@"
