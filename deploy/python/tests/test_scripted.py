"""Both clients against a server that does what a script says, byte by byte."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable, Union

import pytest
from transform_client import (
    AsyncTransformClient,
    DeadlineExceeded,
    Interrupted,
    Overloaded,
    Retry,
    ServiceError,
    TransformClient,
    Unreachable,
)


class Send:
    """Pieces that the server sends, with a pause before each."""

    def __init__(self, *pieces: bytes, pause: float = 0.0) -> None:
        self.pieces = pieces
        self.pause = pause


def answer(status: str, body: bytes = b"", *fields: str) -> Send:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return Send("\r\n".join(head).encode() + body)


class ScriptedServer:
    """Answers the n-th request with the n-th step; after the last it repeats it."""

    def __init__(self, steps: list[Send]) -> None:
        self._steps = steps
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.connections = 0
        self._lock = threading.Lock()
        self._isOver = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            while reader.readline():
                fields: dict[str, str] = {}
                while (line := reader.readline().strip()) != b"":
                    name, _, value = line.decode().partition(": ")
                    fields[name.lower()] = value
                body = reader.read(int(fields.get("content-length", "0")))
                with self._lock:
                    step = self._steps[min(len(self.requests), len(self._steps) - 1)]
                    self.requests.append((fields, body))
                for piece in step.pieces:
                    if self._isOver.wait(step.pause):
                        return
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                if not step.pieces or step.pause:
                    return

    def milliseconds(self) -> list[int]:
        return [int(fields["x-request-timeout-ms"]) for fields, _ in self.requests]

    def close(self) -> None:
        self._isOver.set()
        self._listener.close()


Start = Callable[..., ScriptedServer]


@pytest.fixture
def script() -> Iterator[Start]:
    servers: list[ScriptedServer] = []

    def start(*steps: Send) -> ScriptedServer:
        servers.append(ScriptedServer(list(steps)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Blocking:
    """The methods of the client for threads."""

    def call(self, url: str, method: str, *args: Any, client: Any = None, **kwargs: Any) -> Any:
        with TransformClient(url, **(client or {})) as it:
            result = getattr(it, method)(*args, **kwargs)
            return list(result) if method == "transform_lines" else result


class OnLoop:
    """The same methods of the asynchronous client."""

    def call(self, url: str, method: str, *args: Any, client: Any = None, **kwargs: Any) -> Any:
        async def run() -> Any:
            async with AsyncTransformClient(url, **(client or {})) as it:
                result = getattr(it, method)(*args, **kwargs)
                if method == "transform_lines":
                    return [line async for line in result]
                return await result

        return asyncio.run(run())


Driver = Union[Blocking, OnLoop]
QUICK = {"retry": Retry(base=0.01)}
FULL = answer("503 Service Unavailable", b"", "Retry-After: 0")


@pytest.fixture(params=[Blocking, OnLoop])
def driver(request: pytest.FixtureRequest) -> Driver:
    kind: type[Driver] = request.param
    return kind()


def test_a_call_and_its_fields(script: Start, driver: Driver) -> None:
    server = script(answer("200 OK", b"[1]"))
    result = driver.call(
        server.url,
        "transform",
        ".a",
        {"a": [1]},
        args={"n": 2},
        timeout=3,
        client={"token": "secret", "headers": {"X-Team": "tasks"}},
    )
    assert result == [1]
    ((fields, body),) = server.requests
    assert json.loads(body) == {"program": ".a", "input": {"a": [1]}, "args": {"n": 2}}
    assert 2500 < int(fields["x-request-timeout-ms"]) <= 3000
    assert fields["content-type"] == "application/json"
    assert fields["authorization"] == "Bearer secret"
    assert fields["x-team"] == "tasks"


def test_overload_is_repeated_with_what_is_left(script: Start, driver: Driver) -> None:
    late = Send(*answer("503 Full", b"", "Retry-After: 0").pieces, pause=0.1)
    server = script(late, late, answer("200 OK", b"7"))
    assert driver.call(server.url, "transform_bytes", "t", b"1", timeout=20, client=QUICK) == b"7"
    first, second, third = server.milliseconds()
    assert first <= 20_000
    assert second <= first - 100
    assert third <= second - 100


def test_overload_is_repeated_so_often(script: Start, driver: Driver) -> None:
    server = script(FULL)
    with pytest.raises(Overloaded) as raised:
        driver.call(server.url, "transform", ".", client={"retry": Retry(attempts=3, base=0.01)})
    assert raised.value.retry_after == 0
    assert len(server.requests) == 3


def test_overload_without_a_time_is_not_repeated(script: Start, driver: Driver) -> None:
    server = script(answer("503 Service Unavailable"))
    with pytest.raises(Overloaded) as raised:
        driver.call(server.url, "transform", ".", client=QUICK)
    assert raised.value.retry_after is None
    assert len(server.requests) == 1


def test_no_wait_that_ends_too_late(script: Start, driver: Driver) -> None:
    server = script(answer("503 Full", b"", "Retry-After: 30"))
    started = time.monotonic()
    with pytest.raises(Overloaded) as raised:
        driver.call(server.url, "transform", ".", timeout=10)
    assert raised.value.retry_after == 30
    assert time.monotonic() - started < 9


@pytest.mark.parametrize(
    "step",
    [
        Send(b"", pause=60),
        Send(b"HTTP/1.1 200 OK\r\n", *[b"X-More: 1\r\n"] * 500, pause=0.05),
        Send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", *[b"1"] * 500, pause=0.05),
    ],
    ids=["silent", "dripping head", "dripping body"],
)
def test_the_deadline_holds_in_all(script: Start, driver: Driver, step: Send) -> None:
    server = script(step)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"0\.4 seconds"):
        driver.call(server.url, "transform", ".", timeout=0.4)
    took = time.monotonic() - started
    assert 0.3 < took < 10, "the server would go on for 25 s and more"
    assert len(server.requests) == 1


def test_a_deadline_seen_by_the_service(script: Start, driver: Driver) -> None:
    body = b'{"type":"/problems/deadline-exceeded","detail":"stopped"}'
    server = script(answer("504 Late", body, "Content-Type: application/problem+json"))
    with pytest.raises(DeadlineExceeded, match="stopped") as raised:
        driver.call(server.url, "transform", ".")
    assert raised.value.problem["type"] == "/problems/deadline-exceeded"
    assert len(server.requests) == 1


def test_an_unanswered_call_is_repeated_once(script: Start, driver: Driver) -> None:
    server = script(Send(), answer("200 OK", b"1"))
    assert driver.call(server.url, "transform", ".") == 1
    assert len(server.requests) == 2
    server = script(Send())
    with pytest.raises(Interrupted):
        driver.call(server.url, "transform", ".")
    assert len(server.requests) == 2
    server = script(Send())
    with pytest.raises(Interrupted):
        driver.call(server.url, "transform", ".", client={"retry": Retry(attempts=1)})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "step",
    [
        Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123", pause=0.001),
        Send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n1\n\r\n", pause=0.001),
        Send(b"SSH-2.0\r\n\r\n", pause=0.001),
    ],
    ids=["half a body", "no last chunk", "another protocol"],
)
def test_a_broken_answer_is_not_repeated(script: Start, driver: Driver, step: Send) -> None:
    server = script(step)
    with pytest.raises(Interrupted):
        driver.call(server.url, "transform", ".", client=QUICK)
    assert len(server.requests) == 1


def test_no_connection(driver: Driver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unreachable):
            driver.call(url, "transform", ".", timeout=1, client=QUICK)


def test_a_connection_that_comes_later(driver: Driver) -> None:
    """The service restarts: the call waits for it within its deadline."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def listen() -> None:
        time.sleep(0.3)
        listener.listen()
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer("200 OK", b"5").pieces[0])

    thread = threading.Thread(target=listen)
    thread.start()
    retry = Retry(attempts=1000, base=0.05, cap=0.05)
    assert driver.call(url, "transform", ".", timeout=30, client={"retry": retry}) == 5
    thread.join()
    listener.close()


