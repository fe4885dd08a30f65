#!/usr/bin/env python3
"""A batch of 1,000,000 lines (about 220 MB) through `POST /transform/NAME`.

    batch.py [--lines N] [--binary PATH] [--jaq PATH]

It checks that the answer is what `run` writes, and prints: the time with one worker and with two, and with
`jaq -c` on the same file, for a light transform and, on a tenth of the lines, for two of
`deploy/transforms` that do more with each (curl and the service's own loop take a part of the second core
that does not grow with the transform); the most memory that the service held; the same with the client's
reading and sending slowed down; the latency of small requests while a batch runs; and how long the service
works on after its client has left. The lines are written to a file in the temporary folder and removed.
"""
import argparse
import hashlib
import http.client
import json
import os
import platform
import random
import socket
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 8131
PROGRAM = 'select(.status != "returned") | {id, city: .customer.city, units: ([.items[].qty] | add), total}'
HEAVIER = {"flatten": ["--arg", "separator", "."],
           "mask-pii": ["--argjson", "names", '["password","token","ssn","phone","birth_date"]', "--arg", "mask", "***"]}
CHUNK = 256 * 1024


def write_lines(path, count):
    """Lines of some 220 bytes; 5,000 different ones, each with its own number."""
    rng = random.Random(1)
    cities = ["Łódź", "Lyon", "São Paulo", "Osaka", "Leeds", "Graz"]
    tails = []
    for _ in range(5000):
        order = {
            "status": rng.choice(["new", "paid", "packed", "shipped", "returned"]),
            "customer": {"name": f"Customer {rng.randrange(5000)}", "city": rng.choice(cities)},
            "items": [
                {"sku": f"SKU-{rng.randrange(100000):05d}", "qty": rng.randint(1, 9),
                 "price": round(rng.uniform(0.5, 300), 2)}
                for _ in range(rng.randint(1, 3))
            ],
            "total": round(rng.uniform(1, 2000), 2),
            "note": rng.choice([None, "leave at the door", "ring twice, please"]),
        }
        tails.append(json.dumps(order, ensure_ascii=False, separators=(",", ":"))[1:].encode() + b"\n")
    with open(path, "wb") as file:
        for start in range(0, count, 1000):
            numbers = range(start, min(start + 1000, count))
            file.write(b"".join(b'{"id":%d,' % n + tails[n * 7919 % 5000] for n in numbers))


class Service:
    def __init__(self, options, workers):
        self.process = subprocess.Popen(
            [options.binary, "serve", "--port", str(PORT), "--workers", str(workers), "--transforms", options.folder],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", PORT)).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("the service does not answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def peak_mb(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1000
        return 0

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def post(path, limits=(), name="orders"):
    """Seconds that curl takes for the answer to the file, and the answer's digest."""
    answer = path + ".answer"
    command = ["curl", "-sS", "-X", "POST", "-T", path, "-o", answer, "-H", "Content-Type: application/x-ndjson",
               "-H", "Expect:", *limits, f"http://127.0.0.1:{PORT}/transform/{name}"]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    with open(answer, "rb") as file:
        return seconds, hashlib.file_digest(file, "blake2b").hexdigest()


def timed(command, path):
    """Seconds and digest of what a command writes for the file."""
    start = time.perf_counter()
    with open(path, "rb") as file:
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE)
        digest = hashlib.blake2b()
        while piece := process.stdout.read(CHUNK):
            digest.update(piece)
    if process.wait() != 0:
        sys.exit(f"{command[0]}: {process.returncode}")
    return time.perf_counter() - start, digest.hexdigest()


def latencies(seconds, stop):
    """Milliseconds of small requests, one after the other."""
    body = json.dumps({"program": ".a + 1", "input": {"a": 1}})
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=10)
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end and not stop.is_set():
        start = time.perf_counter()
        connection.request("POST", "/transform", body, {"Content-Type": "application/json"})
        if connection.getresponse().read() != b"2":
            sys.exit("a small request was answered wrongly")
        times.append((time.perf_counter() - start) * 1000)
        time.sleep(0.001)
    return times


