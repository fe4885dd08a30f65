"""One version, from Sources/TransformService/VERSION: binary, client, image, log of changes."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

DEPLOY = Path(__file__).resolve().parents[1]
ROOT = DEPLOY.parent
VERSION = (ROOT / "Sources/TransformService/VERSION").read_text().strip()


def test_the_binary(binary: str) -> None:
    done = subprocess.run([binary, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"transform-service {VERSION} (jq 1.8.2)\n")
    done = subprocess.run([binary, "run", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "jq-1.8.2\n")


def test_the_service(bare_service: Any) -> None:
    assert httpx.get(f"{bare_service.url}/healthz?verbose").json()["version"] == VERSION
    metrics = httpx.get(f"{bare_service.url}/metrics").text
    assert f'transform_build_info{{version="{VERSION}",jq_version="1.8.2"}} 1\n' in metrics
    contract = httpx.get(f"{bare_service.url}/openapi.json").json()["info"]
    assert contract["version"] == VERSION
    assert contract["license"]["identifier"] == "Apache-2.0"


def test_the_client() -> None:
    project = (DEPLOY / "python/pyproject.toml").read_text()
    assert re.findall(r'^version = "(.*)"$', project, re.M) == [VERSION]
    assert version("transform-client") == VERSION


def test_the_image_and_the_manifests() -> None:
    assert f"\nARG VERSION={VERSION}\n" in (DEPLOY / "Dockerfile").read_text()
    for path in DEPLOY.glob("kubernetes/*/kustomization.yaml"):
        tags = re.findall(r"registry.*/transform-service\n +newTag: (.*)", path.read_text())
        assert tags == [VERSION], path


def test_the_changes() -> None:
    for path in (ROOT / "CHANGELOG.md", DEPLOY / "python/CHANGELOG.md"):
        (first, *_) = re.findall(r"^## (\S+)", path.read_text(), re.M)
        assert first == VERSION, path


def test_the_toolchain() -> None:
    """Everything that names Swift's version names the one that the manifest asks for."""
    manifest = (ROOT / "Package.swift").read_text()
    (tools,) = re.findall(r"^// swift-tools-version: (.*)$", manifest, re.M)
    assert f"swift:{tools}-bookworm" in (DEPLOY / "Dockerfile").read_text()
    assert f"swift:{tools} " in (DEPLOY / "README.md").read_text()
    assert f"Swift {tools} or later" in (ROOT / "README.md").read_text()
    assert f"version {tools} or later" in (ROOT / "Makefile").read_text()
    assert f"swift:{tools}-bookworm" in (ROOT / ".devcontainer/Dockerfile").read_text()