def test_a_proxys_page(script: Start, driver: Driver) -> None:
    server = script(answer("502 Bad Gateway", b"<h1>Bad Gateway", "Content-Type: text/html"))
    with pytest.raises(ServiceError) as raised:
        driver.call(server.url, "transform", ".")
    assert raised.value.status == 502
    assert "Bad Gateway" in raised.value.detail


def test_an_answer_that_is_not_json(script: Start, driver: Driver) -> None:
    server = script(answer("200 OK", b"hello"))
    with pytest.raises(ServiceError):
        driver.call(server.url, "transform", ".")


def test_a_redirect_is_not_followed(script: Start, driver: Driver) -> None:
    server = script(answer("307 Elsewhere", b"", "Location: http://127.0.0.1:1/"))
    with pytest.raises(ServiceError):
        driver.call(server.url, "transform", ".")


def test_lines_are_read_as_results_are_taken(script: Start) -> None:
    server = script(answer("200 OK", b"1\n2\n"))
    taken: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            taken.append(number)
            yield number
            number += 1

    with TransformClient(server.url) as client:
        results = client.transform_lines("t", endless(), batch_bytes=1000)
        assert [next(results) for _ in range(5)] == [b"1", b"2", b"1", b"2", b"1"]
    assert len(server.requests) == 3
    assert len(taken) < 1500
    assert all(len(body) <= 1000 for _, body in server.requests)
    assert server.connections == 1


def test_lines_are_repeated_batch_by_batch(script: Start, driver: Driver) -> None:
    server = script(answer("200 OK", b"a\n"), FULL, answer("200 OK", b"b\n"))
    lines = [b"1", b"2"]
    result = driver.call(server.url, "transform_lines", "t", lines, batch_bytes=2, client=QUICK)
    assert result == [b"a", b"b"]
    assert [body for _, body in server.requests] == [b"1\n", b"2\n", b"2\n"]


def test_lines_from_an_asynchronous_source(script: Start) -> None:
    server = script(answer("200 OK", b"1\n"))

    async def source() -> Any:
        for number in range(4):
            await asyncio.sleep(0)
            yield number

    assert OnLoop().call(server.url, "transform_lines", "t", source(), batch_bytes=4) == [b"1"] * 2


@pytest.mark.parametrize("wrong", [{"errors": "skip"}, {"batch_bytes": 0}])
def test_wrong_arguments_of_lines_are_seen_at_once(wrong: Any) -> None:
    with TransformClient() as client, pytest.raises(ValueError):
        client.transform_lines("t", [], **wrong)


def test_connections_are_kept(script: Start) -> None:
    server = script(answer("200 OK", b"1"))
    with TransformClient(server.url) as client:
        for _ in range(5):
            client.transform(".")
    assert len(server.requests) == 5
    assert server.connections == 1
