#!/usr/bin/env bash
# Builds the image with podman and checks what deploy/README.md promises of it.
#     deploy/check-image.sh [podman build's arguments, such as --build-arg BUILD_IMAGE=...]
# PODMAN_RUN_ARGS holds further arguments for `podman run`; SKIP_BUILD=1 takes the image as it is. wrk
# is used for load where it is installed, else curl.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${IMAGE:-localhost/transform-service:check}
port=${PORT:-18001}
size_max=$((30 * 1000 * 1000))
read -ra run_args <<<"${PODMAN_RUN_ARGS:-}"
container=

fail() { echo "FAILED: $*" >&2; exit 1; }
finish() { if [ -n "$container" ]; then podman rm -f -t 0 "$container" >/dev/null; fi; }
trap finish EXIT

if [ -z "${SKIP_BUILD:-}" ]; then
  podman build --format docker -f deploy/Dockerfile -t "$image" "$@" .
fi
size=$(podman image inspect --format '{{.Size}}' "$image")
[ "$size" -lt "$size_max" ] || fail "the image has $size bytes, not less than $size_max"
echo "size: $size bytes"
user=$(podman image inspect --format '{{.Config.User}}' "$image")
[[ "$user" =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "the user is '$user', not a number"
[ "$(podman image inspect --format '{{.Config.StopSignal}}' "$image")" = SIGTERM ] || fail "stop signal"
version=$(cat Sources/TransformService/VERSION)
label=$(podman image inspect --format '{{index .Config.Labels "org.opencontainers.image.version"}}' "$image")
[ "$label" = "$version" ] || fail "the image says that it is version $label, not $version"

# Host networking, so that no bridge is needed; a limit of 64 MiB and budgets that fit into it.
container=$(podman run -d --network host --read-only --cap-drop ALL \
  --security-opt no-new-privileges --memory 64m "${run_args[@]}" \
  -e TRANSFORM_PORT="$port" -e TRANSFORM_HOST=127.0.0.1 -e TRANSFORM_MEMORY_MIB=8 \
  -e TRANSFORM_OUTPUT_MIB=4 -e TRANSFORM_BODY_MIB=1 -e TRANSFORM_QUEUE_MIB=8 "$image")
for _ in $(seq 100); do
  if podman healthcheck run "$container" >/dev/null 2>&1; then break; fi
  sleep 0.1
done
podman healthcheck run "$container" >/dev/null || fail "the health check does not turn healthy"
echo "health: $(podman inspect --format '{{.State.Health.Status}}' "$container" 2>/dev/null ||
  podman inspect --format '{{.State.Healthcheck.Status}}' "$container")"

pid=$(podman inspect --format '{{.State.Pid}}' "$container")
uid=$(awk '/^Uid:/ {print $2}' "/proc/$pid/status")
[ "$uid" -ne 0 ] || fail "it runs as root"
echo "user: $uid"
if podman exec "$container" /bin/sh -c true 2>/dev/null; then fail "there is a shell in it"; fi

url=http://127.0.0.1:$port
answer=$(curl -sf "$url/transform" -d '{"program": "map(. * 2) | add", "input": [1, 2, 3]}')
[ "$answer" = 12 ] || fail "a transform answered $answer"
[ "$(curl -sf "$url/transform" -d '{"program": "0 | localtime | type"}')" = '"array"' ] || fail "zones"
name=order-totals
curl -sf "$url/transforms" | grep -q "\"$name\"" || fail "the transforms are not loaded"

# Load, most of it greedy: rows that are grouped, and programs that ask for more than they may have.
# 48 connections with bodies of 200 kB want more than 64 MiB unless the budgets hold.
folder=$(mktemp -d)
python3 - "$folder" <<'PYTHON'
import json, sys
rows = [{"id": n, "city": f"city {n % 50}", "text": "x" * 80} for n in range(1500)]
grouping = {"program": "group_by(.city) | map({city: .[0].city, n: length})", "input": rows}
greedy = {"program": "[range(1e9)]"}
for name, body in (("grouping", grouping), ("greedy", greedy)):
    text = json.dumps(body)
    open(f"{sys.argv[1]}/{name}.json", "w").write(text)
    open(f"{sys.argv[1]}/{name}.lua", "w").write(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[' + text + "]==]\n")
PYTHON
for kind in grouping greedy; do
  if command -v wrk >/dev/null; then
    wrk -t2 -c48 -d"${SECONDS_OF_LOAD:-8}s" -s "$folder/$kind.lua" "$url/transform" |
      grep -E "Requests/sec|Non-2xx|Socket errors" | sed "s/^/$kind: /"
  else
    for _ in $(seq 200); do curl -s -o /dev/null --data-binary "@$folder/$kind.json" "$url/transform"; done
  fi
done
rm -r "$folder"
[ "$(podman inspect --format '{{.State.Running}}' "$container")" = true ] || fail "it did not survive"
[ "$(podman inspect --format '{{.State.Pid}}' "$container")" = "$pid" ] || fail "it was restarted"
echo "memory after load: $(awk '/VmHWM/ {print $2, $3}' "/proc/$pid/status") at most, of 64 MiB"
[ "$(curl -sf "$url/transform" -d '{"program": "1 + 1"}')" = 2 ] || fail "no answer after the load"

podman stop -t 20 "$container" >/dev/null
status=$(podman inspect --format '{{.State.ExitCode}}' "$container")
[ "$status" = 0 ] || fail "SIGTERM: exit status $status"
echo "SIGTERM: exit status 0"
echo "all well"
