#!/usr/bin/env bash
# Every benchmark: gets the rivals, then language (where it is), documents, lines, service,
# scaling, reading, client and offload, each checked for equal results first. Tables, JSON and
# plots go to Benchmarks/results.
#     Benchmarks/all.sh [--quick] [--binary PATH] [--results FOLDER]
set -uo pipefail
cd "$(dirname "$0")"
binary=../.build/release/transform-service results=results rounds=3 rivals=()
arguments=("$@")
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) rounds=1 rivals=(--rival jaq=jaq --rival gojq=gojq) ;;
    --binary) binary=$2; shift ;;
    --results) results=$2; shift ;;
    *) echo "unknown argument $1"; exit 64 ;;
  esac
  shift
done
rivals/build.sh
mkdir -p "$results"
failed=() started=$SECONDS
if [ -f language.py ]; then
  echo "== language"
  PATH="$(cd .. && pwd)/.build/rivals/venv/bin:$PATH" python3 language.py --rounds $rounds "${rivals[@]}" \
    --command "$binary run" --json "$results/language.json" | tee "$results/language.md" ||
    failed+=(language)
fi
for benchmark in documents lines service scaling reading; do
  echo "== $benchmark"
  python3 "$benchmark.py" "${arguments[@]}" || failed+=("$benchmark")
done
echo "== client"
../.build/rivals/venv/bin/python3 client.py "${arguments[@]}" || failed+=(client)
echo "== offload"
../.build/venv/bin/python3 offload.py "${arguments[@]}" || failed+=(offload)
echo "== $((SECONDS - started)) s; failed: ${failed[*]:-none}"
[ ${#failed[@]} = 0 ]
