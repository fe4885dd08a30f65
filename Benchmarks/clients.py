#!/usr/bin/env python3
"""Hostile and ordinary clients: every answer whole, every byte accounted for, nobody starved.

    clients.py [--binary PATH] [--only NAME] [--quick]

Each part starts the service with the flags it needs, prints what it saw, and marks with FAILS what
does not hold; the exit status is then 1. `--only` runs one part, `--quick` all with small counts.

batches      Clients that send a batch faster than they read its answer, 200 times each; batches of
             16, 36 and 100 MB by clients that read while they send and by those that do not. All
             answers must be what the lines yield.
refusals     Requests that are refused while the client still sends 1 MB in chunks, 50 times for
             each status and client: all must see the status.
memory       The service with deploy's settings in a memory group of 512 MiB (without the right to
             make one, its resident memory is watched): 100 clients that read nothing, 100 that
             read 1 MB/s, 100 that upload 52 MB, and all of them, 20 s each, while other requests
             are small. The process must live below 480 MiB, refuse no small request, and count no
             memory afterwards.
pipelining   50 connections that pipeline GET /metrics without pause: others must be served, and
             get at least half as many answers a connection: they ask again only after an answer.
dripping     Clients that send or read a byte in 8 to 9 s: their connections must end at most 15 s
             after they became slow. Clients on a line of 20 kB/s must be served whole.

The probe, which asks /livez and for a small transform 50 times a second each, is a process of its
own. It has a higher priority than the load (-10 against 5, the workers'), where that is allowed, so
that its times are the service's and not its own wait for a processor.
"""
import argparse
import asyncio
import collections
import contextlib
import filecmp
import http.client
import importlib.util
import io
import itertools
import json
import multiprocessing
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import harness

HOST = "127.0.0.1"
LINES = {"Content-Type": "application/x-ndjson", "Accept-Encoding": "identity"}
CALL_SECONDS = 120
PART_SECONDS = 3600
PIECE_BYTES = 16 * 1024
ESTABLISHED = 1
SMALL = json.dumps({"program": ".n + 1", "input": {"n": 1, "text": "x"}}).encode()
METRICS = f"GET /metrics HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
failures = []


def show(text, holds=True):
    print(f"  {'' if holds else 'FAILS: '}{text}", flush=True)
    if not holds:
        failures.append(text)


def post(target, byte_count=None, **fields):
    """The head of a POST, chunked if no length is given."""
    fields["Host"] = HOST
    if byte_count is None:
        fields["Transfer-Encoding"] = "chunked"
    else:
        fields["Content-Length"] = byte_count
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()]
    return f"POST {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


def transform(program):
    return f"/transform?program={urllib.parse.quote(program)}"


