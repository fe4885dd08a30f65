#!/usr/bin/env python3
"""What a call of transform-service costs its caller in Python, by client: CPU and wall time.

    .build/rivals/venv/bin/python3 Benchmarks/client.py [--quick] [--rounds N] [--calls N]
        [--binary PATH] [--results FOLDER]

A named transform that takes some microseconds, over a kept connection of the loopback address, by
each client in turn: N calls a round, at bodies of 127 B to 103 kB. CPU time is the caller's own, user and
system; the service runs in another process. What stands in tables is the least of the rounds, as
other work on the machine only ever adds to a time; ratios are of those. Then 16 threads on one client
and 100 tasks on one, against a single caller. Answers are compared first. Writes client.md, .json
and .svg. Clients that are not installed are left out: Benchmarks/rivals/build.sh installs them.
"""
import argparse
import asyncio
import http.client
import importlib
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import harness
import plots

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../deploy/python/src"))
SIZES = [127, 1_000, 10_000, 103_000]
NAME = "size"
PROGRAM = ".items | length"
THREADS = 16
TASKS = 100
TARGET = f"/transform/{NAME}"
FIELDS = {"Content-Type": "application/json"}


def body_of(byte_count):
    """An object of about so many bytes."""
    item = '{"sku":"a-17","quantity":3}'
    items = [item] * max(1, (byte_count - 60) // (len(item) + 1))
    text = '{"customer":"c-1009","items":[' + ",".join(items) + '],"note":""}'
    return text.replace('""', '"' + "x" * max(0, byte_count - len(text)) + '"').encode()


class Place:
    """Where the service listens."""

    def __init__(self, port, path):
        self.port = port
        self.path = path
        self.url = f"http://127.0.0.1:{port}"

    def connected(self, is_unix):
        if is_unix:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.path)
        else:
            connection = socket.create_connection(("127.0.0.1", self.port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def head_of(body):
    return (
        f"POST {TARGET} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()


# Clients for threads: place -> a function of a body, and one that closes.


def ours(place, **options):
    from transform_client import TransformClient

    client = TransformClient(place.url, **options)
    return lambda body: client.transform_bytes(NAME, body), client.close


def ours_unix(place):
    return ours(place, unix_socket=place.path)


def httpx_sync(place, module="httpx"):
    client = importlib.import_module(module).Client(base_url=place.url)
    return lambda body: client.post(TARGET, content=body, headers=FIELDS).content, client.close


def httpx2_sync(place):
    return httpx_sync(place, "httpx2")


def urllib3_sync(place):
    pool = importlib.import_module("urllib3").HTTPConnectionPool("127.0.0.1", place.port)
    return lambda body: pool.request("POST", TARGET, body=body, headers=FIELDS).data, pool.close


def http_client(place):
    connection = http.client.HTTPConnection("127.0.0.1", place.port)

    def call(body):
        connection.request("POST", TARGET, body, FIELDS)
        return connection.getresponse().read()

    return call, connection.close


def pycurl_sync(place):
    pycurl = importlib.import_module("pycurl")
    from io import BytesIO

    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, place.url + TARGET)
    handle.setopt(pycurl.HTTPHEADER, ["Content-Type: application/json", "Expect:"])
    handle.setopt(pycurl.POST, 1)

    def call(body):
        answer = BytesIO()
        handle.setopt(pycurl.POSTFIELDS, body)
        handle.setopt(pycurl.WRITEDATA, answer)
        handle.perform()
        return answer.getvalue()

    return call, handle.close


def blocking_socket(place, is_unix=False):
    """The least that a call can cost: nothing is checked, nothing bounded in time."""
    connection = place.connected(is_unix)

    def call(body):
        connection.sendall(head_of(body) + body)
        data = connection.recv(65536)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += connection.recv(65536)
        start = data.index(b"Content-Length: ") + 16
        length = int(data[start : data.index(b"\r\n", start)])
        while len(data) < end + 4 + length:
            data += connection.recv(65536)
        return data[end + 4 :]

    return call, connection.close


def blocking_unix(place):
    return blocking_socket(place, is_unix=True)


# Clients for tasks: place -> an asynchronous function of a body, and one that closes.


async def ours_async(place, **options):
    from transform_client import AsyncTransformClient

    client = AsyncTransformClient(place.url, **options)
    return lambda body: client.transform_bytes(NAME, body), client.aclose


async def ours_async_unix(place):
    return await ours_async(place, unix_socket=place.path)


async def httpx_async(place, module="httpx"):
    client = importlib.import_module(module).AsyncClient(base_url=place.url)

    async def call(body):
        return (await client.post(TARGET, content=body, headers=FIELDS)).content

    return call, client.aclose


async def httpx2_async(place):
    return await httpx_async(place, "httpx2")


async def aiohttp_async(place):
    session = importlib.import_module("aiohttp").ClientSession()

    async def call(body):
        async with session.post(place.url + TARGET, data=body, headers=FIELDS) as answer:
            return await answer.read()

    return call, session.close


class Bare(asyncio.Protocol):
    """The least that a call can cost on an event loop."""

    def connection_made(self, transport):
        self.transport = transport
        self.data = b""

    def data_received(self, data):
        self.data += data
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return
        start = self.data.index(b"Content-Length: ") + 16
        if len(self.data) >= end + 4 + int(self.data[start : self.data.index(b"\r\n", start)]):
            data, self.data = self.data[end + 4 :], b""
            self.answer.set_result(data)


async def bare_protocol(place, is_unix=False):
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(Bare, sock=place.connected(is_unix))

    async def call(body):
        protocol.answer = loop.create_future()
        transport.write(head_of(body) + body)
        return await protocol.answer

    async def close():
        transport.close()

    return call, close


async def bare_unix(place):
    return await bare_protocol(place, is_unix=True)


OURS, OURS_ASYNC = "TransformClient", "AsyncTransformClient"
SYNC = {
    OURS: ours,
    "httpx": httpx_sync,
    "httpx2": httpx2_sync,
    "urllib3": urllib3_sync,
    "http.client": http_client,
    "pycurl": pycurl_sync,
    "a blocking socket": blocking_socket,
    "TransformClient, Unix socket": ours_unix,
    "a blocking Unix socket": blocking_unix,
}
ASYNC = {
    OURS_ASYNC: ours_async,
    "httpx, async": httpx_async,
    "httpx2, async": httpx2_async,
    "aiohttp": aiohttp_async,
    "an asyncio.Protocol": bare_protocol,
    "AsyncTransformClient, Unix socket": ours_async_unix,
    "a Protocol, Unix socket": bare_unix,
}


def microseconds(began, cpu, calls):
    return (time.process_time() - cpu) / calls * 1e6, (time.perf_counter() - began) / calls * 1e6


def measure(client, place, body, calls):
    """CPU and wall microseconds of a call."""
    call, close = client(place)
    for _ in range(20):
        call(body)
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        call(body)
    spent = microseconds(began, cpu, calls)
    close()
    return spent


def measure_async(client, place, body, calls):
    async def run():
        call, close = await client(place)
        for _ in range(20):
            await call(body)
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(calls):
            await call(body)
        spent = microseconds(began, cpu, calls)
        await close()
        return spent

    return asyncio.run(run())


def measure_threads(place, body, calls, count=THREADS):
    """Threads on one client; each has called before."""
    call, close = ours(place)
    ready, over = threading.Barrier(count + 1), threading.Barrier(count + 1)

    def work():
        for _ in range(5):
            call(body)
        ready.wait()
        for _ in range(calls // count):
            call(body)
        over.wait()

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    ready.wait()
    began, cpu = time.perf_counter(), time.process_time()
    over.wait()
    spent = microseconds(began, cpu, calls // count * count)
    for thread in threads:
        thread.join()
    close()
    return spent


def measure_tasks(place, body, calls, count=TASKS):
    async def run():
        call, close = await ours_async(place)

        async def work(number):
            for _ in range(number):
                await call(body)

        await asyncio.gather(*(work(2) for _ in range(count)))
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work(calls // count) for _ in range(count)))
        spent = microseconds(began, cpu, calls // count * count)
        await close()
        return spent

    return asyncio.run(run())


def installed(clients, place, body, measured, right):
    """Those that run here and answer rightly."""
    found = {}
    for name, client in clients.items():
        try:
            answers = answered(client, place, body, measured)
        except ImportError as error:
            print(f"left out: {name} ({error})")
            continue
        if answers != right:
            sys.exit(f"{name} answers {answers!r}, not {right!r}")
        found[name] = client
    return found


def answered(client, place, body, measured):
    if measured is measure:
        call, close = client(place)
        answer = call(body)
        close()
        return bytes(answer)

    async def run():
        call, close = await client(place)
        answer = await call(body)
        await close()
        return bytes(answer)

    return asyncio.run(run())


def least(samples):
    """The least CPU and wall time, and the range of the CPU times."""
    cpu = [sample[0] for sample in samples]
    return {
        "cpu_us": round(min(cpu), 1),
        "wall_us": round(min(sample[1] for sample in samples), 1),
        "cpu_median_us": round(statistics.median(cpu), 1),
        "cpu_most_us": round(max(cpu), 1),
    }


def run_all(place, options):
    bodies = {size: body_of(size) for size in SIZES}
    first = bodies[SIZES[0]]
    right = answered(blocking_socket, place, first, measure)
    sync = installed(SYNC, place, first, measure, right)
    tasks = installed(ASYNC, place, first, measure_async, right)
    figures = {name: {} for name in (*sync, *tasks)}
    for size, body in bodies.items():
        # Fewer calls where each takes longer: a round lasts about as long.
        calls = max(20, options.calls // (4 if size > 50_000 else 1))
        actions = {
            **{name: lambda c=c: measure(c, place, body, calls) for name, c in sync.items()},
            **{name: lambda c=c: measure_async(c, place, body, calls) for name, c in tasks.items()},
        }
        for name, samples in harness.interleave(actions, options.rounds).items():
            figures[name][str(size)] = least(samples)
    many = {
        "one thread": lambda: measure(ours, place, bodies[1_000], options.calls),
        f"{THREADS} threads": lambda: measure_threads(place, bodies[1_000], options.calls * 2),
        "one task": lambda: measure_async(ours_async, place, bodies[1_000], options.calls),
        f"{TASKS} tasks": lambda: measure_tasks(place, bodies[1_000], options.calls * 2),
    }
    crowds = {
        name: least(samples)
        for name, samples in harness.interleave(many, options.rounds).items()
    }
    return figures, crowds


def ratios(figures, crowds):
    """What the client promises, each as a number."""
    found = {}
    for own, rivals in ((OURS, ("http.client", "httpx")), (OURS_ASYNC, ("aiohttp", "httpx, async"))):
        for rival in rivals:
            for size in ("127", "1000"):
                if rival in figures:
                    ratio = figures[rival][size]["cpu_us"] / figures[own][size]["cpu_us"]
                    found[f"{rival} / {own}, {size} B"] = round(ratio, 1)
    for crowd, one in ((f"{THREADS} threads", "one thread"), (f"{TASKS} tasks", "one task")):
        found[f"{crowd} / {one}"] = round(crowds[crowd]["cpu_us"] / crowds[one]["cpu_us"], 2)
    return found


def text_of(data, facts):
    rows = [
        [name, *(f"{by_size[str(size)]['cpu_us']:.0f}" for size in SIZES),
         *(f"{by_size[str(size)]['wall_us']:.0f}" for size in SIZES)]
        for name, by_size in data["clients"].items()
    ]
    sizes = [harness.size_text(size) for size in SIZES]
    header = ["client", *(f"CPU, {size}" for size in sizes), *(f"wall, {size}" for size in sizes)]
    crowd_rows = [
        [name, f"{row['cpu_us']:.0f}", f"{row['wall_us']:.0f}"]
        for name, row in data["crowds"].items()
    ]
    ratio_rows = [[name, value] for name, value in data["ratios"].items()]
    return (
        f"Microseconds of the caller a call, by body: Python {data['python']}, one caller, least of "
        f"{data['rounds']} rounds of {data['calls']} calls.\n{harness.machine_line(facts)}\n\n"
        f"{harness.table(header, rows)}\n"
        f"Many callers of one client, 1 kB:\n\n"
        f"{harness.table(['callers', 'CPU', 'wall'], crowd_rows)}\n"
        f"{harness.table(['CPU', 'ratio'], ratio_rows)}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds of 200 calls")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--calls", type=int)
    parser.add_argument("--binary", default=harness.BINARY)
    parser.add_argument("--results", default=harness.RESULTS)
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.calls = options.calls or (200 if options.quick else 800)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    harness.limit_files(4096)
    facts = harness.machine()
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, f"{NAME}.jq"), "w") as out:
            out.write(PROGRAM)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        place = Place(port, os.path.join(folder, "socket"))
        where = (["--port", str(port)], ["--unix", place.path])
        services = [
            subprocess.Popen(
                [options.binary, "serve", *flags, "--drain-ms", "0", "--transforms", folder],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
            for flags in where
        ]
        try:
            for service in services:
                service.stdout.readline()
            figures, crowds = run_all(place, options)
        finally:
            for service in services:
                service.terminate()
                service.wait(30)
                service.stdout.close()
    data = {
        "machine": facts,
        "python": platform.python_version(),
        "rounds": options.rounds,
        "calls": options.calls,
        "clients": figures,
        "crowds": crowds,
        "ratios": ratios(figures, crowds),
    }
    text = text_of(data, facts)
    print(text, end="")
    drawing = plots.lines(
        "A call by client", "bytes of body", "CPU of the caller, µs",
        {name: [(size, by_size[str(size)]["cpu_us"]) for size in SIZES]
         for name, by_size in figures.items() if "Unix" not in name})
    harness.save(options.results, "client", data, text, {"cpu": drawing})


if __name__ == "__main__":
    main()
