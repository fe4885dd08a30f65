"""HAProxy and Envoy with this folder's configurations in front of two replicas."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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


def envoy_command(folder: Path, port: int, replicas: list[int]) -> tuple[list[str], dict[str, str]]:
    text = (DEPLOY / "envoy.yaml").read_text()
    for there, here in zip((8000, 8001, 8002, 9901), (port, *replicas, free_port())):
        assert text.count(f"port_value: {there}") == 1
        text = text.replace(f"port_value: {there}", f"port_value: {here}")
    (folder / "envoy.yaml").write_text(text)
    flags = ["--concurrency", "2", "--disable-hot-restart", "-l", "warning"]
    return [find_tool("envoy"), "-c", str(folder / "envoy.yaml"), *flags], {}


COMMANDS = {"haproxy": haproxy_command, "envoy": envoy_command}


class Proxy:
    """A proxy on a free port with its replicas, which tests end and start again."""

    def __init__(self, name: str, folder: Path, start_service: Any) -> None:
        self.start_service = start_service
        self.ports = [free_port(), free_port()]
        port = free_port()
        command, environment = COMMANDS[name](folder, port, self.ports)
        self.url = f"http://127.0.0.1:{port}"
        self.replicas = [self.start_replica(number) for number in range(2)]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=log, stderr=log
            )

    def start_replica(self, number: int) -> Any:
        # Longer than two health checks, so that the proxy sees that the replica leaves.
        flags = ["--workers", "2", "--drain-ms", "2000"]
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


@pytest.fixture(params=COMMANDS)
def proxy(request: pytest.FixtureRequest, tmp_path: Path, start_service: Any) -> Iterator[Proxy]:
    running = Proxy(request.param, tmp_path, start_service)
    try:
        wait_until(lambda: running.status() == 200)
        yield running
    finally:
        running.process.kill()
        running.process.wait()


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
}


@pytest.mark.parametrize("name", CHECKS)
def test_it_accepts_its_configuration(name: str) -> None:
    checked = subprocess.run([find_tool(name), *CHECKS[name]], capture_output=True, text=True)
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
