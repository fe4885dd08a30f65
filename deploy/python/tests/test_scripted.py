"""Both clients against a server that does what a script says, byte by byte."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from scripted import Blocking, Driver, OnLoop, ScriptedServer, Send, answer
from transform_client import (
    AsyncTransformClient,
    DeadlineExceeded,
    Interrupted,
    LimitExceeded,
    Overloaded,
    Retry,
    ServiceError,
    TransformClient,
    Unreachable,
)

Start = Callable[..., ScriptedServer]


@pytest.fixture
def script() -> Iterator[Start]:
    servers: list[ScriptedServer] = []

    def start(*steps: Send, tls: Optional[ssl.SSLContext] = None) -> ScriptedServer:
        servers.append(ScriptedServer(list(steps), tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
        f"-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout {key} -out {made}"
    )
    try:
        subprocess.run(command.split(), check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl is not installed")
    return made, key


def test_over_tls(script: Start, driver: Driver, certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    body = b'"' + b"x" * 3_000_000 + b'"'
    server = script(answer("200 OK", b"1"), answer("200 OK", body), tls=context)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    options = {"ssl_context": trusting}
    assert driver.call(server.url, "transform", ".", timeout=60, client=options) == 1
    got = driver.call(
        server.url, "transform_bytes", "t", body, timeout=60, client={"ssl_context": trusting}
    )
    assert got == body
    assert server.requests[1][1] == body
    with pytest.raises(Unreachable, match="CERTIFICATE"):
        once = {"retry": Retry(attempts=1)}
        driver.call(server.url, "transform", ".", timeout=60, client=once)


def test_a_kept_connection_over_tls(script: Start, certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    second = Send(*answer("200 OK", b"2").pieces, pause=0.01)
    server = script(answer("200 OK", b"1"), second, tls=context)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with TransformClient(server.url, ssl_context=trusting) as client:
        assert [client.transform(".") for _ in range(3)] == [1, 2, 2]
        time.sleep(0.05)
        assert client.transform(".") == 2
    assert server.connections < 4


def test_an_answer_before_all_was_sent(script: Start, driver: Driver) -> None:
    """The service refuses a body that it has not read; then it closes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer("413 Too Long", b"", "Connection: close").pieces[0])
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    thread = threading.Thread(target=refuse)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(LimitExceeded):
        driver.call(url, "transform_bytes", "t", b"x" * 50_000_000, timeout=60)
    thread.join()
    listener.close()


def test_a_kept_connection_that_the_other_side_closed(script: Start, driver: Driver) -> None:
    """It is seen before the next request goes out: none is sent twice."""
    server = script(Send(*answer("200 OK", b"1").pieces, pause=0.001))
    lines = [b"1", b"2", b"3"]
    assert driver.call(server.url, "transform_lines", "t", lines, batch_bytes=2) == [b"1"] * 3
    assert len(server.requests) == 3


def test_hosts_of_a_name_are_tried_in_turn(script: Start, driver: Driver, monkeypatch: Any) -> None:
    server = script(answer("200 OK", b"1"))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        places = [("127.0.0.1", closed.getsockname()[1]), ("127.0.0.1", server.port)]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        for _ in range(4):
            assert driver.call("http://replicas.test", "transform", ".") == 1


def test_a_name_that_nobody_knows(driver: Driver, monkeypatch: Any) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unreachable, match="not known"):
        driver.call("http://nowhere.test", "transform", ".", timeout=0.2)


def test_looking_a_name_up_ends_at_the_deadline(driver: Driver, monkeypatch: Any) -> None:
    is_over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: is_over.wait(60) and [])
    started = time.monotonic()
    threading.Timer(5, is_over.set).start()
    with pytest.raises(DeadlineExceeded):
        driver.call("http://slow.test", "transform", ".", timeout=0.2)
    # An event loop waits for its threads when it ends.
    assert time.monotonic() - started < 30
    is_over.set()


def test_over_ipv6(driver: Driver) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    heads: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            heads.append(connection.recv(65536))
            connection.sendall(answer("200 OK", b"5").pieces[0])

    thread = threading.Thread(target=serve)
    thread.start()
    port = listener.getsockname()[1]
    assert driver.call(f"http://[::1]:{port}", "transform", ".") == 5
    thread.join()
    listener.close()
    assert f"\r\nHost: [::1]:{port}\r\n".encode() in heads[0]


def test_a_path_in_front(script: Start, driver: Driver) -> None:
    server = script(answer("200 OK", b"1"))
    assert driver.call(server.url + "/jq/", "transform", ".") == 1
    assert server.targets == ["/jq/transform"]


