"""README's recipes as they stand there, each in the real framework."""

from __future__ import annotations

import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from conftest import TRANSFORMS, free_port, wait_until

README = Path(__file__).resolve().parents[1] / "README.md"
GIVEN = (TRANSFORMS / "examples/tasks-report.input.json").read_bytes()
EXPECTED = json.loads((TRANSFORMS / "examples/tasks-report.output.json").read_bytes())


def recipe(heading: str, url: str) -> str:
    """The first snippet below this heading, for a service at this URL."""
    found = re.search(rf"^## {heading}\n.*?^```python\n(.*?)^```", README.read_text(), re.M | re.S)
    assert found is not None
    return found.group(1).replace("http://127.0.0.1:8001", url).replace("=2.0", "=60.0")


def python(folder: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def post(url: str, body: bytes) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=60) as answer:
        return json.load(answer)


def answers(url: str) -> bool:
    try:
        return bool(post(url, GIVEN) == EXPECTED)
    except OSError:
        return False


def test_flask_below_gunicorn(service: Any, tmp_path: Path) -> None:
    """The client is used before the fork, and then by all workers at once."""
    pytest.importorskip("gunicorn")
    used = f"transforms.transform_bytes('tasks-report', {GIVEN!r})\n"
    (tmp_path / "app.py").write_text(recipe("Flask", service.url) + used)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "3", "--threads", "4"]
    server = subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{port}", "--log-level", "error", "app:app"], cwd=tmp_path
    )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/report"), 60)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            calls = [f"http://127.0.0.1:{port}/report"] * 100
            assert all(pool.map(answers, calls))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def test_django(service: Any, tmp_path: Path) -> None:
    (tmp_path / "views.py").write_text(recipe("Django", service.url))
    (tmp_path / "urls.py").write_text(
        "from django.urls import path\nimport views\nurlpatterns = [path('report', views.report)]\n"
    )
    code = f"""
    import django
    from django.conf import settings
    settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["*"], SECRET_KEY="x")
    django.setup()
    from django.test import Client
    answer = Client().post("/report", {GIVEN!r}, content_type="application/json")
    assert answer.status_code == 200
    print(answer.content.decode())
    """
    assert json.loads(python(tmp_path, code)) == EXPECTED


def test_celery_prefork(service: Any, tmp_path: Path) -> None:
    pytest.importorskip("celery")
    for name in ("queue", "results"):
        (tmp_path / name).mkdir()
    configuration = f"""
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={{
        "data_folder_in": {str(tmp_path / "queue")!r},
        "data_folder_out": {str(tmp_path / "queue")!r},
        "control_folder": {str(tmp_path / "queue")!r},
    }},
    result_backend={"file://" + str(tmp_path / "results")!r},
)
assert transforms.transform("1") == 1
"""
    (tmp_path / "jobs.py").write_text(recipe("Celery", service.url) + configuration)
    command = [sys.executable, "-m", "celery", "-A", "jobs", "worker", "-P", "prefork", "-c", "2"]
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"],
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            env={**os.environ, "C_FORCE_ROOT": "1"},
        )
    code = """
    from jobs import run
    from transform_client import RaisedError
    sent = [run.delay(".", number) for number in range(30)]
    assert [it.get(timeout=90) for it in sent] == list(range(30))
    try:
        run.delay('error("x")', 1).get(timeout=90)
    except RaisedError as error:
        print(error.value, bool(error.problem["request_id"]))
    """
    try:
        assert python(tmp_path, code) == "x True\n", (tmp_path / "log").read_text()
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)


def test_fastapi(service: Any, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(recipe("FastAPI", service.url))
    code = f"""
    from fastapi.testclient import TestClient
    from app import app
    with TestClient(app) as client:
        print(client.post("/report", content={GIVEN!r}).text)
    """
    assert json.loads(python(tmp_path, code)) == EXPECTED


def test_the_fake(tmp_path: Path) -> None:
    python(tmp_path, recipe("Tests of an application", ""))
