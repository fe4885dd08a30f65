#!/usr/bin/env python3
"""Soak: random programs and inputs, valid, failing, aborted and slow, for as long as told.

    soak.py [--minutes 30] [--clients 8] [--seed 1] [--growth-mib 32] [--binary PATH]

Starts `serve` on a socket of its own and samples its resident memory and open descriptors every ten
seconds. What the first fifth of the time brings is warming up. Fails where the mean of the last fifth
exceeds the mean of the second by more than --growth-mib, where descriptors grow by more than 8 once all
clients have gone, where a good request gets a wrong answer, or where the service ends with an error.
"""
import argparse
import collections
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = [
    ".", "length", "[.[]?]", "tojson|fromjson", "[paths]", "map_values(.)", "to_entries?", "tostream",
    "[..]", "group_by(type)?", "sort?", "[.[]?|tostring]|join(\",\")", "[range(1e5)]", "walk(.)",
    "reduce range(1000) as $i ({}; .[$i|tostring]=$i)", "\"x\"*1e6|length", "[limit(9;repeat(.))]",
    "test(\"(a+)+$\")?", "@base64?", "[splits(\"a\")?]", "error", "error({a:.})", ".a.b.c", "{", "1 +",
    "last(range(1e9))", "[range(1e9)]", "def f: [f]; f", "input", "halt_error", "now|todate",
    "strptime(\"%Y\")?", "[match(\"[a-z]\";\"g\")?]", "ltrimstr(\"a\")", "del(..)?", "{(\"k\",\"l\"):.}",
]
ALLOWED = {200, 400, 422, 500, 503, 504}


def value(source, depth=0):
    kind = source.randrange(8 if depth < 4 else 5)
    if kind == 0:
        return source.choice([None, True, False])
    if kind in (1, 2):
        return source.choice([source.randrange(-10**6, 10**18), source.random(), 1e300])
    if kind in (3, 4):
        return "".join(source.choice("ab \"\\é日\n") for _ in range(source.randrange(60)))
    if kind == 5:
        return {str(source.randrange(99)): value(source, depth + 1) for _ in range(source.randrange(20))}
    return [value(source, depth + 1) for _ in range(source.randrange(30))]


def content(source):
    text = json.dumps(value(source), ensure_ascii=False).encode()
    kind = source.randrange(12)
    if kind == 0:
        return text[:source.randrange(len(text) + 1)]
    if kind == 1:
        return b"[" * source.randrange(20_000)
    if kind == 2:
        return b"[" + b",".join([text] * source.randrange(1, 200)) + b"]"
    return text


class Client(threading.Thread):
    def __init__(self, path, seed, ends):
        super().__init__(daemon=True)
        self.path, self.source, self.ends = path, random.Random(seed), ends
        self.counts = collections.Counter()
        self.wrong = []

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(self.path)
        return connection

    def run(self):
        while time.monotonic() < self.ends:
            try:
                self.step()
            except (OSError, ValueError) as error:
                self.counts[type(error).__name__] += 1
                time.sleep(0.01)

    def step(self):
        kind = self.source.randrange(20)
        program, body = self.source.choice(PROGRAMS), content(self.source)
        if kind == 0:
            program += f" # {self.source.random()}"
        elif kind < 6:
            number = self.source.randrange(10**9)
            program, body = ".a + 1", b'{"a":%d}' % number
        target = "/transform?outputs=array&program=" + urllib.parse.quote(program)
        head = f"POST {target} HTTP/1.1\r\nHost: a\r\nX-Request-Timeout-Ms: 200\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        with self.connect() as connection:
            if kind == 6:  # goes away in the middle
                connection.sendall(request[: self.source.randrange(len(request))])
                self.counts["aborted"] += 1
                return
            if kind == 7:  # goes away without reading
                connection.sendall(request)
                self.counts["unread"] += 1
                return
            if kind == 8:  # takes its time
                for start in range(0, min(len(request), 400), 40):
                    connection.sendall(request[start:start + 40])
                    time.sleep(0.02)
                self.counts["slow"] += 1
                return
            for _ in range(self.source.randrange(1, 4)):
                connection.sendall(request)
                status, answer = self.answer(connection)
                self.counts[status] += 1
                if status not in ALLOWED or program == ".a + 1" and status == 200 and (
                        json.loads(answer) != [number + 1]):
                    self.wrong.append((status, program, body[:80], answer[:200]))
                if status != 200:
                    return

    @staticmethod
    def answer(connection):
        with connection.makefile("rb") as reader:
            line = reader.readline().split()
            if len(line) < 2:
                raise ConnectionError("no answer")
            length = 0
            while (field := reader.readline()) not in (b"\r\n", b""):
                name, _, text = field.partition(b":")
                if name.lower() == b"content-length":
                    length = int(text)
            return int(line[1]), reader.read(length)


def resident_mib(process):
    with open(f"/proc/{process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def slope(samples):
    """MiB an hour by least squares."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread if spread else 0.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--growth-mib", type=float, default=32)
    parser.add_argument("--binary", default=os.path.join(HERE, "../.build/release/transform-service"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        process = subprocess.Popen([options.binary, "serve", "--unix", path, "--log-level", "error"])
        try:
            while not os.path.exists(path):
                if process.poll() is not None:
                    sys.exit("the service does not start")
                time.sleep(0.05)
            sys.exit(soak(process, path, options))
        finally:
            process.kill()


def soak(process, path, options):
    time.sleep(0.5)
    idle = descriptors(process)
    start = time.monotonic()
    ends = start + options.minutes * 60
    clients = [Client(path, options.seed * 1000 + i, ends) for i in range(options.clients)]
    for client in clients:
        client.start()
    samples = []
    while time.monotonic() < ends:
        time.sleep(min(10, max(0.1, ends - time.monotonic())))
        if process.poll() is not None:
            print(f"the service ended with status {process.returncode}")
            return 1
        samples.append((time.monotonic() - start, resident_mib(process)))
        print(f"{samples[-1][0]:6.0f} s {samples[-1][1]:8.1f} MiB {descriptors(process):4} descriptors", flush=True)
    for client in clients:
        client.join(60)
    time.sleep(6)
    left = descriptors(process) - idle
    counts = sum((client.counts for client in clients), collections.Counter())
    wrong = [one for client in clients for one in client.wrong]
    fifth = max(1, len(samples) // 5)
    first = sum(y for _, y in samples[fifth:2 * fifth] or samples) / len(samples[fifth:2 * fifth] or samples)
    last = sum(y for _, y in samples[-fifth:]) / fifth
    print(dict(sorted(counts.items(), key=str)))
    print(f"resident: second fifth {first:.1f} MiB, last fifth {last:.1f} MiB, "
          f"slope {slope(samples[fifth:] or samples):+.1f} MiB/h; descriptors left: {left}; wrong: {len(wrong)}")
    for one in wrong[:10]:
        print(one)
    process.send_signal(signal.SIGTERM)
    status = process.wait(60)
    failed = last - first > options.growth_mib or left > 8 or wrong or status != 0
    print("FAILED" if failed else "passed", f"exit status {status}")
    return 1 if failed else 0


if __name__ == "__main__":
    main()
