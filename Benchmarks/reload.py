#!/usr/bin/env python3
"""Reloads of a transforms folder under load: no failed request, every answer of one version.

    Benchmarks/reload.py [--binary .build/release/transform-service] [--reloads 200] [--watch]

Swaps the `..data` link of a ConfigMap's layout between two versions and sends SIGHUP, while clients
ask on 8 connections. With --watch no signal is sent: the service sees the change by itself, within a
second. Each answer holds its version twice, from the program and from a module; memory and open
descriptors are compared with those before the first reload.
"""

import argparse
import asyncio
import os
import re
import signal
import tempfile
import time

CLIENTS = 8
RELOAD_SECONDS_MAX = 10


def write_version(folder, version):
    os.makedirs(f"{folder}/..v{version}")
    with open(f"{folder}/..v{version}/a.jq", "w") as file:
        file.write(f'import "lib" as lib; [{version}, lib::version, (.n | length)]\n')
    with open(f"{folder}/..v{version}/lib.jq", "w") as file:
        file.write(f"def version: {version};\n")


def swap(folder, version):
    os.symlink(f"..v{version}", f"{folder}/..next")
    os.rename(f"{folder}/..next", f"{folder}/..data")


def held(pid):
    """What the process holds: KiB of memory, open descriptors."""
    with open(f"/proc/{pid}/status") as file:
        memory = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
    return memory, len(os.listdir(f"/proc/{pid}/fd"))


async def client(port, done, counts, digests):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    bodies = [b'{"n":[1,2,3]}', b'{"n":[' + b"1," * 20_000 + b"1]}"]
    number = 0
    while not done.is_set():
        body = bodies[number % 10 == 0]
        number += 1
        writer.write(
            b"POST /transform/a HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(re.search(r"(?i)content-length: (\d+)", head)[1])
        content = (await reader.readexactly(length)).decode()
        match = re.fullmatch(r"\[(\d+),(\d+),\d+\]", content)
        digest = re.search(r"(?i)transform-digest: (\w+)", head)
        counts["requests"] += 1
        if not head.startswith("HTTP/1.1 200") or not match or not digest:
            counts["failed"] += 1
        elif match[1] != match[2] or digests.setdefault(digest[1], match[1]) != match[1]:
            counts["mixed"] += 1
    writer.close()


async def reload_count(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz?verbose HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    text = (await reader.read()).decode()
    writer.close()
    return int(re.search(r'"reloads":(\d+)', text)[1])


async def measure(arguments):
    with tempfile.TemporaryDirectory() as folder:
        write_version(folder, 0)
        write_version(folder, 1)
        os.symlink("..v0", f"{folder}/..data")
        for name in ["a.jq", "lib.jq"]:
            os.symlink(f"..data/{name}", f"{folder}/{name}")
        service = await asyncio.create_subprocess_exec(
            arguments.binary, "serve", "--port", "0", "--transforms", folder, "--drain-ms", "0",
            "--log-level", "warning", stdout=asyncio.subprocess.PIPE)
        port = int((await service.stdout.readline()).decode().rsplit(":", 1)[1])
        done, counts, digests = asyncio.Event(), {"requests": 0, "failed": 0, "mixed": 0}, {}
        clients = [
            asyncio.create_task(client(port, done, counts, digests)) for _ in range(CLIENTS)]
        await asyncio.sleep(1)
        before = held(service.pid)
        start = time.monotonic()
        for number in range(arguments.reloads):
            seen = await reload_count(port)
            swap(folder, (number + 1) % 2)
            if not arguments.watch:
                service.send_signal(signal.SIGHUP)
            end = time.monotonic() + RELOAD_SECONDS_MAX
            while await reload_count(port) == seen:
                if time.monotonic() > end:
                    service.kill()
                    raise SystemExit(f"reload {number + 1} did not come within its time")
                await asyncio.sleep(0.005)
        seconds = time.monotonic() - start
        # The last look at /healthz closes its connection meanwhile.
        await asyncio.sleep(0.2)
        after = held(service.pid)
        done.set()
        await asyncio.gather(*clients)
        reloads = await reload_count(port)
        service.terminate()
        status = await service.wait()
    print(f"{reloads} reloads in {seconds:.1f} s, {counts['requests']} requests, "
          f"{counts['failed']} failed, {counts['mixed']} of two versions, "
          f"{len(digests)} digests, memory {before[0]} -> {after[0]} KiB, "
          f"descriptors {before[1]} -> {after[1]}, exit status {status}")
    bad = (counts["failed"] + counts["mixed"] + (len(digests) != 2)
           + (reloads < arguments.reloads) + (after[1] > before[1]) + status)
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=".build/release/transform-service")
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--watch", action="store_true")
    asyncio.run(measure(parser.parse_args()))
