#!/usr/bin/env python3
"""`POST /transform` against FastAPI on 2 workers: filter, project, group and sum of orders, with wrk.

    service.py [--seconds N] [--connections N] [--binary PATH]

Bodies of 11 kB and 111 kB. Answers are compared first; then both are loaded in turn, three rounds each,
and the ratio of the medians is printed. Needs wrk, fastapi and uvicorn.
"""
import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = (
    '[.[] | select(.status != "returned")'
    " | {city: .customer.address.city, units: ([.items[].qty] | add), total}]"
    " | group_by(.city)"
    " | map({city: .[0].city, orders: length, units: (map(.units) | add), total: (map(.total) | add)})"
)
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open("%s", "rb")
wrk.body = file:read("*a")
file:close()
"""


def post(url, body):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def wait_until_up(url, body):
    for _ in range(100):
        try:
            return post(url, body)
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} does not answer")


def rounded(groups):
    return [{**group, "total": round(group["total"], 2)} for group in groups]


def load(url, script, options):
    """Requests a second."""
    command = ["wrk", "-t2", f"-c{options.connections}", f"-d{options.seconds}s", "-s", script, url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in text:
        sys.exit(f"{url}: answers other than 2xx\n{text}")
    return float(re.search(r"Requests/sec:\s+([0-9.]+)", text).group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument(
        "--binary", default=os.path.join(HERE, "../.build/release/transform-service")
    )
    options = parser.parse_args()
    ours_url = "http://127.0.0.1:8101/transform?program=" + urllib.parse.quote(PROGRAM, safe="")
    theirs_url = "http://127.0.0.1:8102/transform"
    servers = [
        subprocess.Popen([options.binary, "serve", "--port", "8101"], stderr=subprocess.DEVNULL),
        subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "fastapi_app:app", "--workers", "2", "--port", "8102",
             "--log-level", "error", "--no-access-log"],
            cwd=HERE,
        ),
    ]
    try:
        print(f"{platform.machine()}, {os.cpu_count()} cores, {options.connections} connections")
        for size in ["11k", "111k"]:
            body = subprocess.run(
                [sys.executable, os.path.join(HERE, "orders.py"), size],
                check=True, capture_output=True,
            ).stdout
            ours_answer, theirs_answer = wait_until_up(ours_url, body), wait_until_up(theirs_url, body)
            if rounded(ours_answer) != rounded(theirs_answer):
                sys.exit("the answers differ")
            with tempfile.TemporaryDirectory() as folder:
                data, script = os.path.join(folder, "body.json"), os.path.join(folder, "post.lua")
                open(data, "wb").write(body)
                open(script, "w").write(SCRIPT % data)
                rates = [(load(ours_url, script, options), load(theirs_url, script, options))
                         for _ in range(3)]
            ours, theirs = (statistics.median(rate) for rate in zip(*rates))
            print(f"{len(body):7} bytes: {ours:8.0f}/s, FastAPI {theirs:7.0f}/s, ratio {ours / theirs:.1f}")
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait()


main()
