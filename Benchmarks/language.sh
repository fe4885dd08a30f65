#!/usr/bin/env bash
# The 30 rows of jaq's published benchmark: builds the release, then compares results and times.
#     Benchmarks/language.sh [--rounds N] [--rows NAME,NAME]
set -euo pipefail
cd "$(dirname "$0")/.."
make -s build
exec python3 Benchmarks/language.py "$@"
