"""Reports and imports through the real service, and what happens when it leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from tasks_api import Settings, create_app
from tasks_api.importing import BodyTooLong, lines_of

TRANSFORMS = str(Path(__file__).resolve().parents[2] / "transforms")


def app_of(url: str, tmp_path: Path, **others: Any) -> TestClient:
    others.setdefault("transform_timeout", 20.0)
    settings = Settings(database_url=f"sqlite:///{tmp_path}/tasks.db", transform_url=url, **others)
    return TestClient(create_app(settings))


@pytest.fixture
def client(service: Any, tmp_path: Path) -> Iterator[TestClient]:
    with app_of(service.url, tmp_path) as client:
        yield client


def test_a_report_of_nothing(client: TestClient) -> None:
    report = client.get("/tasks/report")
    assert report.status_code == 200, report.text
    assert report.json()["total"] == 0


def test_a_report(client: TestClient) -> None:
    for members in (
        {"title": "Renew the certificate", "priority": 5},
        {"title": "Renew the lease", "status": "done", "description": "Lease of the shop"},
    ):
        assert client.post("/tasks", json=members).status_code == 201
    answer = client.get("/tasks/report")
    assert answer.headers["content-type"] == "application/json"
    report = answer.json()
    assert report["total"] == 2
    assert report["by_status"] == {"done": 1, "pending": 1}
    assert report["by_priority"] == {"1": 1, "2": 0, "3": 0, "4": 0, "5": 1}
    assert report["age_days"]["buckets"]["under_1"] == 2
    assert report["words"]["top"][0] == {"word": "the", "count": 3}


def test_an_import(client: TestClient) -> None:
    body = (
        b'{"title": "  First ", "priority": 2, "owner": "Ada"}\n'
        b"\n"
        b'{"title": ""}\r\n'
        b"not JSON\n"
        b'{"title": "Second", "status": "done"}\n'
        b'{"title": "Third", "status": "' + b"s" * 60 + b'"}\n'
        b'{"title": "Fourth", "priority": 9}'
    )
    answer = client.post("/tasks/import", content=body)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert (result["imported"], result["failed"]) == (2, 4)
    assert [error["line"] for error in result["errors"]] == [3, 4, 6, 7]
    assert "title" in result["errors"][0]["error"]
    assert "status" in result["errors"][2]["error"]
    assert "priority" in result["errors"][3]["error"]
    tasks = client.get("/tasks").json()["tasks"]
    found = sorted((task["title"], task["priority"], task["status"]) for task in tasks)
    assert found == [("First", 2, "pending"), ("Second", 1, "done")]


def test_an_empty_import(client: TestClient) -> None:
    answer = client.post("/tasks/import", content=b"")
    assert answer.json() == {"imported": 0, "failed": 0, "errors": []}


def test_a_large_import(client: TestClient) -> None:
    lines = [
        b'{"title": %d}\n' % n if n % 10 == 0 else b'{"title": "task %d"}\n' % n
        for n in range(1, 6_001)
    ]
    result = client.post("/tasks/import", content=b"".join(lines)).json()
    assert (result["imported"], result["failed"]) == (5_400, 600)
    assert [error["line"] for error in result["errors"]] == list(range(10, 1001, 10))
    assert client.get("/tasks?limit=1").json()["count"] == 5_400


def test_an_import_that_is_too_long(service: Any, tmp_path: Path) -> None:
    line = b'{"title": "x"}\n'
    with app_of(service.url, tmp_path, import_bytes_max=len(line) * 10) as client:
        assert client.post("/tasks/import", content=line * 10).json()["imported"] == 10
        answer = client.post("/tasks/import", content=line * 11)
        assert answer.status_code == 413
        assert "too long" in answer.json()["error"]
        assert client.get("/tasks").json()["count"] == 10


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_lines_of_pieces(size: int) -> None:
    body = b"a\n\nbc\r\nd"

    async def collect(bytes_max: int) -> list[bytes]:
        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(body), size):
                yield body[start : start + size]

        return [line async for line in lines_of(pieces(), bytes_max)]

    assert asyncio.run(collect(len(body))) == [b"a", b"", b"bc\r", b"d"]
    with pytest.raises(BodyTooLong):
        asyncio.run(collect(len(body) - 1))


def test_the_service_dies_and_returns(start_service: Any, tmp_path: Path) -> None:
    running = start_service("--transforms", TRANSFORMS)
    with app_of(running.url, tmp_path, transform_timeout=4.0) as client:
        client.post("/tasks", json={"title": "kept"})
        assert client.get("/tasks/report").status_code == 200
        running.kill()
        started = time.monotonic()
        report = client.get("/tasks/report")
        assert time.monotonic() - started < 30.0
        assert (report.status_code, report.json()) == (
            503,
            {"error": "The transform service is not reachable"},
        )
        line = b'{"title": "lost"}\n'
        assert client.post("/tasks/import", content=line).status_code == 503
        assert client.get("/tasks").json()["count"] == 1, "nothing was stored"
        assert client.post("/tasks", json={"title": "still served"}).status_code == 201
        again = start_service("--transforms", TRANSFORMS, port=running.port)
        assert client.get("/tasks/report").json()["total"] == 2
        assert client.post("/tasks/import", content=line).json()["imported"] == 1
        assert again.stop() == 0


def test_the_service_dies_under_load(start_service: Any, tmp_path: Path) -> None:
    """Each answer is whole or says 503 or 504; after the restart all are whole."""
    running = start_service("--transforms", TRANSFORMS)
    app = app_of(running.url, tmp_path, transform_timeout=8.0).app

    async def run() -> None:
        transport = httpx.ASGITransport(app=app)
        async with app.router.lifespan_context(app):  # type: ignore[attr-defined]
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                for number in range(200):
                    app.state.storage.add(  # type: ignore[attr-defined]
                        {"title": f"task {number}", "priority": 1, "status": "pending"}
                    )
                seen: list[int] = []

                async def ask(count: int) -> None:
                    for _ in range(count):
                        answer = await client.get("/tasks/report")
                        seen.append(answer.status_code)
                        body = answer.json()
                        assert body["total"] == 200 if answer.is_success else body["error"]
                        if not answer.is_success:
                            # It waited for the service's return until its deadline.
                            return

                asking = [asyncio.create_task(ask(25)) for _ in range(8)]
                while len(seen) < 20:
                    await asyncio.sleep(0.005)
                running.process.kill()
                await asyncio.gather(*asking)
                assert set(seen) <= {200, 503, 504}
                assert seen[-1] != 200
                await asyncio.to_thread(
                    start_service, "--transforms", TRANSFORMS, port=running.port
                )
                assert (await client.get("/tasks/report")).status_code == 200

    asyncio.run(run())


def test_a_slow_transform_leaves_the_loop_free(start_service: Any, tmp_path: Path) -> None:
    """The service is frozen: reports end at their deadline, and other requests go on meanwhile."""
    running = start_service("--transforms", TRANSFORMS)
    app = app_of(running.url, tmp_path, transform_timeout=2.0).app

    async def run() -> None:
        transport = httpx.ASGITransport(app=app)
        async with app.router.lifespan_context(app):  # type: ignore[attr-defined]
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                os.kill(running.process.pid, signal.SIGSTOP)
                slow = [asyncio.create_task(client.get("/tasks/report")) for _ in range(5)]
                answered = 0
                while not all(task.done() for task in slow):
                    assert (await client.get("/livez")).status_code == 200
                    answered += 1
                    await asyncio.sleep(0.01)
                os.kill(running.process.pid, signal.SIGCONT)
                assert answered >= 10
                for task in slow:
                    answer = task.result()
                    assert answer.status_code == 504
                    assert "in time" in answer.json()["error"]

    asyncio.run(run())


def test_bytes_go_straight_through(service: Any, client: TestClient) -> None:
    """The report is the service's own text, not one that was read and written again."""
    client.post("/tasks", json={"title": "one"})
    from tasks_api.storage import Storage

    storage: Storage = client.app.state.storage  # type: ignore[attr-defined]
    given = storage.report_input()
    with httpx.Client() as direct:
        answer = direct.post(f"{service.url}/transform/tasks-report", content=given)
    report = client.get("/tasks/report").content
    assert report.startswith(b'{"total":1,"by_status":{"pending":1}')
    assert json.loads(report)["words"] == json.loads(answer.content)["words"]