def leave(service, path):
    """Milliseconds of CPU that the service used from 0.1 s after its client left."""
    client = socket.create_connection(("127.0.0.1", PORT))
    head = (f"POST /transform/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"
            f"Content-Length: {os.path.getsize(path)}\r\n\r\n")
    client.sendall(head.encode())
    reader = threading.Thread(target=lambda: drain(client))
    reader.start()
    with open(path, "rb") as file:
        client.sendall(file.read(20_000_000))
    client.shutdown(socket.SHUT_RDWR)
    client.close()
    reader.join()
    time.sleep(0.1)
    before = service.cpu_seconds()
    time.sleep(1)
    return (service.cpu_seconds() - before) * 1000


def drain(client):
    try:
        while client.recv(CHUNK):
            pass
    except OSError:
        pass


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def compare(options, name, path, command):
    """Prints a transform's times with one worker, with two, and jaq's."""
    size = os.path.getsize(path) / 1e6
    _, expected = timed([options.binary, "run", *command], path)
    medians = {}
    for workers in (1, 2):
        with Service(options, workers) as service:
            rounds = [post(path, name=name) for _ in range(options.rounds)]
            if any(digest != expected for _, digest in rounds):
                sys.exit("the answer is not what `run` writes")
            medians[workers] = statistics.median(seconds for seconds, _ in rounds)
            print(f"{name}, {size:.0f} MB, {workers} workers: {medians[workers]:.2f} s, "
                  f"{size / medians[workers]:.0f} MB/s, peak {service.peak_mb():.0f} MB")
    jaq, _ = timed([options.jaq, *command], path)
    print(f"{name}: 2 workers {medians[1] / medians[2]:.2f} times as fast as 1; "
          f"jaq -c {jaq:.2f} s, {jaq / medians[2]:.1f} times as long")


def text_of(name):
    """The program of a transform without its metadata, which is for the service."""
    with open(os.path.join(HERE, "../deploy/transforms", name + ".jq"), encoding="utf-8") as file:
        return file.read().split("};", 1)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--binary", default=os.path.join(HERE, "../.build/release/transform-service"))
    parser.add_argument("--jaq", default="jaq")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "lines.ndjson")
        write_lines(path, options.lines)
        short = os.path.join(folder, "short.ndjson")
        write_lines(short, options.lines // 10)
        options.folder = os.path.join(folder, "transforms")
        os.mkdir(options.folder)
        with open(os.path.join(options.folder, "orders.jq"), "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        for name in HEAVIER:
            shutil.copy(os.path.join(HERE, "../deploy/transforms", name + ".jq"), options.folder)
        print(f"{platform.machine()}, {os.cpu_count()} cores, {options.lines} lines")
        compare(options, "orders", path, ["-c", PROGRAM])
        for name, arguments in HEAVIER.items():
            compare(options, name, short, ["-c", *arguments, text_of(name)])
        with Service(options, 2) as service:
            stop = threading.Event()
            found = []
            thread = threading.Thread(target=lambda: found.extend(latencies(600, stop)))
            thread.start()
            for _ in range(3):
                post(path)
            stop.set()
            thread.join()
            print(f"small requests meanwhile: {len(found)}, median {percentile(found, 0.5):.2f} ms, "
                  f"p99 {percentile(found, 0.99):.2f} ms, worst {max(found):.2f} ms")
            print(f"client gone: {leave(service, path):.0f} ms of CPU in the second after 0.1 s")
        with Service(options, 2) as service:
            seconds, _ = post(short, ["--limit-rate", "20M"])
            print(f"--limit-rate 20M both ways: {seconds:.1f} s, peak {service.peak_mb():.0f} MB")


main()