def test_fields_of_one_call(script: Start, driver: Driver) -> None:
    server = script(answer("200 OK", b"1"))
    fields = {"X-Team": "tasks", "X-Request-Id": "mine-1", "Accept": "text/csv"}
    driver.call(server.url, "transform", ".", headers=fields)
    sent = server.requests[0][0]
    assert (sent["x-team"], sent["x-request-id"], sent["accept"]) == tuple(fields.values())
    for wrong in ({"Content-Length": "3"}, {"A b": "c"}, {"A": "b\r\nC: d"}, {"Host": "x"}):
        with pytest.raises(ValueError, match="field"):
            driver.call(server.url, "transform", ".", headers=wrong)


def test_each_call_has_an_id(script: Start, driver: Driver) -> None:
    server = script(answer("500 Oh", b""))
    ids = []
    for _ in range(3):
        with pytest.raises(ServiceError) as raised:
            driver.call(server.url, "transform", ".")
        ids.append(raised.value.request_id)
    assert ids == [fields["x-request-id"] for fields, _ in server.requests]
    assert len(set(ids)) == 3


def test_an_answer_to_another_request_is_not_taken(script: Start) -> None:
    with TransformClient(script(answer("200 OK", b"1", "X-Request-Id: a")).url) as client:
        # A proxy that names requests itself.
        assert [client.transform(".", headers={"X-Request-Id": id}) for id in "bab"] == [1, 1, 1]
    with TransformClient(script(answer("200 OK", b"1", "X-Request-Id: a")).url) as client:
        assert client.transform(".", headers={"X-Request-Id": "a"}) == 1
        with pytest.raises(Interrupted, match="another request"):
            client.transform(".", headers={"X-Request-Id": "b"})


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8001",
        "localhost",
        "",
        "ftp://localhost",
        "http://",
        "http://:80",
        "http://localhost:x",
        "http://localhost:99999",
        "http://localhost:0",
        "http://a:b@localhost",
        "http://localhost?a",
        "http://localhost/#a",
        "http://local host",
        "http://localhost/a b",
        "http://local\r\nhost",
    ],
)
def test_urls_that_can_not_be_meant(url: str) -> None:
    for client in (TransformClient, AsyncTransformClient):
        with pytest.raises(ValueError, match="base_url"):
            client(url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": 0},
        {"connections": 0},
        {"token": "a\r\nb"},
        {"headers": {"Host": "a"}},
        {"headers": {"X-Request-Id": "a"}},
        {"ssl_context": ssl.create_default_context()},
    ],
)
def test_wrong_settings(wrong: Any) -> None:
    for client in (TransformClient, AsyncTransformClient):
        with pytest.raises(ValueError):
            client(**wrong)


def test_a_signal_does_not_prolong_a_call(script: Start) -> None:
    """Timers that go off all the time, as a profiler's, move no deadline."""
    server = script(Send(b"", pause=60))
    code = f"""
import signal, time
from transform_client import DeadlineExceeded, TransformClient
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
try:
    TransformClient({server.url!r}).transform(".", timeout=0.5)
except DeadlineExceeded:
    print("in time")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.stdout == "in time\n", done.stderr


def test_a_task_waits_for_a_connection_until_its_deadline(script: Start) -> None:
    server = script(Send(b"", pause=60), answer("200 OK", b"2"))

    async def run() -> None:
        async with AsyncTransformClient(server.url, connections=1) as client:
            slow = asyncio.ensure_future(client.transform(".", 1, timeout=60))
            while not server.requests:
                await asyncio.sleep(0.01)
            with pytest.raises(DeadlineExceeded):
                await client.transform(".", 2, timeout=0.1)
            slow.cancel()
            assert await client.transform(".", 2, timeout=60) == 2

    asyncio.run(run())


def test_a_thread_waits_for_a_connection_until_its_deadline(script: Start) -> None:
    server = script(Send(b"", pause=60), answer("200 OK", b"2"))
    with TransformClient(server.url, connections=1) as client:

        def slow() -> None:
            with pytest.raises(DeadlineExceeded):
                client.transform(".", 1, timeout=4)

        thread = threading.Thread(target=slow)
        thread.start()
        while not server.requests:
            time.sleep(0.01)
        with pytest.raises(DeadlineExceeded):
            client.transform(".", 2, timeout=0.05)
        thread.join()
        assert client.transform(".", 2, timeout=60) == 2
