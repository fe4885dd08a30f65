"""README's commands run as they stand there; what they show is what comes.

In deploy/README.md, a block ```sh holds commands after `$ ` and what each prints. `...` in that
stands for anything.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import transform_client

DEPLOY = Path(__file__).resolve().parents[1]
ROOT = DEPLOY.parent


@pytest.fixture(scope="module")
def demo(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """`make demo` on free ports, ended as Ctrl-C does."""
    ports = []
    for _ in range(2):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            ports.append(str(listener.getsockname()[1]))
    environment = {
        **os.environ,
        "TRANSFORM_SERVICE": binary,
        "DEMO_FOLDER": str(tmp_path_factory.mktemp("demo")),
        "DEMO_TASKS_PORT": ports[0],
        "DEMO_TRANSFORM_PORT": ports[1],
    }
    process = subprocess.Popen(
        [sys.executable, str(DEPLOY / "demo.py")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "Ctrl-C" in line:
            break
    assert process.poll() is None, said
    yield {"8000": ports[0], "8001": ports[1], "said": said}
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()
    for port in ports:
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/livez")


def examples() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```sh\n(.*?)^```", (DEPLOY / "README.md").read_text(), re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            lines = part.splitlines(keepends=True)
            count = next(i for i, line in enumerate(lines) if not line.endswith("\\\n")) + 1
            found.append(("".join(lines[:count]), "".join(lines[count:])))
    return found


def matches(shown: str, printed: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.S) is not None


def test_the_walk_through(demo: dict[str, str]) -> None:
    commands = examples()
    assert len(commands) >= 6
    for command, shown in commands:
        for port in ("8000", "8001"):
            command = command.replace(f"localhost:{port}", f"127.0.0.1:{demo[port]}")
        done = subprocess.run(
            ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert matches(shown, done.stdout), f"{command}\nprinted {done.stdout}{done.stderr}"


def test_the_demo_says_what_to_try(demo: dict[str, str]) -> None:
    assert f"http://127.0.0.1:{demo['8000']}/docs" in demo["said"]
    assert "/tasks/report" in demo["said"]


def test_the_snippet(bare_service: Any) -> None:
    """The first snippet of README, as it stands there."""
    readme = (ROOT / "README.md").read_text()
    (snippet,) = re.findall(r"^```python\n(async with httpx.*?)^```", readme, re.M | re.S)
    snippet = snippet.replace("http://localhost:8001", bare_service.url)
    code = "async def call(payload):\n" + textwrap.indent(snippet, "    ")
    scope: dict[str, Any] = {"httpx": httpx}
    exec(compile(code, "README.md", "exec"), scope)
    payload = {"program": "map(.n) | add", "input": [{"n": 1}, {"n": 2}]}
    assert asyncio.run(scope["call"](payload)) == 3
    with pytest.raises(httpx.HTTPStatusError):
        asyncio.run(scope["call"]({"program": "error"}))


def test_the_kept_client(bare_service: Any) -> None:
    """The snippet below the first one, as it stands there."""
    readme = (ROOT / "README.md").read_text()
    (snippet,) = re.findall(r"^```python\n(transforms = Async.*?)^```", readme, re.M | re.S)
    snippet = snippet.replace("http://localhost:8001", bare_service.url)
    code = "async def call(payload):\n" + textwrap.indent(snippet, "    ")
    scope: dict[str, Any] = {**vars(transform_client), "log": logging.getLogger("test")}
    exec(compile(code, "README.md", "exec"), scope)
    payload = {"program": "map(.n) | add", "input": [{"n": 1}, {"n": 2}]}
    assert asyncio.run(scope["call"](payload)) == 3
    with pytest.raises(transform_client.RaisedError, match="no such order"):
        asyncio.run(scope["call"]({"program": 'error("no such order")', "input": None}))
