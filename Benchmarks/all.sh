#!/usr/bin/env bash
# Every benchmark: gets the rivals, then documents, service, scaling and reading (and language, where
# it is), each checked for equal results first. Tables, JSON and plots go to Benchmarks/results.
#     Benchmarks/all.sh [--quick] [--binary PATH] [--results FOLDER]
set -uo pipefail
cd "$(dirname "$0")"
rivals/build.sh
failed=()
started=$SECONDS
for benchmark in language documents service scaling reading; do
  [ -f "$benchmark.py" ] || continue
  echo "== $benchmark"
  python3 "$benchmark.py" "$@" || failed+=("$benchmark")
done
echo "== $((SECONDS - started)) s; failed: ${failed[*]:-none}"
[ ${#failed[@]} = 0 ]