def state(connection):
    """The TCP state of the connection, whether its bytes are read or not."""
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def p99(times):
    return sorted(times)[len(times) * 99 // 100] if times else float("nan")


# Processes


class MemoryGroup:
    """A control group with a memory limit, of version 1 or 2."""

    def __init__(self, mebibytes):
        root = "/sys/fs/cgroup"
        self.is_version_2 = os.path.exists(f"{root}/cgroup.controllers")
        name = f"clients-{os.getpid()}"
        self.path = f"{root}/{name}" if self.is_version_2 else f"{root}/memory/{name}"
        os.mkdir(self.path)
        try:
            limit = "memory.max" if self.is_version_2 else "memory.limit_in_bytes"
            self.write(limit, mebibytes << 20)
        except OSError:
            os.rmdir(self.path)
            raise

    def write(self, file, value):
        with open(f"{self.path}/{file}", "w") as out:
            out.write(str(value))

    def take_peak_mib(self):
        """The group's peak since the last call (version 2: ever), files that it cached included."""
        file = "memory.peak" if self.is_version_2 else "memory.max_usage_in_bytes"
        with contextlib.suppress(OSError), open(f"{self.path}/{file}") as text:
            peak = int(text.read()) / (1 << 20)
            if not self.is_version_2:
                self.write(file, 0)
            return peak
        return float("nan")

    def remove(self):
        for _ in range(50):
            with contextlib.suppress(OSError):
                return os.rmdir(self.path)
            time.sleep(0.1)


class Service:
    """The service on a port of its own, until the `with` ends."""

    def __init__(self, binary, *flags, group=None, environment=()):
        self.process = subprocess.Popen(
            [binary, "serve", "--port", "0", "--log-level", "error", *flags],
            stdout=subprocess.PIPE, text=True, env={**os.environ, **dict(environment)},
            preexec_fn=(lambda: group.write("cgroup.procs", 0)) if group else None)
        try:
            self.port = int(self.process.stdout.readline().rpartition(":")[2])
            self.url = f"http://{HOST}:{self.port}"
        except ValueError:
            self.__exit__()
            sys.exit(f"the service did not start: {' '.join(flags)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def connect(self, receive_bytes=None):
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(10)
        connection.connect((HOST, self.port))
        connection.setblocking(False)
        return connection

    def peak_mib(self):
        with open(f"/proc/{self.process.pid}/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def forget_peak(self):
        with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/clear_refs", "w") as out:
            out.write("5")

    def metrics(self):
        connection = http.client.HTTPConnection(HOST, self.port, timeout=10)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in lines if not line.startswith("#")}

    def remains(self):
        """What the memory account holds besides the process's own and this connection's."""
        names = {part: f'transform_memory_bytes{{part="{part}"}}' for part in
                 ["connections", "bodies", "jobs", "runs", "answers", "batches"]}
        metrics = self.metrics()
        held = {part: int(metrics[name]) for part, name in names.items()}
        # The scrape's own connection: a small constant.
        held["connections"] = 0 if held["connections"] <= 64 * 1024 else held["connections"]
        return {part: count for part, count in held.items() if count}


class Child:
    """A function that runs in a process of its own."""

    def __init__(self, function, *arguments, nice=5):
        self.pipe, there = multiprocessing.Pipe(False)
        self.process = multiprocessing.Process(
            target=self.run, args=(there, nice, function, arguments), daemon=True)
        self.process.start()
        there.close()

    @staticmethod
    def run(pipe, nice, function, arguments):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(0)
        with contextlib.suppress(PermissionError):
            os.nice(nice)
        harness.limit_files(4096)
        pipe.send(function(*arguments))

    def result(self, seconds):
        """What the function returned, or None if it has not within this time; the child ends."""
        try:
            return self.pipe.recv() if self.pipe.poll(seconds) else None
        except EOFError:
            return None
        finally:
            self.process.kill()
            self.process.join()


# Clients: (url, fields, body) -> (status, content). A body of pieces is sent in chunks.


def by_requests(url, fields, body):
    module = importlib.import_module("requests")
    data = body if isinstance(body, bytes) else iter(body)
    answer = module.post(url, headers=fields, data=data, timeout=CALL_SECONDS)
    return answer.status_code, answer.content


def by_httpx(url, fields, body):
    module = importlib.import_module("httpx")
    answer = module.post(url, headers=fields, content=body, timeout=CALL_SECONDS)
    return answer.status_code, answer.content


def by_urllib3(url, fields, body):
    module = importlib.import_module("urllib3")
    with module.PoolManager() as pool:
        answer = pool.request("POST", url, headers=fields, body=body, timeout=CALL_SECONDS,
                              chunked=not isinstance(body, bytes), retries=False)
        return answer.status, answer.data


def by_aiohttp(url, fields, body):
    module = importlib.import_module("aiohttp")

    async def pieces():
        for piece in body:
            yield piece

    async def call():
        limit = module.ClientTimeout(total=CALL_SECONDS)
        data = io.BytesIO(body) if isinstance(body, bytes) else pieces()
        async with module.ClientSession(timeout=limit) as session:
            async with session.post(url, headers=fields, data=data) as answer:
                return answer.status, await answer.read()

    return asyncio.run(call())


def by_http_client(url, fields, body):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=CALL_SECONDS)
    is_chunked = not isinstance(body, bytes)
    if is_chunked:
        fields = {**fields, "Transfer-Encoding": "chunked"}
    try:
        connection.request(
            "POST", f"{parts.path}?{parts.query}", body, fields, encode_chunked=is_chunked)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def curl(url, fields, path, *options):
    """(status, path of the content); the caller removes it."""
    with tempfile.NamedTemporaryFile(delete=False) as answer:
        pass
    argv = ["curl", "-s", "-o", answer.name, "-w", "%{http_code}", "-H", "Expect:", "--max-time",
            str(CALL_SECONDS), "-X", "POST", *options, "-T", path]
    for name, value in fields.items():
        argv += ["-H", f"{name}: {value}"]
    done = subprocess.run([*argv, url], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        os.unlink(answer.name)
        raise OSError(f"curl: exit status {done.returncode}")
    return int(done.stdout), answer.name


def by_curl(url, fields, body):
    is_chunked = not isinstance(body, bytes)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(body) if is_chunked else body)
        file.flush()
        if is_chunked:
            fields = {**fields, "Transfer-Encoding": "chunked"}
        status, path = curl(url, fields, file.name)
    with open(path, "rb") as answer:
        content = answer.read()
    os.unlink(path)
    return status, content


NODE = """
const [kind, url, fields, path, piece, seconds] = process.argv.slice(1);
const body = require('fs').readFileSync(path), pieces = [];
for (let i = 0; i < body.length; i += +piece) pieces.push(body.subarray(i, i + +piece));
const end = (text, status) => { console.log(text); process.exit(status); };
setTimeout(() => end('no answer', 1), seconds * 1000);
if (kind === 'fetch') {
  const stream = new ReadableStream({ pull(to) {
    if (pieces.length) to.enqueue(pieces.shift()); else to.close(); } });
  fetch(url, {method: 'POST', headers: JSON.parse(fields), body: stream, duplex: 'half'})
    .then(async answer => { await answer.arrayBuffer(); end(answer.status, 0); })
    .catch(error => end(String(error.cause ?? error), 1));
} else {
  const request = require('http').request(url, {method: 'POST', headers: JSON.parse(fields)});
  request.on('response', answer => {
    answer.on('end', () => end(answer.statusCode, 0));
    answer.resume(); });
  request.on('error', error => end(String(error), 1));
  require('stream').Readable.from(pieces).pipe(request);
}
"""


def by_node(kind):
    def call(url, fields, body):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"".join(body))
            file.flush()
            done = subprocess.run(
                ["node", "-e", NODE, kind, url, json.dumps(fields), file.name, str(PIECE_BYTES),
                 str(CALL_SECONDS)], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise OSError(f"node: {done.stdout.strip()}")
        return int(done.stdout), None
    return call


CLIENTS = {"requests": by_requests, "httpx": by_httpx, "urllib3": by_urllib3, "aiohttp": by_aiohttp,
           "http.client": by_http_client, "curl": by_curl, "node": by_node("http"),
           "node's fetch": by_node("fetch")}


def installed(names):
    """Those of the clients that are there; the others are told."""
    for name in names:
        if name in ("curl", "node", "node's fetch"):
            is_there = shutil.which(name.partition("'")[0])
        else:
            is_there = importlib.util.find_spec(name)
        if is_there:
            yield name
        else:
            print(f"  {name} is not installed and left out")


def call_often(name, count, url, fields, body, expected):
    """How often the client saw what is expected, a status or a content, and else what."""
    seen = collections.Counter()
    for _ in range(count):
        try:
            status, content = CLIENTS[name](url, fields, body)
            if isinstance(expected, int):
                seen["right" if status == expected else status] += 1
            elif status != 200:
                seen[status] += 1
            else:
                seen["right" if content == expected else f"short: {len(content)} bytes"] += 1
        except Exception as error:  # whatever a library raises
            seen[f"{type(error).__name__}: {error}"[:100]] += 1
    return seen


def count_right(name, count, *arguments):
    """The same in a process of its own, bounded in time: (text, all were right, seconds)."""
    start = time.monotonic()
    seen = Child(call_often, name, count, *arguments).result(CALL_SECONDS + 5 * count)
    others = {"no end": count} if seen is None else {
        text: number for text, number in seen.items() if text != "right"}
    right = seen["right"] if seen else 0
    text = f"{right} of {count}" + "".join(f"; {n} x {what}" for what, n in others.items())
    return text, right == count, time.monotonic() - start


# Parts


def curl_batches(service, name, folder, count, rate):
    """Batches of 200,000 lines by curl, which sends and reads no faster than the rate."""
    options = ["--limit-rate", str(rate)] if rate else []

    def one(_):
        try:
            status, answer = curl(
                service.url + transform(".a"), LINES, os.path.join(folder, "lines"), *options)
        except OSError as error:
            return str(error)
        with contextlib.ExitStack() as stack:
            stack.callback(os.unlink, answer)
            expected = os.path.join(folder, "expected")
            is_whole = filecmp.cmp(answer, expected, shallow=False)
            size = os.path.getsize(answer)
            return "right" if status == 200 and is_whole else f"{status}, {size} bytes"

    with ThreadPoolExecutor(4 if rate else 1) as pool:
        seen = collections.Counter(pool.map(one, range(count)))
    show(f"curl, 8.4 MB, {name}, {f'{rate // 1000000} MB/s' if rate else 'full speed'}: "
         f"{seen['right']} of {count} whole"
         + "".join(f"; {n} x {what}" for what, n in seen.items() if what != "right"),
         seen["right"] == count)


def batches(options):
    count = 10 if options.quick else 200
    line = b'{"a":"' + b"x" * 32 + b'"}\n'
    narrow = ("--workers", "1", "--event-loops", "1", "--body-stall-ms", "1000")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "lines"), "wb") as out:
            out.write(line * 200_000)
        with open(os.path.join(folder, "expected"), "wb") as out:
            out.write((b'"' + b"x" * 32 + b'"\n') * 200_000)
        for name, flags in (("default flags", ()), ("1 worker, 1 loop, stall 1 s", narrow)):
            with Service(options.binary, *flags) as service:
                for rate in (4_000_000, None):
                    curl_batches(service, name, folder, count, rate)
                body = line * (2_000_000 // len(line))
                for client in installed(["httpx"]):
                    text, holds, _ = count_right(client, count, service.url + transform("."),
                                                 LINES, body, body)
                    show(f"{client}, 2 MB, {name}: {text} whole", holds)
                show(f"peak {service.peak_mib():.0f} MiB resident; left: {service.remains() or 0}",
                     not service.remains())
    for size in (1, 4, 16) if options.quick else (16, 36, 100):
        for client in installed(["requests", "httpx", "urllib3", "aiohttp", "curl"]):
            with Service(options.binary) as service:
                body = line * (size * 1_000_000 // len(line))
                text, holds, seconds = count_right(
                    client, 1, service.url + transform("."), LINES, body, body)
                peak = service.peak_mib()
                show(f"{client}, {size} MB: {text} whole, {seconds:.1f} s, peak {peak:.0f} MiB",
                     holds and peak < 256 and not service.remains())


def refusals(options):
    count = 5 if options.quick else 50
    number = b"1,"
    array = [b"[" + number * 8191] + [number * (PIECE_BYTES // 2)] * 62 + [b"1]"]
    lines = [b"no JSON\n"] + [b"1\n" * (PIECE_BYTES // 2)] * 63
    of_lines = {"Content-Type": "application/x-ndjson"}
    kinds = [
        (400, "unknown outputs", "/transform?program=.&outputs=some", {}, array),
        (401, "no token", transform("."), {"Authorization": ""}, array),
        (404, "no route", "/nope", {}, array),
        (404, "no transform", "/transform/nope", {}, array),
        (405, "method", "/livez", {}, array),
        (406, "media type", transform("."), {"Accept": "image/png"}, array),
        (415, "coding", transform("."), {"Content-Encoding": "br"}, array),
        (422, "program", transform(".a|"), of_lines, lines[1:]),
        (422, "first line", transform("."), of_lines, lines),
        (503, "no batches", transform("."), of_lines, lines[1:])]
    with tempfile.NamedTemporaryFile("w") as tokens:
        tokens.write("token\n")
        tokens.flush()
        guarded = ("--auth-token-file", tokens.name)
        with Service(options.binary, *guarded) as most, \
                Service(options.binary, *guarded, "--batch-count", "0") as without:
            for client in installed(
                    ["aiohttp", "http.client", "requests", "curl", "node", "node's fetch"]):
                for status, why, target, fields, body in kinds:
                    service = without if status == 503 else most
                    fields = {"Authorization": "Bearer token", **fields}
                    text, holds, seconds = count_right(
                        client, count, service.url + target, fields, body, status)
                    show(f"{client}: {status} ({why}): {text}, {seconds:.1f} s", holds)


async def reads_nothing(service, end, seen):
    """Asks for 30 MB and reads nothing, until it is disconnected or refused; then again."""
    request = post(transform('"x" * 30000000'), 4, Content_Type="application/json") + b"null"
    while time.monotonic() < end:
        with service.connect(receive_bytes=4096) as connection:
            connection.send(request)
            first = b""
            while time.monotonic() < end and state(connection) == ESTABLISHED:
                with contextlib.suppress(OSError):
                    first = connection.recv(12, socket.MSG_PEEK)
                if first[9:] not in (b"", b"200"):
                    break
                await asyncio.sleep(0.1)
            if time.monotonic() >= end:
                seen["held at the end"] += 1
            else:
                seen["cut" if first[9:] in (b"", b"200") else first[9:].decode()] += 1
        await asyncio.sleep(0.25)


async def reads_slowly(service, end, seen):
    """Asks for 10 MB and reads them at 1 MB/s; then again."""
    request = post(transform('"x" * 10000000'), 4, Content_Type="application/json") + b"null"
    loop = asyncio.get_running_loop()
    while time.monotonic() < end:
        with service.connect(receive_bytes=128 * 1024) as connection:
            start, count, first, kind = time.monotonic(), 0, b"", "under way at the end"
            try:
                await loop.sock_sendall(connection, request)
                while time.monotonic() < end and count <= 10_000_000:
                    piece = await asyncio.wait_for(loop.sock_recv(connection, 128 * 1024), 20)
                    first += piece[:12 - len(first)]
                    count += len(piece)
                    if first[9:] != b"200" or not piece:
                        break
                    await asyncio.sleep(max(0, start + count / 1e6 - time.monotonic()))
                else:
                    kind = "whole" if count > 10_000_000 else kind
                if first[9:] != b"200":
                    kind = first[9:].decode() or "closed without an answer"
            except asyncio.TimeoutError:
                kind = "no byte in 20 s"
            except OSError:
                kind = "cut"
            seen[kind] += 1
        await asyncio.sleep(0.25)


async def uploads(service, end, seen):
    """Sends 52 MB and reads meanwhile, until there is an answer; then again."""
    head = post(transform("length"), 52_000_000, Content_Type="application/json")
    block = memoryview(b"x" * 1_000_000)
    loop = asyncio.get_running_loop()

    async def send(connection):
        await loop.sock_sendall(connection, head + b'"')
        for number in range(52):
            await loop.sock_sendall(connection, block[:-2] if number == 51 else block)
        await loop.sock_sendall(connection, b'"')

    while time.monotonic() < end:
        with service.connect() as connection:
            sending = asyncio.ensure_future(send(connection))
            try:
                answer = await asyncio.wait_for(
                    loop.sock_recv(connection, 4096), max(0.1, end - time.monotonic()))
                kind = answer[9:12].decode() or "closed without an answer"
            except asyncio.TimeoutError:
                kind = "under way at the end"
            except OSError as error:
                kind = type(error).__name__
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            seen[kind] += 1
        await asyncio.sleep(0.25)


def load(client, service, count, seconds):
    """So many of the clients for a time: how often they met what."""
    seen = collections.Counter()

    async def run():
        end = time.monotonic() + seconds
        await asyncio.gather(*[client(service, end, seen) for _ in range(count)])

    asyncio.run(run())
    return seen


def probe(port, seconds):
    """Asks /livez and for a small transform in turn: {name: ([ms], {what failed: count})}."""
    seen = {name: ([], collections.Counter()) for name in ("/livez", "small requests")}
    connections = {name: http.client.HTTPConnection(HOST, port, timeout=10) for name in seen}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, (times, failed) in seen.items():
            start = time.monotonic()
            try:
                if name == "/livez":
                    connections[name].request("GET", "/livez")
                else:
                    connections[name].request("POST", "/transform", SMALL)
                answer = connections[name].getresponse()
                content = answer.read()
                if answer.status != 200 or (name != "/livez" and content.strip() != b"2"):
                    failed[answer.status] += 1
            except (OSError, http.client.HTTPException) as error:
                failed[type(error).__name__] += 1
                connections[name].close()
            times.append((time.monotonic() - start) * 1000)
            time.sleep(0.01)
    return seen


def show_probe(result, what, bounds):
    """The probe's times, which must be below the bounds in ms, without a failure."""
    if result is None:
        show(f"{what}: the probe did not end", False)
        return
    for name, (times, failed) in result.items():
        bound = bounds.get(name)
        if bound:
            show(f"{what}: {name}: {len(times)} asked, {sum(failed.values())} failed "
                 f"{dict(failed) or ''}, p50 {sorted(times)[len(times) // 2]:.1f} ms, "
                 f"p99 {p99(times):.1f} ms, longest {max(times):.1f} ms",
                 p99(times) < bound and not failed)


def memory(options):
    count, seconds = (20, 5) if options.quick else (100, 20)
    try:
        group, flags = MemoryGroup(512), ()
    except OSError as error:
        print(f"  no memory group can be made ({error}): only resident memory is watched")
        group, flags = None, ("--memory-total-mib", "448")
    settings = {"TRANSFORM_MEMORY_MIB": "128", "TRANSFORM_OUTPUT_MIB": "64",
                "TRANSFORM_QUEUE_MIB": "64", "TRANSFORM_LOG_FORMAT": "json"}
    transforms = os.path.join(harness.ROOT, "deploy", "transforms")
    flags += ("--workers", "2", "--transforms", transforms)
    kinds = {"100 that read nothing": [reads_nothing], "100 that read 1 MB/s": [reads_slowly],
             "100 uploads of 52 MB": [uploads], "all three": [reads_nothing, reads_slowly, uploads]}
    try:
        with Service(options.binary, *flags, group=group, environment=settings) as service:
            for name, clients in kinds.items():
                name = name.replace("100", str(count))
                memory_kind(service, group, name, clients, count, seconds)
                if service.process.poll() is not None:
                    show(f"{name}: the process ended with {service.process.returncode}", False)
                    return
    finally:
        if group:
            group.remove()


def memory_kind(service, group, name, clients, count, seconds):
    service.forget_peak()
    if group:
        group.take_peak_mib()
    loads = [Child(load, client, service, count, seconds) for client in clients]
    probing = Child(probe, service.port, seconds, nice=-10)
    result = probing.result(seconds + 60)
    for client, child in zip(clients, loads):
        seen = child.result(60)
        text = ", ".join(f"{n} x {what}" for what, n in seen.most_common()) if seen else "no end"
        show(f"{name}: {client.__name__.replace('_', ' ')}: {text}", bool(seen))
    if service.process.poll() is not None:
        return
    peak = service.peak_mib()
    of_group = group.take_peak_mib() if group else float("nan")
    show(f"{name}: peak {peak:.0f} MiB resident, {of_group:.0f} MiB in the group", peak < 480)
    show_probe(result, name, {"/livez": 50, "small requests": 100})
    end = time.monotonic() + 20
    while service.remains() and time.monotonic() < end:
        time.sleep(0.2)
    metrics = service.metrics()
    show(f"{name}: left in the account: {service.remains() or 0}; refusals "
         f"{metrics['transform_memory_refusals_total']:.0f}, dropped readers "
         f"{metrics['transform_memory_dropped_readers_total']:.0f} so far", not service.remains())


def flood(service, count, seconds):
    """Connections that always have requests on their way: the answers' bytes."""
    requests = METRICS * 1000
    poller, received, place = select.epoll(), 0, {}
    connections = [service.connect() for _ in range(count)]
    by_number = {connection.fileno(): connection for connection in connections}
    for number in by_number:
        place[number] = 0
        poller.register(number, select.EPOLLIN | select.EPOLLOUT)
    room = bytearray(1 << 20)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for number, event in poller.poll(0.1):
            with contextlib.suppress(BlockingIOError):
                if event & select.EPOLLIN:
                    received += by_number[number].recv_into(room)
                if event & select.EPOLLOUT:
                    sent = by_number[number].send(memoryview(requests)[place[number]:])
                    place[number] = (place[number] + sent) % len(requests)
    return received


def ordinary(service, count, seconds):
    """Connections that ask for small transforms, one at a time each: answers a second."""
    request = post("/transform", len(SMALL), Content_Type="application/json") + SMALL
    poller, answers = select.epoll(), 0
    connections = [service.connect() for _ in range(count)]
    by_number = {connection.fileno(): connection for connection in connections}
    for connection in connections:
        connection.send(request)
        poller.register(connection, select.EPOLLIN)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for number, _ in poller.poll(0.1):
            if not by_number[number].recv(4096).startswith(b"HTTP/1.1 200"):
                return None
            answers += 1
            by_number[number].send(request)
    return answers / seconds


def pipelining(options):
    seconds, rounds = (2, 1) if options.quick else (15, 3)
    for loops in (1, 2):
        name = f"{loops} loop{'s'[:loops - 1]}"
        with Service(options.binary, "--workers", "2", "--event-loops", str(loops)) as service:
            flooding = Child(flood, service, 50, seconds + 1)
            result = Child(probe, service.port, seconds, nice=-10).result(seconds + 60)
            received = flooding.result(60)
            show(f"{name}: the flood read {(received or 0) / 1e6 / (seconds + 1):.0f} MB/s",
                 bool(received))
            show_probe(result, name, {"/livez": 50, "small requests": 1000})
            with urllib.request.urlopen(f"http://{HOST}:{service.port}/metrics") as answer:
                answer_bytes = len(answer.read())
            alone, beside = [], []
            for _ in range(rounds):
                alone.append(Child(ordinary, service, 8, 4, nice=-10).result(30) or 0)
                flooding = Child(flood, service, 50, 6)
                time.sleep(1)
                own = Child(ordinary, service, 8, 4, nice=-10).result(30) or 0
                flooded = (flooding.result(30) or 0) / answer_bytes / 6
                beside.append((own, own / max(1, own + flooded)))
            rate, share = sorted(beside)[rounds // 2]
            show(f"{name}: 8 ordinary connections: {sorted(alone)[rounds // 2]:.0f} requests/s "
                 f"alone, {rate:.0f} beside the flood, which is {share:.3f} of all that are served "
                 f"(8 of 58 connections: {8 / 58:.3f})", share >= 0.5 * 8 / 58)
            show(f"{name}: peak {service.peak_mib():.0f} MiB resident")


def ports_held(port):
    """The clients' ports of those connections that the service at the port has not closed."""
    with open("/proc/net/tcp") as lines:
        rows = [line.split() for line in itertools.islice(lines, 1, None)]
    return {int(row[2][9:], 16) for row in rows if int(row[1][9:], 16) == port and row[9] != "0"}


async def drip(service, text, dripped, reads_first):
    """Sends the text at once, then drips: (answer's status, s until its end, s until closed).

    The dripped bytes are sent in turn; without any, the answer is read by the byte, behind as many
    bytes as are to be read at once. Times count from then on.
    """
    loop = asyncio.get_running_loop()
    is_reader = not dripped
    with service.connect(receive_bytes=65536 if is_reader else None) as connection:
        await loop.sock_sendall(connection, text)
        while reads_first > 0:
            reads_first -= len(await loop.sock_recv(connection, min(reads_first, 65536)))
        fell = time.monotonic()
        next_drip, number, answer, ended = fell, 0, b"", None
        port = connection.getsockname()[1]
        while time.monotonic() < fell + 60:
            now = time.monotonic() - fell
            if ended is None and state(connection) != ESTABLISHED:
                ended = now
            if ended is not None and port not in ports_held(service.port):
                return answer[9:12].decode() or "none", ended, now
            if not is_reader:
                with contextlib.suppress(OSError):
                    answer += connection.recv(65536)[:12 - min(12, len(answer))]
            if time.monotonic() >= next_drip:
                with contextlib.suppress(OSError):
                    if is_reader:
                        answer += connection.recv(1)
                    else:
                        connection.send(dripped[number % len(dripped):][:1])
                number += 1
                next_drip += random.uniform(8, 9)
            await asyncio.sleep(0.05)
        return answer[9:12].decode() or "none", ended or float("inf"), float("inf")


def slow_line(service, target, fields, body, expected, reads_meanwhile):
    """Sends the body and reads the answer, both at 20 kB/s: (what came, seconds)."""
    start = time.monotonic()
    connection = service.connect(receive_bytes=16 * 1024)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    connection.settimeout(60)
    response, content = http.client.HTTPResponse(connection, method="POST"), b""

    def send():
        connection.sendall(post(target, len(body), **fields))
        for offset in range(0, len(body), 2000):
            connection.sendall(body[offset:offset + 2000])
            time.sleep(0.1)

    with connection, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        try:
            if not reads_meanwhile:
                sending.result()
            response.begin()
            while piece := response.read(2000):
                content += piece
                time.sleep(0.1)
            sending.result()
            what = str(response.status)
        except (OSError, http.client.HTTPException) as error:
            what = repr(error)
    if what == "200" and content == expected:
        what = "whole"
    return f"{what}, {len(content)} bytes", what == "whole", time.monotonic() - start


def dripping(options):
    size = 200_000 if options.quick else 1_000_000
    count = 2 if options.quick else 4
    of_lines = {"Content-Type": "application/x-ndjson"}
    million = b"1" * 20 + b"\n"
    million *= 1_000_000 // len(million)
    large = post(transform('"x" * 30000000'), 4) + b"null"
    small, long = (post(transform("."), length) + b'"' for length in (10_000, 10_000_000))
    batch = post(transform("."), 10_000_000, **of_lines)
    kinds = [
        # Name, connections, what is sent at once, what is dripped, what is read at once.
        ("a head", count, b"POST /transform?program=.", b"a", 0),
        ("a body of 10 kB", count, small, b"x", 0),
        ("a body of 10 MB", count, long, b"x", 0),
        ("a chunk of a body", count, post(transform(".")) + b'ffffff\r\n"', b"x", 0),
        ("a body of 10 MB after 1 MB of it", count, long + b"x" * 1_000_000, b"x", 0),
        ("elements of ?each", count, post("/transform?each&program=.", 10_000_000) + b"[1",
         b",1", 0),
        ("16 batches' lines", 16, batch, b"1\n", 0),
        ("a batch's lines after 1 MB of them", count, batch + million, b"1\n", 0),
        ("reads an answer", count, large, b"", 1),
        ("reads an answer after 1 MB of it", count, large, b"", 1_000_000),
        ("reads a batch's answer", count, post(transform("."), 20 * len(million), **of_lines)
         + million * 20, b"", 1),
        ("reads pipelined answers", count, METRICS * 1000, b"", 1)]
    text = b'"' + b"x" * (size - 2) + b'"'
    lines = (b'"' + b"x" * 37 + b'"\n') * (size // 40)
    slow = [
        ("a batch, read after it is sent", (), transform("."), of_lines, lines, lines, False),
        ("a batch, read while it is sent", (), transform("."), of_lines, lines, lines, True),
        ("an answer", (), transform(f'"x" * {size - 2}'), {}, b"null", text, False),
        ("a body and its answer, --timeout-ms 120000", ("--timeout-ms", "120000"), transform("."),
         {}, text, text, False)]
    with contextlib.ExitStack() as stack:
        services = [stack.enter_context(Service(options.binary)) for _ in kinds]
        slow_services = [stack.enter_context(Service(options.binary, *row[1])) for row in slow]

        async def run():
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ThreadPoolExecutor(len(slow)))
            ordinary = [loop.run_in_executor(None, slow_line, service, *row[2:])
                        for service, row in zip(slow_services, slow)]
            dripped = [asyncio.gather(*[drip(service, *rest) for _ in range(connections)])
                       for service, (_, connections, *rest) in zip(services, kinds)]
            for service, (name, *_), results in zip(services, kinds, dripped):
                show_dripped(service, name, await results)
            return await asyncio.gather(*ordinary)

        for (name, *_), (text, is_whole, seconds) in zip(slow, asyncio.run(run())):
            show(f"20 kB/s, {size / 1e6} MB: {name}: {text}, {seconds:.0f} s", is_whole)


def show_dripped(service, name, results):
    """All must have seen their connection's end within 15 s; then nothing of them is left."""
    statuses = collections.Counter(result[0] for result in results)
    ended, closed = (sorted(result[index] for result in results) for index in (1, 2))
    metrics = service.metrics()
    left = service.remains() or metrics["http_server_open_connections"] - 1
    show(f"{name}: {len(results)} clients, ended after {ended[0]:.1f} to {ended[-1]:.1f} s "
         f"({', '.join(f'{n} x {status}' for status, n in statuses.items())}), closed after "
         f"{closed[0]:.1f} to {closed[-1]:.1f} s; left: {left or 0:.0f}",
         ended[-1] <= 15.5 and closed[-1] <= 20.5 and not left)


PARTS = {part.__name__: part for part in (batches, refusals, memory, pipelining, dripping)}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=harness.BINARY)
    parser.add_argument("--only", choices=PARTS, help="this part alone")
    parser.add_argument("--quick", action="store_true", help="small counts")
    options = parser.parse_args()
    # Each ends the process by an exception, so that what it started is ended too.
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, lambda number, _: sys.exit(f"ended by signal {number}"))
    harness.limit_files(4096)
    print(harness.machine_line(harness.machine()))
    for name, part in PARTS.items():
        if options.only in (None, name):
            start = time.monotonic()
            print(f"{name}:", flush=True)
            signal.alarm(PART_SECONDS)
            part(options)
            signal.alarm(0)
            print(f"  {time.monotonic() - start:.0f} s", flush=True)
    print(f"{len(failures)} lines do not hold")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
