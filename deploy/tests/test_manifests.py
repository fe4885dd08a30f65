"""Manifests, rules and configurations: they parse, hold to their schemas and name what exists."""

from __future__ import annotations

import json
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from conftest import find_tool

DEPLOY = Path(__file__).resolve().parents[1]
MANIFESTS = sorted(
    path for path in DEPLOY.rglob("*.yaml") if not {"node_modules", ".venv"} & set(path.parts)
)
METRIC = re.compile(
    r"\b((?:transform|http_server|process|log|go)_[a-z0-9_]+)(?=[{\[\s)>]|$)", re.MULTILINE
)


@lru_cache
def flags(binary: str, command: str) -> set[str]:
    text = subprocess.run([binary, command, "--help"], capture_output=True, text=True).stdout
    found = set(re.findall(r"(--[a-z][a-z-]*)", text))
    assert "--port" in found, text
    return found


def documents(path: Path) -> list[Any]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def containers(document: Any) -> list[Any]:
    pod = document.get("spec", {}).get("template", {}).get("spec", {})
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


ALL_CONTAINERS = [
    (f"{path.parent.name}/{container['name']}", container)
    for path in MANIFESTS
    if "kubernetes" in path.parts
    for document in documents(path)
    for container in containers(document)
]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_yaml_parses(path: Path) -> None:
    assert documents(path)


@pytest.mark.parametrize(
    "path",
    [path for path in MANIFESTS if "kubernetes" in path.parts and path.stem != "kustomization"],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_kubernetes_accepts(path: Path) -> None:
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate", reason="pip install kubernetes-validate (Python 3.10 and later)"
    )
    for document in documents(path):
        if document["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(document, "1.31", strict=True)


@pytest.mark.parametrize("variant", ["base", "sidecar"])
def test_kustomize_builds(variant: str) -> None:
    folder = str(DEPLOY / "kubernetes" / variant)
    built = subprocess.run(
        [find_tool("kubectl"), "kustomize", folder], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    made = list(yaml.safe_load_all(built.stdout))
    assert {"Namespace", "Deployment", "Service"} <= {document["kind"] for document in made}
    names = {document["metadata"]["name"] for document in made if document["kind"] == "ConfigMap"}
    for document in made:
        for volume in (
            document.get("spec", {}).get("template", {}).get("spec", {}).get("volumes", [])
        ):
            if "configMap" in volume:
                assert volume["configMap"]["name"] in names


def test_the_config_map_holds_each_transform() -> None:
    (kustomization,) = documents(DEPLOY / "transforms/kustomization.yaml")
    files = kustomization["configMapGenerator"][0]["files"]
    sources = {entry.split("=")[-1] for entry in files}
    folder = DEPLOY / "transforms"
    assert sources == {str(path.relative_to(folder)) for path in folder.rglob("*.jq")}
    (deployment,) = documents(DEPLOY / "kubernetes/base/deployment.yaml")
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    (volume,) = (volume for volume in volumes if "configMap" in volume)
    mounted = {item["key"]: item["path"] for item in volume["configMap"]["items"]}
    assert mounted == {entry.split("=")[0]: entry.split("=")[-1] for entry in files}


@pytest.mark.parametrize(("name", "container"), ALL_CONTAINERS, ids=lambda value: str(value)[:40])
def test_containers_are_confined(name: str, container: Any) -> None:
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"]["drop"] == ["ALL"]
    assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


def used_variables() -> set[str]:
    texts = [path.read_text() for path in [*MANIFESTS, DEPLOY / "Dockerfile", DEPLOY / "README.md"]]
    return set(re.findall(r"\b(TRANSFORM_[A-Z_]+[A-Z])\b", "\n".join(texts))) - {
        "TRANSFORM_SERVICE"
    }


def test_variables_exist(binary: str) -> None:
    known = flags(binary, "serve")
    for variable in sorted(used_variables()):
        flag = "--" + variable.removeprefix("TRANSFORM_").lower().replace("_", "-")
        assert flag in known, f"{variable}: serve has no {flag}"


def test_variables_of_the_business_service_exist() -> None:
    settings = (DEPLOY / "tasks-api/tasks_api/settings.py").read_text()
    texts = [path.read_text() for path in [*MANIFESTS, DEPLOY / "tasks-api/Dockerfile"]]
    used = set(re.findall(r"\b(TASKS_[A-Z_]+)\b", "\n".join(texts)))
    assert len(used) >= 3
    assert not {name for name in used if f'"{name}"' not in settings}


@pytest.mark.parametrize(("name", "container"), ALL_CONTAINERS, ids=lambda value: str(value)[:40])
def test_commands_exist(binary: str, name: str, container: Any) -> None:
    if container["image"] != "transform-service":
        return
    commands = [container["args"]]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if "exec" in container.get(probe, {}):
            commands.append(container[probe]["exec"]["command"][1:])
    for command, *arguments in commands:
        for argument in arguments:
            if argument.startswith("--"):
                assert argument in flags(binary, command)


def rule_expressions() -> dict[str, str]:
    (rules,) = documents(DEPLOY / "prometheus/alerts.yaml")
    return {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


def panel_expressions() -> dict[str, str]:
    dashboard = json.loads((DEPLOY / "prometheus/dashboard.json").read_text())
    return {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }


def test_metrics_exist(bare_service: Any) -> None:
    httpx.post(f"{bare_service.url}/transform", json={"program": "1"}).raise_for_status()
    answer = httpx.get(f"{bare_service.url}/metrics")
    assert answer.status_code == 200
    served = set(re.findall(r"^([a-z_]+?)(?:\{.*)? [0-9.e+-]+$", answer.text, re.MULTILINE))
    for where, expression in {**rule_expressions(), **panel_expressions()}.items():
        used = set(METRIC.findall(expression))
        assert used or expression.startswith("up{"), where
        assert used <= served, f"{where}: {sorted(used - served)} is not served"


def test_each_alert_is_explained() -> None:
    readme = (DEPLOY / "README.md").read_text()
    for alert in rule_expressions():
        assert f"`{alert}`" in readme


def test_dashboard_shape() -> None:
    dashboard = json.loads((DEPLOY / "prometheus/dashboard.json").read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)) >= 10
    for panel in dashboard["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["description"]


def test_compose_parses() -> None:
    compose = find_tool("podman-compose")
    find_tool("podman")
    parsed = subprocess.run(
        [compose, "-f", str(DEPLOY / "compose.yaml"), "config"], capture_output=True, text=True
    )
    assert parsed.returncode == 0, parsed.stderr
    assert set(yaml.safe_load(parsed.stdout)["services"]) == {"transform", "tasks-api"}


def test_compose_waits_for_health() -> None:
    (compose,) = documents(DEPLOY / "compose.yaml")
    services = compose["services"]
    assert services["tasks-api"]["depends_on"] == {"transform": {"condition": "service_healthy"}}
    assert services["transform"]["healthcheck"]["test"][:2] == ["CMD", "/transform-service"]
    assert all(
        service["read_only"] and service["cap_drop"] == ["ALL"] for service in services.values()
    )
    for service in services.values():
        assert (DEPLOY.parent / service["build"]["dockerfile"]).is_file()
