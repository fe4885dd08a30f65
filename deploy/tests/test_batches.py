"""Large batches by the clients that people use, most of which send all before they read."""

from __future__ import annotations

import asyncio
import http.client
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
import urllib3
from transform_client import TransformClient

from conftest import RunningService, find_tool, wait_until

FIELDS = {"Content-Type": "application/x-ndjson", "Accept-Encoding": "identity"}
PATH = "/transform?program=."
MEMORY_MIB_MAX = 200
"""Of a process that takes 8 MiB of inputs and as much of outputs of one batch at a time."""


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    running = RunningService("--event-loops", "1", "--workers", "2")
    yield running
    running.stop()


def lines(mebibytes: int) -> bytes:
    text = "x" * 1000
    count = (mebibytes << 20) // 1024
    return b"".join(b'{"id":%d,"text":"%s"}\n' % (number, text.encode()) for number in range(count))


def by_requests(url: str, body: bytes) -> bytes:
    return requests.post(url + PATH, data=body, headers=FIELDS, timeout=60).content


def by_httpx(url: str, body: bytes) -> bytes:
    return httpx.post(url + PATH, content=body, headers=FIELDS, timeout=60).content


def by_urllib3(url: str, body: bytes) -> bytes:
    answer = urllib3.request("POST", url + PATH, body=body, headers=FIELDS, retries=False)
    return answer.data


def by_http_client(url: str, body: bytes) -> bytes:
    connection = http.client.HTTPConnection(url.split("//")[1], timeout=60)
    connection.request("POST", PATH, body=body, headers=FIELDS)
    answer = connection.getresponse().read()
    connection.close()
    return answer


def by_aiohttp(url: str, body: bytes) -> bytes:
    async def post() -> bytes:
        async with aiohttp.ClientSession() as session:
            async with session.post(url + PATH, data=body, headers=FIELDS) as answer:
                return await answer.read()

    return asyncio.run(post())


def by_curl(url: str, body: bytes) -> bytes:
    head = ["-H", "Content-Type: application/x-ndjson"]
    command = [find_tool("curl"), "-sS", *head, "--data-binary", "@-", url + PATH]
    return subprocess.run(command, input=body, capture_output=True, check=True, timeout=60).stdout


def by_transform_client(url: str, body: bytes) -> bytes:
    with TransformClient(url) as client:
        texts = body.splitlines()
        results = client.transform_lines(None, texts, program=".", batch_bytes=2 * len(body))
        return b"".join(line + b"\n" for line in results)


@pytest.mark.parametrize("mebibytes", [1, 16, 36])
@pytest.mark.parametrize(
    "post",
    [
        by_requests,
        by_httpx,
        by_urllib3,
        by_http_client,
        by_aiohttp,
        by_curl,
        by_transform_client,
    ],
)
def test_comes_back_whole(
    service: RunningService, post: Callable[[str, bytes], bytes], mebibytes: int
) -> None:
    body = lines(mebibytes)
    assert post(service.url, body) == body
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) >> 10
    assert peak < MEMORY_MIB_MAX


@pytest.mark.parametrize("chunked", [False, True])
def test_ends_in_one_answer(service: RunningService, chunked: bool) -> None:
    body = lines(36)
    count = body.count(b"\n")
    query = {"program": ".id", "combine": "reduce inputs as $x ([0, 0]; [.[0] + $x, .[1] + 1])"}
    pieces = (body[start : start + 70_000] for start in range(0, len(body), 70_000))
    answer = httpx.post(
        service.url + "/transform",
        params=query,
        content=pieces if chunked else body,
        headers=FIELDS,
        timeout=60,
    )
    assert answer.json() == [count * (count - 1) // 2, count]
    assert answer.headers["content-type"] == "application/json"


def test_a_combined_batch_leaves_nothing_behind(service: RunningService) -> None:
    """Neither threads, which have a stack and frames of 50 MiB of addresses, nor answers."""

    def measure() -> tuple[int, int]:
        status = Path(f"/proc/{service.process.pid}/status").read_text()
        size, threads = (status.split(name)[1].split()[0] for name in ("VmSize:", "Threads:"))
        return int(size) >> 10, int(threads)

    programs = ["[inputs] | length", "error", "1 +", "[inputs, (try input catch .)]"]
    with httpx.Client(timeout=60) as client:
        for turn in range(2):
            for number in range(100):
                query = {"program": ".", "combine": programs[number % len(programs)]}
                answer = client.post(
                    service.url + "/transform", params=query, content=b"1\n2\n", headers=FIELDS
                )
                assert answer.status_code == (200 if number % 4 in (0, 3) else 422)
            if turn == 0:
                before = measure()
        after = measure()
        assert after[0] < before[0] + 400 and after[1] <= before[1] + 3
        wait_until(lambda: 'part="answers"} 0' in client.get(service.url + "/metrics").text)
