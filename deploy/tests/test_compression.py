"""gzip both ways with the clients that people use, and bodies that inflate beyond any bound."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import re
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests

ROWS = [{"n": n, "name": f"row {n}"} for n in range(5000)]
TEXT = json.dumps(ROWS).encode()
JSON = {"Content-Type": "application/json"}


def transform_url(service: Any) -> str:
    return f"{service.url}/transform"


def test_httpx_reads_gzip(bare_service: Any) -> None:
    answer = httpx.post(transform_url(bare_service), json={"program": ".", "input": ROWS})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["Content-Length"]) < len(TEXT) / 4
    assert answer.json() == ROWS


def test_requests_reads_gzip(bare_service: Any) -> None:
    answer = requests.post(
        transform_url(bare_service), json={"program": ".", "input": ROWS}, timeout=10
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json() == ROWS


def test_aiohttp_reads_gzip(bare_service: Any) -> None:
    async def call() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.post(
                transform_url(bare_service), json={"program": ".", "input": ROWS}
            ) as answer:
                assert answer.headers["Content-Encoding"] == "gzip"
                assert await answer.json() == ROWS

    asyncio.run(call())


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("flags", [["--compressed"], ["--compressed", "--http1.0"]])
def test_curl_reads_gzip(bare_service: Any, tmp_path: Path, flags: list[str]) -> None:
    (tmp_path / "body.json").write_bytes(TEXT)
    url = f"{transform_url(bare_service)}?program=."
    head = ["-D", str(tmp_path / "head")]
    done = subprocess.run(
        ["curl", "-sS", *flags, *head, "--data-binary", f"@{tmp_path}/body.json", url],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert re.search(r"(?im)^content-encoding: (gzip|deflate)\b", (tmp_path / "head").read_text())
    assert json.loads(done.stdout) == ROWS


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/transforms"])
def test_what_is_told_to_many_is_compressed(service: Any, path: str) -> None:
    answer = httpx.get(service.url + path)
    assert answer.headers["Content-Encoding"] == "gzip"
    plain = httpx.get(service.url + path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert int(answer.headers["Content-Length"]) < len(plain.content) / 2
    assert path == "/metrics" or answer.content == plain.content


def test_what_does_not_ask_gets_plain_text(bare_service: Any) -> None:
    answer = httpx.post(
        transform_url(bare_service),
        params={"program": "."},
        content=TEXT,
        headers={"Accept-Encoding": "identity"},
    )
    assert "Content-Encoding" not in answer.headers
    assert answer.json() == ROWS


CODED = [("gzip", gzip.compress(TEXT)), ("deflate", zlib.compress(TEXT))]


@pytest.mark.parametrize(("coding", "body"), CODED, ids=lambda value: str(value)[:7])
def test_coded_bodies_from_each_client(bare_service: Any, coding: str, body: bytes) -> None:
    url = f"{transform_url(bare_service)}?program=length"
    headers = {"Content-Encoding": coding, **JSON}
    assert httpx.post(url, content=body, headers=headers).json() == len(ROWS)
    assert requests.post(url, data=body, headers=headers, timeout=10).json() == len(ROWS)

    async def call() -> None:
        async with aiohttp.ClientSession(headers=JSON) as session:
            async with session.post(url, data=body, headers=headers) as answer:
                assert await answer.json() == len(ROWS)
            # aiohttp's own coding of a body is chunked.
            async with session.post(url, data=TEXT, compress=coding) as answer:
                assert await answer.json() == len(ROWS)

    asyncio.run(call())


def test_streamed_gzip_of_a_batch(bare_service: Any) -> None:
    lines = gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in ROWS))
    pieces = (lines[start : start + 1000] for start in range(0, len(lines), 1000))
    answer = httpx.post(
        f"{transform_url(bare_service)}?program=.n",
        content=pieces,
        headers={"Content-Encoding": "gzip", "Content-Type": "application/x-ndjson"},
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert [int(line) for line in answer.text.splitlines()] == list(range(len(ROWS)))


def peak_mib(service: Any) -> float:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def spaces() -> bytes:
    """60 MB of JSON in some 60 kB."""
    return gzip.compress(b"[" + b" " * 60_000_000 + b"]")


def strings() -> bytes:
    """80 MB of JSON in some 1.6 MB: too long, though its ratio is one that real data have."""
    chance = random.Random(5)
    rows = (json.dumps(chance.randbytes(60).hex()) + " " * 6000 for _ in range(13_000))
    return gzip.compress(("[" + ",".join(rows) + "]").encode())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read in /proc")
@pytest.mark.parametrize(
    ("flags", "make_body", "detail"),
    [
        ([], spaces, "more than 200 times its length"),
        ([], strings, "more than 67108864 bytes"),
        (["--body-mib", "7"], spaces, "more than 7340032 bytes"),
    ],
    ids=["ratio", "length", "smaller limit"],
)
def test_bodies_that_inflate_beyond_the_limit(
    start_service: Any, flags: list[str], make_body: Any, detail: str
) -> None:
    body = make_body()
    service = start_service(*flags)
    for _ in range(5):
        answer = httpx.post(
            f"{transform_url(service)}?program=length",
            content=body,
            headers={"Content-Encoding": "gzip"},
            timeout=30,
        )
        assert answer.status_code == 413, answer.text
        assert detail in answer.json()["detail"]
    # One inflated body at most, doubled as it grows, beside what the service holds at rest.
    bound = 160 if "67108864" in detail else 48
    assert peak_mib(service) < bound
    answer = httpx.post(f"{transform_url(service)}?program=length", content=TEXT)
    assert answer.json() == len(ROWS)
    assert service.stop() == 0
