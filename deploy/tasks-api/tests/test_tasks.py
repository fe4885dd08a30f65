"""The business's rules: tasks without any offload; no transform service runs here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tasks_api import Settings, create_app
from tasks_api.storage import Storage


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/tasks.db", transform_url="http://127.0.0.1:9"
    )
    with TestClient(create_app(settings)) as client:
        yield client


def made(client: TestClient, **members: Any) -> Any:
    response = client.post("/tasks", json=members)
    assert response.status_code == 201, response.text
    return response.json()


def test_a_task_with_its_defaults(client: TestClient) -> None:
    task = made(client, title="Renew")
    assert (task["title"], task["priority"], task["status"]) == ("Renew", 1, "pending")
    assert str(uuid.UUID(task["id"])) == task["id"]
    created = datetime.fromisoformat(task["created_at"].replace("Z", "+00:00"))
    assert created.utcoffset() == timedelta(0)
    assert client.get(f"/tasks/{task['id']}").json() == task


@pytest.mark.parametrize(
    "members",
    [
        {"title": "x" * 200},
        {"title": "x", "description": "y" * 2000},
        {"title": "x", "priority": 1},
        {"title": "x", "priority": 5},
        {"title": "ü" * 200},
    ],
)
def test_at_the_bounds(client: TestClient, members: Any) -> None:
    task = made(client, **members)
    assert {key: task[key] for key in members} == members


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"title": ""},
        {"title": "   "},
        {"title": None},
        {"title": 3},
        {"title": "x" * 201},
        {"title": "x", "description": "y" * 2001},
        {"title": "x", "priority": 0},
        {"title": "x", "priority": 6},
        {"title": "x", "priority": 1.5},
        {"title": "x", "priority": "2"},
        {"title": "x", "status": ""},
    ],
)
def test_past_the_bounds(client: TestClient, members: Any) -> None:
    assert client.post("/tasks", json=members).status_code == 422
    assert client.get("/tasks").json() == {"tasks": [], "count": 0}


def test_lists(client: TestClient) -> None:
    first, second = made(client, title="a"), made(client, title="b", status="done")
    assert client.get("/tasks").json() == {"tasks": [first, second], "count": 2}
    assert client.get("/tasks?status=done").json() == {"tasks": [second], "count": 1}
    assert client.get("/tasks?status=none").json() == {"tasks": [], "count": 0}
    assert client.get("/tasks?limit=1&offset=1").json() == {"tasks": [second], "count": 2}
    assert client.get("/tasks?limit=10001").status_code == 422


def test_changes(client: TestClient) -> None:
    task = made(client, title="a", description="b")
    path = f"/tasks/{task['id']}"
    changed = client.put(path, json={"status": "done", "priority": 5})
    assert changed.json() == {**task, "status": "done", "priority": 5}
    assert client.put(path, json={"description": None}).json()["description"] is None
    assert client.put(path, json={"title": None}).status_code == 422
    assert client.put(path, json={"priority": 9}).status_code == 422
    assert client.get(path).json()["title"] == "a"


def test_deletion(client: TestClient) -> None:
    path = f"/tasks/{made(client, title='a')['id']}"
    gone = client.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("key", [str(uuid.UUID(int=7)), "7", "x" * 300])
def test_what_is_not_there(client: TestClient, key: str) -> None:
    for answer in (
        client.get(f"/tasks/{key}"),
        client.put(f"/tasks/{key}", json={"title": "x"}),
        client.delete(f"/tasks/{key}"),
    ):
        assert (answer.status_code, answer.json()) == (404, {"error": "Task not found"})


def test_tasks_without_the_transform_service(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "pass"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "pass", "database": "pass", "transform": "fail"}
    report = client.get("/tasks/report")
    assert report.status_code == 503
    assert report.json() == {"error": "The transform service is not reachable"}
    assert report.headers["Retry-After"] == "1"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/tasks.db"
        return
    pytest.importorskip("psycopg", reason="psycopg is not installed (pip install psycopg[binary])")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    # It does not run as root.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        if user:
            shutil.chown(name, "postgres")

        def call(program: str, *arguments: str) -> None:
            command = [*user, str(folders[-1] / program), "-D", f"{name}/data", *arguments]
            # Its log goes to a file: a server that is left holds no pipe of this process.
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, cwd=name)

        call("initdb", "--auth=trust", "--username=tasks", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{name}' -c fsync=off"
        call("pg_ctl", "--wait", "--log", f"{name}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://tasks@/postgres?host={name}"
        finally:
            call("pg_ctl", "--wait", "--mode=immediate", "stop")


def test_both_ways_to_json_agree(database: str) -> None:
    storage = Storage(database)

    def shown(text: bytes) -> Any:
        tasks = json.loads(text)["tasks"]
        for task in tasks:
            moment = datetime.fromisoformat(task["created_at"])
            task["created_at"] = moment.replace(tzinfo=None)
        return tasks

    assert shown(storage.report_input()) == shown(storage.rows_as_json()) == []
    storage.add({"title": 'q"\\\n', "description": None, "priority": 2, "status": "pending"})
    storage.add({"title": "ü€😀", "description": "\u0001", "priority": 3, "status": "done"})
    assert shown(storage.report_input()) == shown(storage.rows_as_json())
    assert len(shown(storage.report_input())) == 2
    storage.engine.dispose()


@pytest.mark.parametrize(
    "variables",
    [
        {"TASKS_TRANSFORM_TIMEOUT": "soon"},
        {"TASKS_TRANSFORM_TIMEOUT": "0"},
        {"TASKS_IMPORT_MIB": "nan"},
        {"TASKS_IMPORT_MIB": "-1"},
    ],
)
def test_wrong_settings(variables: dict[str, str]) -> None:
    (name,) = variables
    with pytest.raises(ValueError, match=name):
        Settings.from_environment(variables)


def test_settings() -> None:
    assert Settings.from_environment({}) == Settings()
    got = Settings.from_environment({"TASKS_TRANSFORM_SOCKET": "/s", "TASKS_IMPORT_MIB": "1"})
    assert (got.transform_socket, got.import_bytes_max) == ("/s", 1024 * 1024)
