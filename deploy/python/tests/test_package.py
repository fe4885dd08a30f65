"""Wheel and sdist are built, installed into an empty environment, and used there."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

PACKAGE = Path(__file__).resolve().parents[1]
SOURCES = sorted((PACKAGE / "src/transform_client").glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_syntax_of_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))


def test_wheel_and_sdist(bare_service: Any, tmp_path: Path) -> None:
    pytest.importorskip("build")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist")]
    done = subprocess.run([*command, str(PACKAGE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert {f"transform_client/{path.name}" for path in SOURCES} <= names
    assert "transform_client/py.typed" in names
    with tarfile.open(sdist) as archive:
        assert any(name.endswith("src/transform_client/py.typed") for name in archive.getnames())
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty/bin/python"
    installing = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index"]
    done = subprocess.run([*installing, str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    code = f"""
import asyncio, sys
from transform_client import AsyncTransformClient, TransformClient
with TransformClient({bare_service.url!r}) as client:
    assert client.transform(". + 1", 1) == 2
async def run():
    async with AsyncTransformClient({bare_service.url!r}) as client:
        return await client.transform(". + 1", 2)
assert asyncio.run(run()) == 3
assert "site-packages" in sys.modules["transform_client"].__file__
"""
    subprocess.run([str(python), "-I", "-c", code], check=True)
