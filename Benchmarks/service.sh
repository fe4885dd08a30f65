#!/usr/bin/env bash
# `POST /transform` against FastAPI on 2 workers, 11 kB and 111 kB of orders: builds the release, then
# runs service.py.
#     Benchmarks/service.sh [--seconds N] [--connections N]
set -euo pipefail
cd "$(dirname "$0")/.."
make -s build
exec python3 Benchmarks/service.py "$@"
