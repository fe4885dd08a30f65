#!/usr/bin/env python3
"""Compile time of a 10-line program, as `Server-Timing: compile` of the service tells it.

    compile.py [--programs N] [--binary PATH]

Starts the service and posts N programs that differ in a constant, so that each is new; posts the last
one again, which must be cached: no `compile` then. Prints the first, the hundredth and the median of
all from the second on, in microseconds, and fails where the median is above 100.
"""
import argparse
import http.client
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = """def total: map(.qty * .price) | add // 0;
def vip($least): .customer.orders > $least;
[ .orders[]
  | select(.status != "returned" and vip(%d))
  | {city: .customer.city, items: (.items | length), total: (.items | total)} ]
| group_by(.city)
| map({ city: .[0].city, orders: length,
        revenue: (map(.total) | add),
        best: max_by(.total).items })
| sort_by(-.revenue) | .[:10]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def post(connection, number):
    """Microseconds of compiling, 0 where there was none."""
    body = json.dumps({"program": PROGRAM % number, "input": {"orders": []}})
    connection.request("POST", "/transform", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    content = response.read()
    if response.status != 200 or content.strip() != b"[]":
        sys.exit(f"{response.status}: {content[:200]!r}")
    found = re.search(r"compile;dur=([0-9.]+)", response.headers["Server-Timing"])
    return float(found.group(1)) * 1000 if found else 0


def connect(port):
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.connect()
            return connection
        except OSError:
            time.sleep(0.02)
    sys.exit("the service does not answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=2000)
    parser.add_argument(
        "--binary", default=os.path.join(HERE, "../.build/release/transform-service")
    )
    options = parser.parse_args()
    port = free_port()
    service = subprocess.Popen(
        [options.binary, "serve", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        connection = connect(port)
        times = [post(connection, number) for number in range(options.programs)]
        cached = post(connection, options.programs - 1)
    finally:
        service.terminate()
        service.wait()
    if 0 in times or cached:
        sys.exit("a new program was not compiled, or a cached one was")
    median = statistics.median(times[1:])
    print(f"{platform.machine()}, {os.cpu_count()} cores, a program of 10 lines, {len(times)} times")
    print(f"first {times[0]:.0f} us, hundredth {times[99]:.0f} us, median {median:.0f} us, "
          f"90 % below {sorted(times)[len(times) * 9 // 10]:.0f} us")
    if median > 100:
        sys.exit("the median is above 100 us")


main()
