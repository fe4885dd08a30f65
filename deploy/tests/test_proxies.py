"""HAProxy, Envoy and nginx with this folder's configurations in front of two replicas."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Optional

import httpx
import pytest

from conftest import find_tool, free_port, wait_until

DEPLOY = Path(__file__).resolve().parents[1]
CALLERS = 8
BODY = {"program": "map(.n) | add", "input": [{"n": n} for n in range(100)]}
LINES = b"".join(b'{"n":%d}\n' % n for n in range(20_000))


def haproxy_command(_: Path, port: int, replicas: list[int]) -> tuple[list[str], dict[str, str]]:
    addresses = {f"REPLICA_{n + 1}": f"127.0.0.1:{port}" for n, port in enumerate(replicas)}
    command = [find_tool("haproxy"), "-db", "-f", str(DEPLOY / "haproxy.cfg")]
    return command, {**addresses, "BIND": f"127.0.0.1:{port}"}


def with_ports(file: str, folder: Path, ports: dict[str, int]) -> str:
    """A copy of the configuration with other ports."""
    text = (DEPLOY / file).read_text()
    for there, here in ports.items():
        assert text.count(there) == 1
        text = text.replace(there, there[:-4] + str(here))
    (folder / file).write_text(text)
    return str(folder / file)


def envoy_command(folder: Path, port: int, replicas: list[int]) -> tuple[list[str], dict[str, str]]:
    here = (port, *replicas, free_port())
    there = (f"port_value: {number}" for number in (8000, 8001, 8002, 9901))
    flags = ["--concurrency", "2", "--disable-hot-restart", "-l", "warning"]
    path = with_ports("envoy.yaml", folder, dict(zip(there, here)))
    return [find_tool("envoy"), "-c", path, *flags], {}


def nginx_command(folder: Path, port: int, replicas: list[int]) -> tuple[list[str], dict[str, str]]:
    there = ("listen 127.0.0.1:8000", "server 127.0.0.1:8001", "server 127.0.0.1:8002")
    path = with_ports("nginx.conf", folder, dict(zip(there, (port, *replicas))))
    return [find_tool("nginx"), "-e", "stderr", "-p", str(folder), "-c", path], {}


def nginx_defaults_command(
    folder: Path, port: int, replicas: list[int]
) -> tuple[list[str], dict[str, str]]:
    """What `proxy_pass` does by itself: HTTP/1.0, whole bodies and buffered answers."""
    (folder / "defaults.conf").write_text(NGINX_DEFAULTS % (port, replicas[0]))
    path = str(folder / "defaults.conf")
    return [find_tool("nginx"), "-e", "stderr", "-p", str(folder), "-c", path], {}


NGINX_DEFAULTS = """
daemon off;
error_log stderr;
pid nginx.pid;
events {}
http {
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path answers;
    fastcgi_temp_path unused-fastcgi;
    uwsgi_temp_path unused-uwsgi;
    scgi_temp_path unused-scgi;
    client_max_body_size 0;
    server {
        listen 127.0.0.1:%d;
        location / { proxy_pass http://127.0.0.1:%d; }
    }
}
"""

COMMANDS = {"haproxy": haproxy_command, "envoy": envoy_command, "nginx": nginx_command}
ALL_COMMANDS = {**COMMANDS, "nginx_defaults": nginx_defaults_command}


class Proxy:
    """A proxy on a free port with its replicas, which tests end and start again."""

    def __init__(self, name: str, folder: Path, start_service: Any) -> None:
        self.name = name
        self.start_service = start_service
        self.ports = [free_port(), free_port()]
        port = free_port()
        command, environment = ALL_COMMANDS[name](folder, port, self.ports)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.replicas = [self.start_replica(number) for number in range(2)]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=log, stderr=log
            )

    def start_replica(self, number: int) -> Any:
        # Longer than two health checks, so that the proxy sees that the replica leaves.
        flags = ["--workers", "2", "--drain-ms", "2000", "--spool-mib", "64"]
        return self.start_service(*flags, port=self.ports[number])

    def status(self, path: str = "/readyz") -> Optional[int]:
        """What the path answers; nothing where nobody listens."""
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(self.url + path).status_code
        return None

    def served(self, number: int) -> int:
        """How many transforms a replica answered."""
        text = httpx.get(f"http://127.0.0.1:{self.ports[number]}/metrics").text
        prefix = "http_server_request_duration_seconds_count{"
        return sum(
            int(float(line.rpartition(" ")[2]))
            for line in text.splitlines()
            if line.startswith(prefix) and 'route="/transform"' in line
        )

    def connections(self, number: int) -> int:
        text = httpx.get(f"http://127.0.0.1:{self.ports[number]}/metrics").text
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[:1] != "#")
        return int(float(lines["http_server_open_connections"]))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that nginx's processes can enter: started by root, they are another user's."""
    with tempfile.TemporaryDirectory(prefix="proxy-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def running_proxy(name: str, folder: Path, start_service: Any) -> Iterator[Proxy]:
    running = Proxy(name, folder, start_service)
    try:
        wait_until(lambda: running.status() == 200)
        yield running
    finally:
        # At once, and nginx's worker processes with it.
        running.process.terminate()
        running.process.wait(30)


@pytest.fixture(params=COMMANDS)
def proxy(request: pytest.FixtureRequest, open_folder: Path, start_service: Any) -> Iterator[Proxy]:
    with running_proxy(request.param, open_folder, start_service) as running:
        yield running


@pytest.fixture(params=ALL_COMMANDS)
def any_proxy(
    request: pytest.FixtureRequest, open_folder: Path, start_service: Any
) -> Iterator[Proxy]:
    """nginx's defaults too: what no proxy may do."""
    with running_proxy(request.param, open_folder, start_service) as running:
        yield running


def call_until(done: threading.Event, url: str) -> list[str]:
    """What went wrong with calls one after the other on one client."""
    wrong = []
    with httpx.Client(timeout=10) as client:
        while not done.is_set():
            try:
                answer = client.post(f"{url}/transform", json=BODY)
                if answer.status_code != 200 or answer.json() != 4950:
                    wrong.append(f"{answer.status_code} {answer.text}")
            except httpx.TransportError as error:
                wrong.append(repr(error))
    return wrong


CHECKS = {
    "haproxy": ["-c", "-f", str(DEPLOY / "haproxy.cfg")],
    "envoy": ["--mode", "validate", "-c", str(DEPLOY / "envoy.yaml")],
    "nginx": ["-t", "-q", "-e", "stderr", "-c", str(DEPLOY / "nginx.conf")],
}


@pytest.mark.parametrize("name", CHECKS)
def test_it_accepts_its_configuration(name: str, open_folder: Path) -> None:
    where = ["-p", str(open_folder)] if name == "nginx" else []
    command = [find_tool(name), *CHECKS[name], *where]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "warning" not in checked.stderr.lower()


def test_answers_pass(proxy: Proxy) -> None:
    with httpx.Client(base_url=proxy.url) as client:
        answer = client.post("/transform", json=BODY, headers={"X-Request-Id": "from-caller"})
        assert answer.json() == 4950
        assert answer.headers["X-Request-Id"] == "from-caller"
        assert "run" in answer.headers["Server-Timing"]
        endless = {"program": "def f: f; f"}
        answer = client.post("/transform", json=endless, headers={"X-Request-Timeout-Ms": "200"})
        assert answer.status_code == 504
        assert answer.json()["type"] == "/problems/deadline-exceeded"
        answer = client.post("/transform", content=b"{", params={"program": "."})
        assert answer.status_code == 400
        assert answer.json()["type"].startswith("/problems/")
        large = b"[" + b"1," * 10**6 + b"1]"
        assert client.post("/transform?program=length", content=large).json() == 10**6 + 1
        assert client.get("/metrics").status_code == 404


def test_batches_stream(proxy: Proxy) -> None:
    answer = httpx.post(
        f"{proxy.url}/transform",
        params={"program": ".n"},
        content=(LINES[start : start + 10_000] for start in range(0, len(LINES), 10_000)),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert [json.loads(line) for line in answer.text.splitlines()] == list(range(20_000))


def test_a_batch_is_answered_while_it_is_sent(proxy: Proxy) -> None:
    request = (
        "POST /transform?program=.n HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(request.encode() + b'8\r\n{"n":1}\n\r\n')
        if proxy.name == "nginx":
            # It would send no more of the content: the answer begins when all of it is known.
            connection.settimeout(0.5)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.settimeout(30)
            connection.sendall(b'8\r\n{"n":2}\n\r\n0\r\n\r\n')
            answer = HTTPResponse(connection)
            answer.begin()
            assert (answer.status, answer.read()) == (200, b"1\n2\n")
            return
        answer = HTTPResponse(connection)
        answer.begin()
        assert answer.status == 200
        assert answer.readline() == b"1\n"
        connection.sendall(b'8\r\n{"n":2}\n\r\n0\r\n\r\n')
        assert answer.read() == b"2\n"


def test_a_proxy_holds_little_of_a_batch(proxy: Proxy) -> None:
    """Whoever does not read is not read from once --spool-mib is full: nothing grows beyond."""
    request = (
        "POST /transform?program=. HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/x-ndjson\r\nContent-Length: 1000000000\r\n\r\n"
    )
    piece = b'"%s"\n' % (b"x" * 65_533)
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as connection:
        connection.sendall(request.encode())
        # Until nobody takes any more for a while.
        connection.settimeout(2)
        sent = 0
        with contextlib.suppress(socket.timeout):
            while sent < 10**9:
                sent += connection.send(piece)
        if proxy.name == "nginx":
            # What comes after the refusal is read and dropped.
            connection.settimeout(30)
            assert connection.recv(12) == b"HTTP/1.1 503"
            return
    assert sent < 192 << 20


def test_a_cut_answer_is_an_error(any_proxy: Proxy) -> None:
    """A batch that fails behind its first outputs: never a short answer with status 200."""
    body = LINES * 10 + b"no JSON\n"
    for _ in range(5):
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.post(
                f"{any_proxy.url}/transform",
                params={"program": "[.n, range(20)]"},
                content=(body[start : start + 65_536] for start in range(0, len(body), 65_536)),
                headers={"Content-Type": "application/x-ndjson"},
                timeout=60,
            )
            # To nginx the answer had not begun.
            assert any_proxy.name.startswith("nginx")
            assert answer.status_code == 422


def test_a_rolling_restart_under_load(proxy: Proxy) -> None:
    done = threading.Event()
    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(call_until, done, proxy.url) for _ in range(CALLERS)]
        try:
            wait_until(lambda: all(proxy.served(number) > 100 for number in range(2)), 60)
            # Connections are kept: not many more than callers, checks and this question.
            assert all(proxy.connections(number) <= CALLERS + 6 for number in range(2))
            for number in range(2):
                assert proxy.replicas[number].stop() == 0
                proxy.replicas[number] = proxy.start_replica(number)
                wait_until(lambda number=number: proxy.served(number) > 50, 60)
        finally:
            done.set()
        assert [wrong for caller in callers for wrong in caller.result()] == []


def test_no_replica_is_503(proxy: Proxy) -> None:
    for replica in proxy.replicas:
        replica.kill()
    wait_until(lambda: proxy.status("/livez") == 503)
    answer = httpx.post(f"{proxy.url}/transform", json=BODY)
    assert answer.status_code == 503
    proxy.start_replica(0)
    wait_until(lambda: proxy.status() == 200)
    assert httpx.post(f"{proxy.url}/transform", json=BODY).json() == 4950
